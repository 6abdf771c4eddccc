<?php

declare(strict_types=1);

// The modules `iblock`, `catalog` and `form`, as far as the module uses them. They send the events
// that the product sends, when it sends them, the unpleasant ones too.

namespace Bitrix\Test {
    use Bitrix\Main\DB\Rows;

    /** A table in memory with the queries that are used. */
    abstract class Table
    {
        /** @var array<class-string, array<int, array<string, mixed>>> */
        public static array $all = [];

        /** @return list<string> */
        abstract protected static function fields(): array;

        /** @param array<string, mixed> $query */
        public static function getList(array $query = []): Rows
        {
            $rows = array_values(self::$all[static::class] ?? []);
            foreach ($query['filter'] ?? [] as $key => $wanted) {
                preg_match('/^(=|>=|>)(\w+)$/', (string) $key, $parts);
                [, $how, $field] = $parts;
                self::known($field);
                $right = static function (array $row) use ($how, $field, $wanted): bool {
                    $value = $row[$field] ?? null;
                    if ($how === '>') {
                        return $value > $wanted;
                    }
                    if ($how === '>=') {
                        return $value->getTimestamp() >= $wanted->getTimestamp();
                    }
                    $strings = array_map('strval', (array) $wanted);
                    return $wanted === null
                        ? $value === null
                        : $value !== null && in_array((string) $value, $strings, true);
                };
                $rows = array_filter($rows, $right);
            }
            $field = array_key_first($query['order'] ?? []) ?? 'ID';
            usort($rows, static fn (array $a, array $b): int => $a[$field] <=> $b[$field]);
            $select = $query['select'] ?? static::fields();
            array_map([static::class, 'known'], $select);
            $rows = array_map(static function (array $row) use ($select): array {
                $read = [];
                foreach ($select as $name) {
                    $value = $row[$name] ?? null;
                    // A database's numbers come as texts.
                    $read[$name] = is_int($value) || is_float($value) ? (string) $value : $value;
                }
                return $read;
            }, $rows);
            return new Rows(array_slice($rows, 0, $query['limit'] ?? null));
        }

        /** @param array<string, mixed> $query @return array<string, mixed>|null */
        public static function getRow(array $query): ?array
        {
            return static::getList($query + ['limit' => 1])->fetchAll()[0] ?? null;
        }

        /** @return array<string, mixed>|null */
        public static function getRowById(int $id): ?array
        {
            $key = static::fields()[0];
            return static::getRow(['filter' => ["=$key" => $id]]);
        }

        /** As in the product, a field that is not there is an error and never empty. */
        private static function known(string $field): void
        {
            if (!in_array($field, static::fields(), true)) {
                throw new \RuntimeException("Unknown field definition `$field`");
            }
        }
    }
}

namespace Bitrix\Iblock {
    class ElementTable extends \Bitrix\Test\Table
    {
        protected static function fields(): array
        {
            return [
                'ID', 'IBLOCK_ID', 'NAME', 'ACTIVE', 'DETAIL_TEXT', 'PREVIEW_TEXT',
                'IBLOCK_SECTION_ID', 'DETAIL_PICTURE', 'PREVIEW_PICTURE', 'WF_PARENT_ELEMENT_ID',
                'TIMESTAMP_X',
            ];
        }
    }
}

namespace Bitrix\Catalog {
    use Bitrix\Main\EventManager;
    use Bitrix\Test\Table;

    class CatalogIblockTable extends Table
    {
        protected static function fields(): array
        {
            return ['IBLOCK_ID', 'PRODUCT_IBLOCK_ID', 'VAT_ID'];
        }

        public static function getList(array $query = []): \Bitrix\Main\DB\Rows
        {
            return parent::getList($query + ['order' => ['IBLOCK_ID' => 'ASC']]);
        }

        public static function getRow(array $query): ?array
        {
            return self::getList($query + ['limit' => 1])->fetchAll()[0] ?? null;
        }
    }

    class GroupTable extends Table
    {
        protected static function fields(): array
        {
            return ['ID', 'NAME', 'BASE'];
        }
    }

    class MeasureTable extends Table
    {
        protected static function fields(): array
        {
            return ['ID', 'CODE', 'SYMBOL'];
        }
    }

