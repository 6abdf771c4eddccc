<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Catalog\CatalogIblockTable;
use Bitrix\Catalog\GroupTable;
use Bitrix\Catalog\MeasureTable;
use Bitrix\Catalog\PriceTable;
use Bitrix\Catalog\ProductTable;
use Bitrix\Catalog\VatTable;
use Bitrix\Iblock\ElementTable;
use Bitrix\Main\Loader;
use Bitrix\Main\Type\DateTime as BitrixTime;

/** The products of the catalogue's information blocks, as the bridge takes them. */
final class BitrixProducts implements Products
{
    /** @var array<string, mixed> */
    private array $settings;

    /** @param array<string, mixed> $settings those of `Settings::read` */
    public function __construct(array $settings)
    {
        $this->settings = $settings;
    }

    /** Whether the site has what a catalogue is made of. */
    public static function there(): bool
    {
        return Loader::includeModule('iblock') && Loader::includeModule('catalog');
    }

    /**
     * The product that is meant by an element: itself, or the one whose variation it is; null if it
     * is none of the catalogue, or a copy that waits for its approval.
     */
    public function meant(int $element): ?string
    {
        $row = $element > 0 ? ElementTable::getRow([
            'select' => ['ID', 'IBLOCK_ID', 'WF_PARENT_ELEMENT_ID'],
            'filter' => ['=ID' => $element],
        ]) : null;
        $parent = (int) ($row['WF_PARENT_ELEMENT_ID'] ?? 0);
        $catalogue = $row === null ? null : $this->catalogue((int) $row['IBLOCK_ID']);
        if ($catalogue === null || ($parent > 0 && $parent !== $element)) {
            return null;
        }
        if ((int) ($catalogue['PRODUCT_IBLOCK_ID'] ?? 0) === 0) {
            return (string) $element;
        }
        $product = \CCatalogSku::GetProductInfo($element);
        return is_array($product) ? (string) (int) $product['ID'] : null;
    }

    public function after(int $last, int $most, ?int $since): array
    {
        $iblocks = [];
        $all = CatalogIblockTable::getList(['select' => ['IBLOCK_ID', 'PRODUCT_IBLOCK_ID']]);
        foreach ($all->fetchAll() as $row) {
            $products = (int) $row['PRODUCT_IBLOCK_ID'];
            $products = $products === 0 ? (int) $row['IBLOCK_ID'] : $products;
            if ($this->wanted($products)) {
                $iblocks[] = $products;
                $iblocks[] = (int) $row['IBLOCK_ID'];
            }
        }
        if ($iblocks === []) {
            return [];
        }
        $filter = ['>ID' => $last, '=IBLOCK_ID' => array_values(array_unique($iblocks))];
        if ($since !== null) {
            $filter['>=TIMESTAMP_X'] = BitrixTime::createFromTimestamp($since);
        }
        $rows = ElementTable::getList([
            'select' => ['ID'],
            'filter' => $filter,
            'order' => ['ID' => 'ASC'],
            'limit' => $most,
        ])->fetchAll();
        $found = [];
        foreach ($rows as $row) {
            $found[(int) $row['ID']] = $this->meant((int) $row['ID']);
        }
        return $found;
    }

