<?php

declare(strict_types=1);

// What the module uses of 1C-Bitrix, as small as it can be, over SQLite.

namespace Bitrix\Main {
    class Application
    {
        public static DB\Connection $connection;
        public static bool $utf = true;
        /** @var list<callable> what runs when the page is delivered */
        public static array $jobs = [];

        public static function getConnection(): DB\Connection
        {
            return self::$connection;
        }

        public static function getInstance(): self
        {
            return new self();
        }

        public static function isUtfMode(): bool
        {
            return self::$utf;
        }

        public function addBackgroundJob(callable $job): self
        {
            self::$jobs[] = $job;
            return $this;
        }
    }

    class Loader
    {
        /** @var list<string> */
        public static array $modules = ['sale', 'catalog', 'iblock', 'form'];

        public static function requireModule(string $name): void
        {
            if (!self::includeModule($name)) {
                throw new \RuntimeException("Required module `$name` was not found");
            }
        }

        public static function includeModule(string $name): bool
        {
            return in_array($name, self::$modules, true);
        }
    }

    class ModuleManager
    {
        public static function isModuleInstalled(string $name): bool
        {
            return Loader::includeModule($name);
        }

        public static function registerModule(string $name): void
        {
            Loader::$modules[] = $name;
        }

        public static function unRegisterModule(string $name): void
        {
            Loader::$modules = array_values(array_diff(Loader::$modules, [$name]));
        }
    }

    class Event
    {
        /** @param array<string, mixed> $parameters */
        public function __construct(private array $parameters)
        {
        }

        public function getParameter(string $name): mixed
        {
            return $this->parameters[$name] ?? null;
        }
    }

    /** Handlers that are registered stand in a table of the site; names know no case. */
    class EventManager
    {
        /** @var array<string, list<array{0: string, 1: string, 2: string, 3: int}>> */
        public static array $handlers = [];

        public static function getInstance(): self
        {
            return new self();
        }

        public function registerEventHandler(
            string $from,
            string $event,
            string $to,
            string $class,
            string $method
        ): void {
            self::register("$from:$event", [$to, $class, $method, 2]);
        }

        public function registerEventHandlerCompatible(
            string $from,
            string $event,
            string $to,
            string $class,
            string $method
        ): void {
            self::register("$from:$event", [$to, $class, $method, 1]);
        }

        /** @param array{0: string, 1: string, 2: string, 3: int} $handler */
        private static function register(string $name, array $handler): void
        {
            $there = self::$handlers[strtoupper($name)] ?? [];
            // The table has a unique key: what is registered twice is called once.
            if (!in_array($handler, $there, true)) {
                self::$handlers[strtoupper($name)][] = $handler;
            }
        }

        public function unRegisterEventHandler(
            string $from,
            string $event,
            string $to,
            string $class,
            string $method
        ): void {
            $name = strtoupper("$from:$event");
            self::$handlers[$name] = array_values(array_filter(
                self::$handlers[$name] ?? [],
                static fn (array $one): bool => [$to, $class, $method] !== array_slice($one, 0, 3)
            ));
        }

        /** An event of the newer kind. @param array<string, mixed> $parameters */
        public static function send(string $module, string $name, array $parameters): void
        {
            foreach (self::$handlers[strtoupper("$module:$name")] ?? [] as $handler) {
                if ($handler[3] !== 2) {
                    throw new \RuntimeException("$name is handled as an older event");
                }
                [$handler[1], $handler[2]](new Event($parameters));
            }
        }

        /** An event of the older kind: its arguments come one by one. */
        public static function execute(string $module, string $name, mixed ...$arguments): void
        {
            foreach (self::$handlers[strtoupper("$module:$name")] ?? [] as $handler) {
                if ($handler[3] !== 1) {
                    throw new \RuntimeException("$name is handled as a newer event");
                }
                [$handler[1], $handler[2]](...$arguments);
            }
        }
    }

    class UserTable
    {
        /** @return array<string, mixed>|null */
        public static function getRowById(int $id): ?array
        {
            return $id === 77 ? ['NAME' => text('Анна'), 'EMAIL' => 'anna@example.com'] : null;
        }
    }

    /** A text as the site's database has it. */
    function text(string $text): string
    {
        return Application::$utf ? $text : mb_convert_encoding($text, 'windows-1251', 'UTF-8');
    }
}

namespace Bitrix\Main\Config {
    class Option
    {
        /** @var array<string, array<string, string>> */
        public static array $set = [];

        public static function get(string $module, string $name, string $usual = ''): string
        {
            if ($module === 'sale' && $name === 'anonymous_user_id') {
                return '5';
            }
            if (!isset(self::$set[$module][$name]) && $usual === '') {
                return self::defaults()[$name] ?? '';
            }
            return self::$set[$module][$name] ?? $usual;
        }

        /**
         * What the module's own file says; it goes before a default that is empty.
         *
         * @return array<string, string>
         */
        private static function defaults(): array
        {
            $b24_bridge_default_option = [];
            $file = dirname(__DIR__) . '/b24.bridge/default_option.php';
            is_file($file) && include $file;
            return $b24_bridge_default_option;
        }

        public static function set(string $module, string $name, string $value): void
        {
            self::$set[$module][$name] = $value;
        }

        public static function delete(string $module): void
        {
            unset(self::$set[$module]);
        }
    }
}

namespace Bitrix\Main\Type {
    class DateTime
    {
        public function __construct(private int $at)
        {
        }

        public static function createFromTimestamp(int $at): self
        {
            return new self($at);
        }

        public function getTimestamp(): int
        {
            return $this->at;
        }

        public function format(string $format): string
        {
            return date($format, $this->at);
        }
    }
}