    class VatTable extends Table
    {
        protected static function fields(): array
        {
            return ['ID', 'RATE', 'EXCLUDE_VAT'];
        }
    }

    class ProductTable extends Table
    {
        protected static function fields(): array
        {
            return ['ID', 'VAT_ID', 'VAT_INCLUDED', 'MEASURE'];
        }

        /** @param array<string, mixed> $fields */
        public static function write(int $id, array $fields): void
        {
            $there = isset(self::$all[self::class][$id]);
            $before = self::$all[self::class][$id] ?? ['ID' => $id];
            self::$all[self::class][$id] = $fields + $before;
            $name = 'Bitrix\Catalog\Model\Product::OnAfter' . ($there ? 'Update' : 'Add');
            EventManager::send('catalog', $name, ['id' => $id, 'fields' => $fields]);
        }
    }

    class PriceTable extends Table
    {
        protected static function fields(): array
        {
            return ['ID', 'PRODUCT_ID', 'CATALOG_GROUP_ID', 'PRICE', 'CURRENCY', 'QUANTITY_FROM'];
        }

        /** @param array<string, mixed> $fields */
        public static function add(int $id, array $fields): void
        {
            self::$all[self::class][$id] = ['ID' => $id] + $fields;
            $told = ['id' => $id, 'fields' => $fields, 'success' => true];
            EventManager::send('catalog', 'Bitrix\Catalog\Model\Price::OnAfterAdd', $told);
        }

        /** What is told is its id alone. */
        public static function drop(int $id): void
        {
            EventManager::send('catalog', 'Bitrix\Catalog\Model\Price::OnDelete', ['id' => $id]);
            unset(self::$all[self::class][$id]);
            $told = ['id' => $id, 'success' => true];
            EventManager::send('catalog', 'Bitrix\Catalog\Model\Price::OnAfterDelete', $told);
        }

        /** What is told is what was changed: not whose price it is. */
        public static function change(int $id, string $price): void
        {
            self::$all[self::class][$id]['PRICE'] = $price;
            $told = ['id' => $id, 'fields' => ['PRICE' => $price], 'success' => true];
            EventManager::send('catalog', 'Bitrix\Catalog\Model\Price::OnAfterUpdate', $told);
        }
    }
}

namespace {
    use Bitrix\Catalog\CatalogIblockTable;
    use Bitrix\Iblock\ElementTable;
    use Bitrix\Main\DB\Rows;
    use Bitrix\Main\EventManager;
    use Bitrix\Main\Type\DateTime;

    use function Bitrix\Main\text;

    class CIBlockElement
    {
        /** @var array<int, array<string, string>> properties by their codes */
        public static array $properties = [];

        /** @param array<string, mixed> $fields */
        public static function add(int $id, array $fields): void
        {
            $now = new DateTime(time());
            $row = ['ID' => $id, 'ACTIVE' => 'Y', 'TIMESTAMP_X' => $now] + $fields;
            ElementTable::$all[ElementTable::class][$id] = $row;
            $told = ['ID' => $id, 'RESULT' => $id] + $fields;
            EventManager::execute('iblock', 'OnAfterIBlockElementAdd', $told);
        }

        /** @param array<string, mixed> $fields what is refused tells of itself, too */
        public static function update(int $id, array $fields, bool $result = true): void
        {
            if ($result) {
                $row = $fields + ElementTable::$all[ElementTable::class][$id];
                ElementTable::$all[ElementTable::class][$id] = $row;
            }
            $told = ['ID' => $id, 'RESULT' => $result] + $fields;
            EventManager::execute('iblock', 'OnAfterIBlockElementUpdate', $told);
        }

        public static function delete(int $id): void
        {
            EventManager::execute('iblock', 'OnIBlockElementDelete', $id);
            $row = ElementTable::$all[ElementTable::class][$id];
            unset(ElementTable::$all[ElementTable::class][$id]);
            EventManager::execute('iblock', 'OnAfterIBlockElementDelete', $row);
        }

        public static function set(int $id, string $code, string $value): void
        {
            self::$properties[$id][$code] = $value;
            $iblock = ElementTable::$all[ElementTable::class][$id]['IBLOCK_ID'];
            $name = 'OnAfterIBlockElementSetPropertyValuesEx';
            EventManager::execute('iblock', $name, $id, $iblock, [$code => $value], []);
        }

