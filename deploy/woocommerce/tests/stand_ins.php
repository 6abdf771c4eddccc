<?php

declare(strict_types=1);

// What the plugin uses of WordPress, over SQLite.

define('ABSPATH', __DIR__);
define('DAY_IN_SECONDS', 86400);

final class World
{
    /** @var array<string, list<callable>> */
    public static array $hooks = [];
    /** @var array<int, WC_Order> */
    public static array $orders = [];
    /** @var array<int, WC_Webhook> */
    public static array $webhooks = [];
    /** @var array<string, mixed> */
    public static array $options = [];
    /** @var list<array{0: int, 1: string, 2: list<int>}> */
    public static array $scheduled = [];
    /** @var list<string> hooks that Action Scheduler runs soon, or again and again */
    public static array $soon = [];
    /** @var array<int, WC_Product> by their posts */
    public static array $products = [];
    /** @var array<int, string> */
    public static array $categories = [];
    /** @var list<array{0: string, 1: string, 2: array<string, mixed>}> what was asked by HTTP */
    public static array $asked = [];
    /** @var array<string, array{0: int, 1: string}> answers by the beginnings of addresses */
    public static array $answers = [];
    /** @var list<string> */
    public static array $log = [];
    /** @var callable|null */
    public static $route;
    public static string $locale = 'en_US';
    public static bool $allowed = true;
    public static ?string $menu = null;

    public static function fresh(): void
    {
        self::$orders = self::$webhooks = self::$options = self::$scheduled = [];
        self::$soon = self::$products = self::$categories = self::$asked = self::$log = [];
        self::$answers = [];
        self::$locale = 'en_US';
        self::$allowed = true;
        $_POST = [];
        $_SERVER['REQUEST_METHOD'] = 'GET';
        $GLOBALS['wpdb'] = new wpdb();
        // What happens once in a request happens once in a test.
        (new ReflectionProperty(B24Bridge\Plugin::class, 'asked'))->setValue(null, false);
    }
}

/** MySQL's dialect over SQLite. Errors are told by an answer and by `last_error`. */
class wpdb
{
    public string $prefix = 'wp7_';
    public string $posts = 'wp7_posts';
    public string $last_error = '';
    public PDO $pdo;
    public bool $broken = false;
    private const ESCAPED = '{f00f00}';

    public function __construct()
    {
        $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
        $this->pdo = new PDO('sqlite::memory:', null, null, $options);
    }

    public function suppress_errors(bool $quiet): bool
    {
        return false;
    }

    /** As in WordPress, a percent sign is hidden until the query is made. */
    public function prepare(string $format, string $value): string
    {
        $value = str_replace(["'", '%'], ["''", self::ESCAPED], $value);
        return str_replace('%s', "'$value'", $format);
    }

    private function translated(string $sql): string
    {
        if ($this->broken) {
            throw new PDOException('the server has gone away');
        }
        $sql = str_replace(self::ESCAPED, '%', $sql);
        if (preg_match('/^SHOW COLUMNS FROM (\w+)$/', $sql, $parts) === 1) {
            return "SELECT name AS Field FROM pragma_table_info('$parts[1]')";
        }
        return strtr($sql, [
            'INSERT IGNORE' => 'INSERT OR IGNORE',
            'BIGINT AUTO_INCREMENT PRIMARY KEY' => 'INTEGER PRIMARY KEY AUTOINCREMENT',
            ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4' => '',
        ]);
    }

    public function query(string $sql): int|bool
    {
        $this->last_error = '';
        try {
            $changed = (int) $this->pdo->exec($this->translated($sql));
            return preg_match('/^\s*(CREATE|ALTER|DROP)/', $sql) === 1 ? true : $changed;
        } catch (PDOException $error) {
            $this->last_error = $error->getMessage();
            return false;
        }
    }

    /** @return list<array<string, string|null>> numbers come as texts; an error is an empty list */
    public function get_results(string $sql, string $shape): array
    {
        $this->last_error = '';
        try {
            $rows = $this->pdo->query($this->translated($sql))->fetchAll(PDO::FETCH_ASSOC);
        } catch (PDOException $error) {
            $this->last_error = $error->getMessage();
            return [];
        }
        return array_map(static fn (array $row): array => array_map(
            static fn ($value): ?string => $value === null ? null : (string) $value,
            $row
        ), $rows);
    }
}

class WP_Term
{
    public function __construct(public int $term_id, public string $name)
    {
    }
}

class WP_Error
{
    public function __construct(private string $code, private string $words)
    {
    }

    public function get_error_message(): string
    {
        return $this->words;
    }
}

class WP_REST_Request
{
    /** @param array<string, string> $headers */
    public function __construct(private array $headers, private string $body)
    {
    }

    public function get_header(string $name): ?string
    {
        return $this->headers[$name] ?? null;
    }

    public function get_body(): string
    {
        return $this->body;
    }
}

class WP_REST_Response
{
    /** @param array<string, mixed> $data */
    public function __construct(public array $data, public int $status)
    {
    }
}

