<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * From an order's fields, as 1C-Bitrix names them, to an event of the bridge. Knows nothing of
 * 1C-Bitrix itself.
 *
 * Takes an array of the order's own fields (`ACCOUNT_NUMBER`, `STATUS_ID`, …) and the lists
 * `basket`, `properties`, `shipments`, `payments` and `user`. A line of the basket has the
 * `properties` that were chosen with it, a shipment its VAT_RATE as a share and the store where it
 * is fetched (STORE_ID, STORE_TITLE, STORE_ADDRESS). Moments are `DateTimeInterface` or null;
 * amounts are what PHP has: numbers or texts. Texts are in UTF-8.
 */
final class Snapshot
{
    public const SAVED = 'shop.order.saved.v1';
    public const DELETED = 'shop.order.deleted.v1';
    /** Properties of a line by which 1C finds the product: nobody chose them. */
    private const OWN = [
        'CATALOG.XML_ID', 'PRODUCT.XML_ID', 'ARTNUMBER', 'ARTICLE', 'CML2_ARTICLE',
    ];
    private const OPTIONS = 50;

    /**
     * @param array<string, mixed> $order
     * @return array<string, mixed>
     */
    public static function saved(array $order, string $source): array
    {
        $data = self::data($order);
        return self::event(self::SAVED, $source, (string) $data['number'], $data);
    }

    /**
     * @param array<string, mixed> $order
     * @return array<string, mixed>
     */
    public static function deleted(array $order, string $source, \DateTimeInterface $at): array
    {
        $number = Field::text($order, 'ACCOUNT_NUMBER', 100)
            ?? Field::text($order, 'ID', 100)
            ?? '';
        $data = ['number' => $number, 'updated_at' => Field::moment($at)];
        return self::event(self::DELETED, $source, $number, $data);
    }

    /**
     * The same order in the same state is the same event, however often it is made.
     *
     * @param array<string, mixed> $data
     * @return array<string, mixed>
     */
    private static function event(string $type, string $source, string $number, array $data): array
    {
        return [
            'specversion' => '1.0',
            'type' => $type,
            'source' => $source,
            'id' => $number . '-' . substr(hash('sha256', $type . self::json($data)), 0, 24),
            'datacontenttype' => 'application/json',
            'data' => $data,
        ];
    }

    /** @param mixed $value */
    public static function json($value): string
    {
        return Json::text($value);
    }

    /**
     * @param array<string, mixed> $order
     * @return array<string, mixed>
     */
    public static function data(array $order): array
    {
        $number = Field::text($order, 'ACCOUNT_NUMBER', 100) ?? Field::text($order, 'ID', 100);
        $version = (int) ($order['VERSION'] ?? 0);
        $paid = Field::yes($order['PAYED'] ?? null);
        return Field::present([
            'number' => $number ?? '',
            'id' => Field::text($order, 'ID', 256),
            'version' => $version > 0 ? $version : null,
            'status' => Field::text($order, 'STATUS_ID', 100) ?? '',
            'status_changed_at' => Field::moment($order['DATE_STATUS'] ?? null),
            'created_at' => Field::moment($order['DATE_INSERT'] ?? null),
            'updated_at' => Field::moment($order['DATE_UPDATE'] ?? null),
            'currency' => Field::text($order, 'CURRENCY', 10) ?? '',
            'total' => Field::amount($order['PRICE'] ?? 0),
            'paid' => $paid,
            'paid_at' => $paid ? Field::moment($order['DATE_PAYED'] ?? null) : null,
            'cancelled' => Field::yes($order['CANCELED'] ?? null),
            'cancel_reason' => Field::text($order, 'REASON_CANCELED', 10000),
            'customer' => Customer::of($order),
            'items' => array_merge(self::items(Field::rows($order, 'basket')), self::apart($order)),
            'delivery' => self::delivery($order),
            'payment' => self::payment(Field::rows($order, 'payments')),
            'properties' => (object) self::properties(Field::rows($order, 'properties')),
            'comment' => Field::text($order, 'USER_DESCRIPTION', 10000),
            'notes' => self::stores($order),
            'origin' => Field::present([
                'channel' => 'online', 'store_id' => Field::text($order, 'LID', 256),
            ]),
        ]);
    }