namespace Bitrix\Main\DB {
    class Rows
    {
        /** @param list<array<string, mixed>> $rows */
        public function __construct(private array $rows)
        {
        }

        /** @return list<array<string, mixed>> */
        public function fetchAll(): array
        {
            return $this->rows;
        }

        /** As the older classes call it. @return array<string, mixed>|false */
        public function Fetch(): array|false
        {
            return array_shift($this->rows) ?? false;
        }
    }

    class SqlHelper
    {
        public function forSql(string $text): string
        {
            return str_replace("'", "''", $text);
        }
    }

    class Connection
    {
        public \PDO $pdo;
        public bool $broken = false;
        private int $changed = 0;

        public function __construct()
        {
            $options = [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION];
            $this->pdo = new \PDO('sqlite::memory:', null, null, $options);
        }

        public function getType(): string
        {
            // SQLite speaks PostgreSQL's `ON CONFLICT DO NOTHING`.
            return 'pgsql';
        }

        public function getSqlHelper(): SqlHelper
        {
            return new SqlHelper();
        }

        public function queryExecute(string $sql): void
        {
            if ($this->broken) {
                throw new \RuntimeException('the table is gone');
            }
            $key = ['BIGSERIAL PRIMARY KEY' => 'INTEGER PRIMARY KEY AUTOINCREMENT'];
            $this->changed = (int) $this->pdo->exec(strtr($sql, $key));
        }

        public function query(string $sql): Rows
        {
            $rows = $this->pdo->query($sql)->fetchAll(\PDO::FETCH_ASSOC);
            // MySQL keeps the case of a name, Oracle does not.
            return new Rows(array_map(
                static fn (array $row): array => array_change_key_case($row, CASE_UPPER),
                $rows
            ));
        }

        public function isTableExists(string $name): bool
        {
            return $this->pdo->query("PRAGMA table_info($name)")->fetchAll() !== [];
        }

        /** @return array<string, object> */
        public function getTableFields(string $name): array
        {
            $columns = $this->pdo->query("PRAGMA table_info($name)")->fetchAll(\PDO::FETCH_ASSOC);
            $names = array_map('strtoupper', array_column($columns, 'name'));
            return array_fill_keys($names, new \stdClass());
        }

        public function getAffectedRowsCount(): int
        {
            return $this->changed;
        }
    }
}

namespace {
    use Bitrix\Main\Application;

    /** @var list<string> */
    $GLOBALS['log'] = [];

    function AddMessage2Log(string $text, string $module): void
    {
        $GLOBALS['log'][] = $text;
    }

    class CModule
    {
    }

    class CAgent
    {
        /** @var array<string, array{0: string, 1: int}> */
        public static array $agents = [];

        public static function AddAgent(
            string $call,
            string $module,
            string $period,
            int $seconds
        ): int {
            self::$agents[$call] = [$module, $seconds];
            return 1;
        }

        public static function RemoveModuleAgents(string $module): void
        {
            self::$agents = array_filter(
                self::$agents,
                static fn (array $agent): bool => $agent[0] !== $module
            );
        }
    }

    /** The page that the administrator looks at. */
    class Page
    {
        public ?string $exception = null;
        public ?string $included = null;

        public function ThrowException(string $words): void
        {
            $this->exception = $words;
        }

        public function IncludeAdminFile(string $title, string $file): void
        {
            $this->included = $title;
            include $file;
        }

        public function GetCurPage(): string
        {
            return '/bitrix/admin/partner_modules.php';
        }
    }

    class CAdminMessage
    {
        public static function ShowMessage(string $words): void
        {
            echo "<div>$words</div>";
        }
    }

    class CAdminTabControl
    {
        /** @param list<array<string, string>> $tabs */
        public function __construct(string $name, private array $tabs)
        {
        }

        public function Begin(): void
        {
        }

        public function BeginNextTab(): void
        {
            echo '<h2>' . array_shift($this->tabs)['TAB'] . '</h2>';
        }

        public function Buttons(): void
        {
        }

        public function End(): void
        {
        }
    }

    class CUser
    {
        public bool $admin = true;

        public function IsAdmin(): bool
        {
            return $this->admin;
        }
    }

    function bitrix_sessid_post(): string
    {
        return '<input type="hidden" name="sessid" value="right">';
    }

    function check_bitrix_sessid(): bool
    {
        return ($_POST['sessid'] ?? '') === 'right';
    }

    /** As in the product: a text that is not in the site's own charset becomes empty. */
    function htmlspecialcharsbx(string $text): string
    {
        $charset = Application::$utf ? 'UTF-8' : 'cp1251';
        return htmlspecialchars($text, ENT_COMPAT, $charset);
    }

    function CopyDirFiles(string $from, string $to, bool $rewrite, bool $deep): bool
    {
        foreach (scandir($from) ?: [] as $name) {
            if (trim($name, '.') === '') {
                continue;
            }
            is_dir($to) || mkdir($to, 0777, true);
            is_dir("$from/$name")
                ? CopyDirFiles("$from/$name", "$to/$name", $rewrite, $deep)
                : copy("$from/$name", "$to/$name");
        }
        return true;
    }

    function DeleteDirFilesEx(string $path): bool
    {
        $folder = $_SERVER['DOCUMENT_ROOT'] . $path;
        foreach (is_dir($folder) ? scandir($folder) : [] as $name) {
            if (trim($name, '.') === '') {
                continue;
            }
            is_dir("$folder/$name") ? DeleteDirFilesEx("$path/$name") : unlink("$folder/$name");
        }
        return is_dir($folder) && rmdir($folder);
    }

    require_once __DIR__ . '/sale_stand_ins.php';
}