function add_action(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
{
    World::$hooks[$hook][] = static fn (mixed ...$given): mixed
        => $what(...array_slice($given, 0, $arguments));
}

function add_filter(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
{
    add_action($hook, $what, $priority, $arguments);
}

/** Takes the last one away: nothing here adds two that differ. */
function remove_filter(string $hook, callable $what): bool
{
    array_pop(World::$hooks[$hook]);
    return true;
}

function do_action(string $hook, mixed ...$arguments): void
{
    foreach (World::$hooks[$hook] ?? [] as $what) {
        $what(...$arguments);
    }
}

function apply_filters(string $hook, mixed $value, mixed ...$arguments): mixed
{
    foreach (World::$hooks[$hook] ?? [] as $what) {
        $value = $what($value, ...$arguments);
    }
    return $value;
}

function register_activation_hook(string $file, callable $what): void
{
    add_action('activate', $what);
}

function register_deactivation_hook(string $file, callable $what): void
{
    add_action('deactivate', $what);
}

/** @param array<string, mixed> $options */
function register_rest_route(string $space, string $route, array $options): void
{
    World::$route = $options['callback'];
}

/** @param array<string, mixed> $query @return list<object> */
function get_posts(array $query): array
{
    $where = $query['suppress_filters'] ? '' : apply_filters('posts_where', '');
    $last = preg_match('/ AND wp7_posts\.ID > (\d+)$/', $where, $parts) === 1 ? (int) $parts[1] : 0;
    $since = $query['date_query'][0]['after'] ?? '';
    $found = array_filter(
        World::$products,
        static fn (WC_Product $one): bool
            => in_array($one->data['status'], $query['post_status'], true)
            && $one->modified >= $since && $one->id > $last
    );
    ksort($found);
    return array_map(
        static fn (WC_Product $one): object => (object) ['ID' => (string) $one->id],
        array_slice($found, 0, $query['posts_per_page'])
    );
}

function get_post_type(int $post): string|false
{
    $product = World::$products[$post] ?? null;
    if ($product === null) {
        return $post === 5 ? 'page' : false;
    }
    return $product->data['parent'] > 0 ? 'product_variation' : 'product';
}

function get_post_status(int $post): string|false
{
    return World::$products[$post]->data['status'] ?? false;
}

function wp_get_post_parent_id(int $post): int
{
    return World::$products[$post]->data['parent'] ?? 0;
}

/** @return list<int> from the nearest to the top */
function get_ancestors(int $term, string $taxonomy, string $kind): array
{
    return $term === 8 ? [7] : [];
}

function get_term(int $term, string $taxonomy): ?WP_Term
{
    $name = World::$categories[$term] ?? null;
    return $name === null ? null : new WP_Term($term, $name);
}

function home_url(string $path): string
{
    return 'https://shop.example' . $path;
}

function rest_url(string $path): string
{
    return 'https://shop.example/wp-json/' . $path;
}

function get_option(string $name, mixed $usual = false): mixed
{
    return World::$options[$name] ?? $usual;
}

function update_option(string $name, mixed $value, bool $autoload = true): bool
{
    World::$options[$name] = $value;
    return true;
}

function delete_option(string $name): bool
{
    unset(World::$options[$name]);
    return true;
}

function get_user_locale(): string
{
    return World::$locale;
}

function get_current_user_id(): int
{
    return 42;
}

function current_user_can(string $what): bool
{
    return World::$allowed && $what === 'manage_woocommerce';
}

/** Only the shop's manager, 42, sees orders. */
function user_can(int $user, string $what): bool
{
    return $user === 42 && $what === 'read_private_shop_orders';
}

function check_admin_referer(string $action): void
{
    if (($_POST['_wpnonce'] ?? '') !== $action) {
        throw new DomainException('The link you followed has expired.');
    }
}

/** Of an attachment that is gone there is none. */
function wp_get_attachment_url(int $id): string|false
{
    return $id < 90 ? "https://shop.example/uploads/$id.jpg" : false;
}

function wp_nonce_field(string $action): void
{
    echo '<input type="hidden" name="_wpnonce" value="' . $action . '">';
}

function add_submenu_page(string ...$arguments): void
{
}

/** WordPress puts slashes before quotes in whatever comes in. */
function wp_unslash(mixed $value): mixed
{
    return is_array($value) ? array_map('wp_unslash', $value) : stripslashes((string) $value);
}

function esc_html(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function esc_attr(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function esc_textarea(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function wp_strip_all_tags(string $text): string
{
    return trim(strip_tags($text));
}

function wp_date(string $format, int $at): string
{
    return date($format, $at);
}

function is_wp_error(mixed $thing): bool
{
    return $thing instanceof WP_Error;
}

/** @param array<string, mixed>|WP_Error $answer as in WordPress, an error has no code */
function wp_remote_retrieve_response_code(mixed $answer): int|string
{
    return is_array($answer) ? $answer['response']['code'] : '';
}

/** @param array<string, mixed>|WP_Error $answer */
function wp_remote_retrieve_body(mixed $answer): string
{
    return is_array($answer) ? $answer['body'] : '';
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function wp_remote_post(string $url, array $request): array|WP_Error
{
    return world_asked('POST', $url, $request);
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function wp_remote_get(string $url, array $request): array|WP_Error
{
    return world_asked('GET', $url, $request);
}

/** Addresses of the server's own network are refused. */
function wp_safe_remote_post(string $url, array $request): array|WP_Error
{
    if (preg_match('/\/\/(127|10|192\.168)\./', $url) === 1) {
        return new WP_Error('http_request_failed', 'A valid URL was not provided.');
    }
    return world_asked('POST', $url, $request);
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function world_asked(string $method, string $url, array $request): array|WP_Error
{
    World::$asked[] = [$method, $url, $request];
    foreach (World::$answers as $beginning => [$status, $body]) {
        if (strncmp($url, $beginning, strlen($beginning)) === 0) {
            return $status === 0
                ? new WP_Error('http_request_failed', $body)
                : ['response' => ['code' => $status], 'body' => $body];
        }
    }
    $events = json_decode((string) ($request['body'] ?? ''), true);
    $results = array_fill(0, is_array($events) ? count($events) : 0, ['result' => 'queued']);
    $body = (string) json_encode(['results' => $results]);
    $status = strpos($url, '/v1/events') !== false ? 202 : 200;
    return ['response' => ['code' => $status], 'body' => $body];
}

require_once __DIR__ . '/woo_stand_ins.php';