        /** @param array<string, string> $filter */
        public static function GetProperty(int $iblock, int $id, array $order, array $filter): Rows
        {
            $code = $filter['CODE'];
            // A property that is there and says nothing is a row without a value.
            $value = self::$properties[$id][$code] ?? null;
            return new Rows($code === 'NONE' ? [] : [['CODE' => $code, 'VALUE' => $value]]);
        }
    }

    class CFile
    {
        /** Of a file that is gone there is no path. */
        public static function GetPath(int $id): ?string
        {
            $cloud = 'https://cloud.example/33.jpg';
            return [31 => '/upload/31.jpg', 32 => '/upload/32.jpg', 33 => $cloud][$id] ?? null;
        }
    }

    class CIBlockSection
    {
        public static function GetNavChain(int $iblock, int $id, array $select): Rows
        {
            return new Rows([
                ['ID' => '1', 'NAME' => text('Одежда')],
                ['ID' => (string) $id, 'NAME' => text('Футболки')],
            ]);
        }
    }

    class CCatalogSku
    {
        /** @return array<string, int>|false */
        public static function GetProductInfo(int $offer): array|false
        {
            $product = CIBlockElement::$properties[$offer]['CML2_LINK'] ?? null;
            $known = isset(ElementTable::$all[ElementTable::class][$offer]);
            return $product === null || !$known ? false : ['ID' => (int) $product];
        }

        /**
         * @param list<int> $products
         * @param list<string> $fields
         * @return array<int, array<int, array<string, mixed>>> only those that have any
         */
        public static function getOffersList(
            array $products,
            int $iblock,
            array $filter,
            array $fields
        ): array {
            $found = [];
            foreach (ElementTable::$all[ElementTable::class] ?? [] as $id => $row) {
                $product = (int) (CIBlockElement::$properties[$id]['CML2_LINK'] ?? 0);
                if (in_array($product, $products, true)) {
                    $found[$product][$id] = array_intersect_key($row, array_flip($fields));
                }
            }
            return $found;
        }
    }

    class CForm
    {
        public static function GetList(
            string &$by,
            string &$order,
            array $filter,
            ?bool &$filtered
        ): Rows {
            return new Rows([['ID' => '3', 'NAME' => text('Обратный звонок')]]);
        }
    }

    class CFormResult
    {
        /** @var array<string, list<array<string, mixed>>> */
        public static array $answers = [];

        /**
         * @param list<string> $sids
         * @param array<string, mixed> $row
         * @param array<string, mixed> $answers
         */
        public static function GetDataByID(int $id, array $sids, &$row, &$answers): array|false
        {
            $row = ['ID' => (string) $id, 'FORM_ID' => '3'];
            foreach (self::$answers as $sid => $given) {
                foreach ($given as $at => $answer) {
                    $answers[$sid][100 + $at] = $answer;
                }
            }
            return self::$answers;
        }
    }

    /** The site's catalogue: shirts in block 2, their sizes in block 3, news in block 9. */
    function shelves(): void
    {
        Bitrix\Test\Table::$all = [
            CatalogIblockTable::class => [
                2 => ['IBLOCK_ID' => 2, 'PRODUCT_IBLOCK_ID' => 0, 'VAT_ID' => 1],
                3 => ['IBLOCK_ID' => 3, 'PRODUCT_IBLOCK_ID' => 2, 'VAT_ID' => 1],
            ],
            Bitrix\Catalog\GroupTable::class => [
                1 => ['ID' => 1, 'NAME' => 'BASE', 'BASE' => 'Y'],
                2 => ['ID' => 2, 'NAME' => text('Опт'), 'BASE' => 'N'],
                3 => ['ID' => 3, 'NAME' => 'VIP', 'BASE' => 'N'],
            ],
            Bitrix\Catalog\VatTable::class => [
                1 => ['ID' => 1, 'RATE' => '20.00', 'EXCLUDE_VAT' => 'N'],
                2 => ['ID' => 2, 'RATE' => '0.00', 'EXCLUDE_VAT' => 'Y'],
            ],
            Bitrix\Catalog\MeasureTable::class => [
                5 => ['ID' => 5, 'CODE' => '796', 'SYMBOL' => text('шт')],
            ],
        ];
        CIBlockElement::$properties = [];
    }
}
