<?php

declare(strict_types=1);

// What the module uses of 1C-Bitrix, as small as it can be, over SQLite.

namespace Bitrix\Main {
    class Application
    {
        public static DB\Connection $connection;

        public static function getConnection(): DB\Connection
        {
            return self::$connection;
        }
    }

    class Loader
    {
        public static function requireModule(string $name): void
        {
        }

        public static function includeModule(string $name): bool
        {
            return $name === 'catalog';
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

    class EventManager
    {
        /** @var array<string, callable> */
        public static array $handlers = [];

        public static function getInstance(): self
        {
            return new self();
        }

        public function addEventHandler(string $module, string $event, callable $handler): void
        {
            self::$handlers["$module:$event"] = $handler;
        }
    }

    class UserTable
    {
        /** @return array<string, mixed>|null */
        public static function getRowById(int $id): ?array
        {
            return $id === 77 ? ['NAME' => 'Анна', 'EMAIL' => 'anna@example.com'] : null;
        }
    }
}

namespace Bitrix\Catalog {
    class StoreTable
    {
        /** @return array<string, mixed>|null */
        public static function getRowById(int $id): ?array
        {
            return $id === 4 ? ['TITLE' => 'На Складской', 'ADDRESS' => 'Псков, ул. Складская, 1'] : null;
        }
    }
}

namespace Bitrix\Main\Config {
    class Option
    {
        public static function get(string $module, string $name, string $usual): string
        {
            return $name === 'anonymous_user_id' ? '5' : $usual;
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
            $this->pdo = new \PDO('sqlite::memory:', null, null, [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]);
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
            $this->changed = (int) $this->pdo->exec(str_replace('BIGSERIAL PRIMARY KEY', 'INTEGER PRIMARY KEY AUTOINCREMENT', $sql));
        }

        public function query(string $sql): Rows
        {
            $rows = $this->pdo->query($sql)->fetchAll(\PDO::FETCH_ASSOC);
            // MySQL keeps the case of a name, Oracle does not.
            return new Rows(array_map(static fn (array $row): array => array_change_key_case($row, CASE_UPPER), $rows));
        }

        public function getAffectedRowsCount(): int
        {
            return $this->changed;
        }
    }
}

namespace Bitrix\Sale {
    use Bitrix\Main\DB\Rows;
    use Bitrix\Main\Event;
    use Bitrix\Main\EventManager;
    use Bitrix\Main\Type\DateTime;

    class Result
    {
        /** @param list<string> $errors */
        public function __construct(private array $errors = [])
        {
        }

        public function isSuccess(): bool
        {
            return $this->errors === [];
        }

        /** @return list<string> */
        public function getErrorMessages(): array
        {
            return $this->errors;
        }
    }

    /** An entity with fields: an order, a line, a payment, a shipment. */
    class Entity
    {
        /** @param array<string, mixed> $fields */
        public function __construct(public array $fields)
        {
        }

        public function getFields(): self
        {
            return $this;
        }

        /** @return array<string, mixed> */
        public function getValues(): array
        {
            return $this->fields;
        }

        public function getField(string $name): mixed
        {
            return $this->fields[$name] ?? null;
        }

        public function isSystem(): bool
        {
            return ($this->fields['SYSTEM'] ?? 'N') === 'Y';
        }

        public function isBundleChild(): bool
        {
            return isset($this->fields['SET_PARENT_ID']);
        }

        public function getPropertyCollection(): mixed
        {
            return $this;
        }

        /** @return array<string, array<string, string>> */
        public function getPropertyValues(): array
        {
            return [
                'ARTNUMBER' => ['NAME' => 'Артикул', 'VALUE' => 'ART-1'],
                'PRODUCT.XML_ID' => ['NAME' => 'Product XML_ID', 'VALUE' => 'xml-135'],
                'SIZE' => ['NAME' => 'Размер', 'VALUE' => '42'],
            ];
        }