    public function product(string $id): ?array
    {
        $element = ElementTable::getRow([
            'select' => [
                'ID', 'IBLOCK_ID', 'NAME', 'ACTIVE', 'DETAIL_TEXT', 'PREVIEW_TEXT',
                'IBLOCK_SECTION_ID', 'DETAIL_PICTURE', 'PREVIEW_PICTURE',
            ],
            'filter' => ['=ID' => (int) $id],
        ]);
        $catalogue = $element === null ? null : $this->catalogue((int) $element['IBLOCK_ID']);
        if ($element === null || $catalogue === null) {
            return null;
        }
        $iblock = (int) $element['IBLOCK_ID'];
        $offers = \CCatalogSku::getOffersList(
            [(int) $id],
            $iblock,
            [],
            ['ID', 'IBLOCK_ID', 'NAME', 'ACTIVE', 'DETAIL_PICTURE', 'PREVIEW_PICTURE']
        );
        $offers = is_array($offers) && is_array($offers[(int) $id] ?? null)
            ? $offers[(int) $id]
            : [];
        $prices = $this->prices(array_merge([(int) $id], array_keys($offers)));
        $goods = ProductTable::getRowById((int) $id) ?? [];
        $text = trim((string) $element['DETAIL_TEXT']);
        $text = $text === '' ? trim((string) $element['PREVIEW_TEXT']) : $text;
        $product = self::present([
            'id' => $id,
            'sku' => $this->article($iblock, (int) $id),
            'name' => (string) $element['NAME'],
            'description' => $text,
            'section' => $this->section($iblock, (int) $element['IBLOCK_SECTION_ID']),
            'prices' => $prices[(int) $id] ?? [],
            'vat' => self::vat($goods, $catalogue),
            'unit' => self::unit((int) ($goods['MEASURE'] ?? 0)),
        ]);
        $product['pictures'] = $this->pictures($iblock, (int) $id, $element);
        $product['vat_included'] = ($goods['VAT_INCLUDED'] ?? 'Y') !== 'N';
        $product['active'] = $element['ACTIVE'] === 'Y';
        foreach ($offers as $offer) {
            $own = (int) $offer['ID'];
            $product['variations'][] = self::present([
                'id' => (string) $own,
                'sku' => $this->article((int) $offer['IBLOCK_ID'], $own),
                'name' => (string) $offer['NAME'],
                'prices' => $prices[$own] ?? [],
                'pictures' => $this->pictures((int) $offer['IBLOCK_ID'], $own, $offer),
            ]) + ['active' => $offer['ACTIVE'] === 'Y'];
        }
        return self::cut(Charset::in($product));
    }

    /**
     * @return array<string, mixed>|null null: an information block that is no catalogue, or one
     *     that the settings leave out
     */
    private function catalogue(int $iblock): ?array
    {
        $row = CatalogIblockTable::getRowById($iblock);
        if (!is_array($row)) {
            // A block whose variations alone are sold is no catalogue itself.
            $row = CatalogIblockTable::getRow(['filter' => ['=PRODUCT_IBLOCK_ID' => $iblock]]);
            $row = is_array($row) ? ['PRODUCT_IBLOCK_ID' => 0] + $row : null;
        }
        if ($row === null) {
            return null;
        }
        // Variations stand in a block of their own; the settings name that of the products.
        $products = (int) ($row['PRODUCT_IBLOCK_ID'] ?? 0);
        return $this->wanted($products === 0 ? $iblock : $products) ? $row : null;
    }

    private function wanted(int $iblock): bool
    {
        $named = $this->settings['iblocks'];
        return $named === [] || in_array((string) $iblock, $named, true);
    }

    /**
     * The base price, and those of the kinds that the settings name. Of prices by quantity it is
     * the one of the smallest.
     *
     * @param list<int> $products
     * @return array<int, list<array<string, string>>>
     */
    private function prices(array $products): array
    {
        $kinds = [];
        foreach (GroupTable::getList(['select' => ['ID', 'NAME', 'BASE']])->fetchAll() as $kind) {
            if ($kind['BASE'] === 'Y') {
                $kinds[(int) $kind['ID']] = [];
            } elseif (in_array($kind['NAME'], Charset::out($this->settings['price_types']), true)) {
                $kinds[(int) $kind['ID']] = ['type' => (string) $kind['NAME']];
            }
        }
        $rows = PriceTable::getList([
            'select' => ['PRODUCT_ID', 'CATALOG_GROUP_ID', 'PRICE', 'CURRENCY', 'QUANTITY_FROM'],
            'filter' => ['=PRODUCT_ID' => $products],
            'order' => ['PRODUCT_ID' => 'ASC', 'CATALOG_GROUP_ID' => 'ASC', 'ID' => 'ASC'],
        ])->fetchAll();
        usort($rows, static fn (array $one, array $other): int
            => (int) $one['QUANTITY_FROM'] <=> (int) $other['QUANTITY_FROM']);
        $prices = [];
        $seen = [];
        foreach ($rows as $row) {
            [$product, $kind] = [(int) $row['PRODUCT_ID'], (int) $row['CATALOG_GROUP_ID']];
            if (isset($kinds[$kind]) && !isset($seen[$product][$kind])) {
                $seen[$product][$kind] = true;
                $prices[$product][] = $kinds[$kind] + [
                    'price' => Field::amount($row['PRICE']),
                    'currency' => (string) $row['CURRENCY'],
                ];
            }
        }
        return $prices;
    }

