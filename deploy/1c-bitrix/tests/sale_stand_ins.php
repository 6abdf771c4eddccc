<?php

declare(strict_types=1);

// What the module uses of the module `sale`.

namespace Bitrix\Catalog {
    use function Bitrix\Main\text;

    class StoreTable
    {
        /** @return array<string, mixed>|null */
        public static function getRowById(int $id): ?array
        {
            $store = [
                'TITLE' => text('На Складской'),
                'ADDRESS' => text('Псков, ул. Складская, 1'),
            ];
            return $id === 4 ? $store : null;
        }
    }
}

namespace Bitrix\Sale {
    use Bitrix\Main\DB\Rows;
    use Bitrix\Main\EventManager;
    use Bitrix\Main\Type\DateTime;

    use function Bitrix\Main\text;

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
                'ARTNUMBER' => ['NAME' => text('Артикул'), 'VALUE' => 'ART-1'],
                'PRODUCT.XML_ID' => ['NAME' => 'Product XML_ID', 'VALUE' => 'xml-135'],
                'SIZE' => ['NAME' => text('Размер'), 'VALUE' => '42'],
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
                $late = $order->fields['DATE_UPDATE']->getTimestamp() >= $from;
                if ($late && $id > $query['filter']['>ID']) {
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
                new Entity([
                    'PRODUCT_ID' => 135, 'NAME' => text('Набор'), 'QUANTITY' => 1.0,
                    'PRICE' => 700.0, 'VAT_INCLUDED' => 'Y',
                ]),
                new Entity([
                    'PRODUCT_ID' => 136, 'NAME' => text('Часть'), 'QUANTITY' => 2.0,
                    'PRICE' => 350.0, 'SET_PARENT_ID' => 1,
                ]),
            ];
        }

        /** @return list<Entity> */
        public function getPropertyCollection(): array
        {
            $phone = ['CODE' => 'PHONE', 'IS_PHONE' => 'Y', 'VALUE' => '+7 916 123-45-67'];
            return [new Entity($phone)];
        }

        /** @return list<Entity> */
        public function getShipmentCollection(): array
        {
            $courier = [
                'DELIVERY_NAME' => text('Курьер'), 'PRICE_DELIVERY' => '300.0000', 'SHARE' => 0.2,
            ];
            return [
                new Entity(['DELIVERY_NAME' => 'System', 'SYSTEM' => 'Y']),
                new Entity($courier + ($this->fields['shipment'] ?? [])),
            ];
        }

        /** @return list<Entity> */
        public function getPaymentCollection(): array
        {
            return [new Entity(['PAY_SYSTEM_NAME' => text('Карта')])];
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
            EventManager::send('sale', 'OnSaleOrderSaved', ['ENTITY' => $this]);
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