        /** A share. */
        public function getVatRate(): float
        {
            return $this->fields['SHARE'] ?? 0.0;
        }

        public function getStoreId(): int
        {
            return $this->fields['STORE'] ?? 0;
        }

        /** @return array<string, mixed> */
        public function getProperty(): array
        {
            return $this->fields;
        }

        public function getValue(): mixed
        {
            return $this->fields['VALUE'];
        }
    }

    class Order extends Entity
    {
        /** @var array<int, Order> */
        public static array $all = [];
        public static ?string $refusal = null;

        public static function load(int $id): ?self
        {
            return self::$all[$id] ?? null;
        }

        /** As in some releases: false for none. */
        public static function loadByAccountNumber(string $number): self|false
        {
            foreach (self::$all as $order) {
                if ($order->fields['ACCOUNT_NUMBER'] === $number) {
                    return $order;
                }
            }
            return false;
        }

        /** @param array<string, mixed> $query */
        public static function getList(array $query): Rows
        {
            $from = $query['filter']['>=DATE_UPDATE']->getTimestamp();
            $rows = [];
            foreach (self::$all as $id => $order) {
                if ($order->fields['DATE_UPDATE']->getTimestamp() >= $from && $id > $query['filter']['>ID']) {
                    $rows[] = ['ID' => (string) $id];
                }
            }
            return new Rows(array_slice($rows, 0, $query['limit']));
        }

        public function getId(): int
        {
            return $this->fields['ID'];
        }

        public function getPrice(): float
        {
            return $this->fields['PRICE'];
        }

        public function getDeliveryPrice(): float
        {
            return 300.0;
        }

        public function getUserId(): int
        {
            return $this->fields['USER_ID'];
        }

        /** @return list<Entity> */
        public function getBasket(): array
        {
            return [
                new Entity(['PRODUCT_ID' => 135, 'NAME' => 'Набор', 'QUANTITY' => 1.0, 'PRICE' => 700.0, 'VAT_INCLUDED' => 'Y']),
                new Entity(['PRODUCT_ID' => 136, 'NAME' => 'Часть', 'QUANTITY' => 2.0, 'PRICE' => 350.0, 'SET_PARENT_ID' => 1]),
            ];
        }

        /** @return list<Entity> */
        public function getPropertyCollection(): array
        {
            return [new Entity(['CODE' => 'PHONE', 'IS_PHONE' => 'Y', 'VALUE' => '+7 916 123-45-67'])];
        }

        /** @return list<Entity> */
        public function getShipmentCollection(): array
        {
            return [
                new Entity(['DELIVERY_NAME' => 'System', 'SYSTEM' => 'Y']),
                new Entity(['DELIVERY_NAME' => 'Курьер', 'PRICE_DELIVERY' => '300.0000', 'SHARE' => 0.2] + ($this->fields['shipment'] ?? [])),
            ];
        }

        /** @return list<Entity> */
        public function getPaymentCollection(): array
        {
            return [new Entity(['PAY_SYSTEM_NAME' => 'Карта'])];
        }

        public function setField(string $name, mixed $value): Result
        {
            if (self::$refusal !== null) {
                return new Result([self::$refusal]);
            }
            $this->fields[$name] = $value;
            return new Result();
        }

        public function save(): Result
        {
            $this->fields['VERSION']++;
            $this->fields['DATE_UPDATE'] = new DateTime(time());
            self::$all[$this->fields['ID']] = $this;
            (EventManager::$handlers['sale:OnSaleOrderSaved'])(new Event(['ENTITY' => $this]));
            return new Result();
        }
    }

    class OrderStatus
    {
        /** @return array<string, string> */
        public static function getAllStatuses(): array
        {
            return ['N' => 'N', 'P' => 'P', 'F' => 'F'];
        }
    }
}

namespace {
    /** @var list<string> */
    $GLOBALS['log'] = [];

    function AddMessage2Log(string $text, string $module): void
    {
        $GLOBALS['log'][] = $text;
    }
}