    /**
     * @param list<array<string, mixed>> $basket
     * @return list<array<string, mixed>>
     */
    private static function items(array $basket): array
    {
        $items = [];
        foreach ($basket as $item) {
            if ((float) ($item['QUANTITY'] ?? 0) <= 0) {
                continue;
            }
            $items[] = Field::present([
                'product_id' => Field::text($item, 'PRODUCT_ID', 256),
                'sku' => Field::text($item, 'ARTICLE', 256)
                    ?? Field::text($item, 'PRODUCT_XML_ID', 256),
                'xml_id' => Field::text($item, 'PRODUCT_XML_ID', 256),
                'catalog_xml_id' => Field::text($item, 'CATALOG_XML_ID', 256),
                'name' => Field::text($item, 'NAME', 500) ?? '?',
                'quantity' => Field::amount($item['QUANTITY']),
                'unit' => Field::text($item, 'MEASURE_CODE', 50)
                    ?? Field::text($item, 'MEASURE_NAME', 50),
                'price' => Field::amount($item['PRICE'] ?? 0),
                'discount' => Field::amount($item['DISCOUNT_PRICE'] ?? 0),
                'vat_rate' => self::rate($item),
                'vat_included' => Field::yes($item['VAT_INCLUDED'] ?? true),
                'options' => self::options(Field::rows($item, 'properties')),
            ]);
        }
        return $items;
    }

    /**
     * VAT in percent, from a share: 0.2 for 20 %. Zero cannot be told from "no VAT" here.
     *
     * @param array<string, mixed> $of
     */
    private static function rate(array $of): ?string
    {
        $rate = $of['VAT_RATE'] ?? null;
        return is_numeric($rate) && (float) $rate > 0 ? Field::amount((float) $rate * 100) : null;
    }

    /**
     * What the customer chose of a product: size and 42.
     *
     * @param list<array<string, mixed>> $properties
     * @return list<array<string, string>>|null
     */
    private static function options(array $properties): ?array
    {
        $options = [];
        foreach ($properties as $property) {
            $code = strtoupper(Field::text($property, 'CODE', 200) ?? '');
            $name = Field::text($property, 'NAME', 200)
                ?? Field::text($property, 'CODE', 200)
                ?? '';
            $value = Field::text($property, 'VALUE', 500);
            if ($value !== null && !in_array($code, self::OWN, true)) {
                $options[] = ['name' => $name, 'value' => $value];
            }
        }
        return $options === [] ? null : array_slice($options, 0, self::OPTIONS);
    }

    /**
     * Where everything is fetched there is no address of delivery: the customer's own is not the
     * place.
     *
     * @param array<string, mixed> $order
     * @return array<string, mixed>|null
     */
    private static function delivery(array $order): ?array
    {
        $shipments = Field::rows($order, 'shipments');
        $methods = [];
        $stores = [];
        foreach ($shipments as $shipment) {
            $methods[] = Field::text($shipment, 'DELIVERY_NAME', 200);
            $stores[] = self::store($shipment);
        }
        $all = array_filter($shipments, [self::class, 'fetched']) === $shipments;
        $fetched = $shipments !== [] && $all;
        $address = null;
        foreach ($fetched ? [] : Field::rows($order, 'properties') as $property) {
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            if (Field::yes($property['IS_ADDRESS'] ?? null) || $code === 'ADDRESS') {
                $value = Field::scalar($property['VALUE'] ?? null);
                $address = $address ?? ($value === null ? null : Field::cut($value, 1000));
            }
        }
        $method = Field::cut(implode(', ', Field::distinct($methods)), 500);
        [$price, $rate] = self::carriage($order);
        $recipient = Customer::recipient($order);
        if ($method === '' && $address === null && $price === '0' && $recipient === null) {
            return null;
        }
        $stores = Field::distinct($stores);
        return Field::present([
            'method' => $method === '' ? null : $method,
            'price' => $price,
            'vat_rate' => $rate,
            'address' => $address,
            'store' => count($stores) === 1 ? $stores[0] : null,
            'recipient' => $recipient,
        ]);
    }