    /**
     * VAT in percent; null where it is not said, or there is none.
     *
     * @param array<string, mixed> $goods
     * @param array<string, mixed> $catalogue
     */
    private static function vat(array $goods, array $catalogue): ?string
    {
        $id = (int) ($goods['VAT_ID'] ?? 0);
        $id = $id === 0 ? (int) ($catalogue['VAT_ID'] ?? 0) : $id;
        $vat = $id === 0 ? null : VatTable::getRowById($id);
        if (!is_array($vat) || ($vat['EXCLUDE_VAT'] ?? 'N') === 'Y') {
            return null;
        }
        return Field::amount($vat['RATE']);
    }

    /** The unit's code in OKEI. */
    private static function unit(int $id): ?string
    {
        $unit = $id === 0 ? null : MeasureTable::getRowById($id);
        return is_array($unit) ? (string) $unit['CODE'] : null;
    }

    /** @return list<string> names from the top */
    private function section(int $iblock, int $id): array
    {
        $names = [];
        $chain = $id === 0 ? null : \CIBlockSection::GetNavChain($iblock, $id, ['ID', 'NAME']);
        while ($chain !== null && ($row = $chain->Fetch())) {
            $names[] = (string) $row['NAME'];
        }
        return $names;
    }

    /**
     * The large one, else the small one, and those of the property `MORE_PHOTO`; none is said, too.
     *
     * @param array<string, mixed> $row the element
     * @return list<array<string, string>>
     */
    private function pictures(int $iblock, int $element, array $row): array
    {
        $files = [(int) ($row['DETAIL_PICTURE'] ?? 0) ?: (int) ($row['PREVIEW_PICTURE'] ?? 0)];
        $more = \CIBlockElement::GetProperty($iblock, $element, [], ['CODE' => 'MORE_PHOTO']);
        while ($photo = $more->Fetch()) {
            $files[] = (int) $photo['VALUE'];
        }
        $pictures = [];
        foreach (array_unique(array_filter($files)) as $file) {
            $path = (string) \CFile::GetPath($file);
            // In a cloud a file has an address of its own.
            $site = strncmp($path, '/', 1) === 0 ? rtrim($this->settings['source'], '/') : '';
            if ($path !== '') {
                $pictures[] = ['url' => $site . $path];
            }
        }
        return $pictures;
    }

    private function article(int $iblock, int $element): ?string
    {
        foreach ($this->settings['article'] as $code) {
            $found = \CIBlockElement::GetProperty($iblock, $element, [], ['CODE' => $code]);
            $row = $found->Fetch();
            $value = is_array($row) ? $row['VALUE'] : null;
            if (is_scalar($value) && trim((string) $value) !== '') {
                return trim((string) $value);
            }
        }
        return null;
    }

    /**
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    private static function present(array $members): array
    {
        return array_filter(
            $members,
            static fn ($value): bool => $value !== null && $value !== '' && $value !== []
        );
    }

    /**
     * No longer than the bridge takes: cut in UTF-8, where a letter is one letter.
     *
     * @param array<string, mixed> $product
     * @return array<string, mixed>
     */
    private static function cut(array $product): array
    {
        foreach (['sku' => 255, 'name' => 255, 'description' => 200000] as $name => $most) {
            if (isset($product[$name])) {
                $text = str_replace("\0", '', $product[$name]);
                $product[$name] = mb_substr($text, 0, $most, 'UTF-8');
            }
        }
        foreach ($product['variations'] ?? [] as $at => $variation) {
            $product['variations'][$at] = self::cut($variation);
        }
        return $product;
    }
}