    /**
     * What delivery costs, and its VAT in percent. One row holds one rate: that of the first
     * shipment which costs anything.
     *
     * @param array<string, mixed> $order
     * @return array{0: string, 1: ?string}
     */
    private static function carriage(array $order): array
    {
        $price = (float) Field::amount($order['PRICE_DELIVERY'] ?? 0);
        foreach (self::apart($order) as $other) {
            $price -= (float) $other['price'];
        }
        foreach (Field::rows($order, 'shipments') as $shipment) {
            if (self::costs($shipment)) {
                return [Field::amount($price), self::rate($shipment)];
            }
        }
        return [Field::amount($price), null];
    }

    /**
     * Shipments that are taxed by another rate than the first that costs anything: each is a row of
     * its own.
     *
     * @param array<string, mixed> $order
     * @return list<array<string, mixed>>
     */
    private static function apart(array $order): array
    {
        $shipments = Field::rows($order, 'shipments');
        $paid = array_values(array_filter($shipments, [self::class, 'costs']));
        $rows = [];
        foreach ($paid as $shipment) {
            if (self::rate($shipment) !== self::rate($paid[0])) {
                $rows[] = Field::present([
                    'name' => Field::text($shipment, 'DELIVERY_NAME', 500) ?? '?',
                    'quantity' => '1',
                    'price' => Field::amount($shipment['PRICE_DELIVERY']),
                    'vat_rate' => self::rate($shipment),
                ]);
            }
        }
        return $rows;
    }

    /** @param array<string, mixed> $shipment */
    private static function costs(array $shipment): bool
    {
        return Field::amount($shipment['PRICE_DELIVERY'] ?? 0) !== '0';
    }

    /**
     * Whether the customer fetches it: a store was chosen, or the delivery says so by its name.
     *
     * @param array<string, mixed> $shipment
     */
    private static function fetched(array $shipment): bool
    {
        $name = Field::text($shipment, 'DELIVERY_NAME', 500) ?? '';
        $named = preg_match('/самовывоз|pick-?up/iu', $name);
        return self::store($shipment) !== null || $named === 1;
    }

    /** @param array<string, mixed> $shipment */
    private static function store(array $shipment): ?string
    {
        $store = Field::text($shipment, 'STORE_ID', 256);
        return $store === '0' ? null : $store;
    }

    /**
     * Where the customer fetches it.
     *
     * @param array<string, mixed> $order
     * @return list<string>|null
     */
    private static function stores(array $order): ?array
    {
        $notes = [];
        foreach (Field::rows($order, 'shipments') as $shipment) {
            $told = Field::distinct([
                Field::text($shipment, 'STORE_TITLE', 300),
                Field::text($shipment, 'STORE_ADDRESS', 500),
            ]);
            $notes[] = $told === [] ? null : 'Пункт самовывоза: ' . implode(', ', $told);
        }
        $notes = Field::distinct($notes);
        return $notes === [] ? null : $notes;
    }

    /**
     * @param list<array<string, mixed>> $payments
     * @return array<string, mixed>|null
     */
    private static function payment(array $payments): ?array
    {
        $names = [];
        foreach ($payments as $payment) {
            $names[] = Field::text($payment, 'PAY_SYSTEM_NAME', 200);
        }
        $names = Field::distinct($names);
        return $names === [] ? null : ['method' => Field::cut(implode(', ', $names), 500)];
    }

    /**
     * @param list<array<string, mixed>> $properties
     * @return array<string, mixed>
     */
    private static function properties(array $properties): array
    {
        $found = [];
        foreach ($properties as $property) {
            $code = Field::text($property, 'CODE', 200);
            $value = $property['VALUE'] ?? null;
            $usable = is_scalar($value) || (is_array($value) && strlen(self::json($value)) < 60000);
            if ($code !== null && $value !== '' && $usable && count($found) < 200) {
                $values = [$value];
                array_walk_recursive($values, static function (&$one): void {
                    if (is_string($one)) {
                        $one = Field::cut(str_replace("\0", '', $one), 10000);
                    } elseif (!is_scalar($one)) {
                        $one = null;
                    }
                });
                $found[$code] = $values[0];
            }
        }
        return $found;
    }
}
