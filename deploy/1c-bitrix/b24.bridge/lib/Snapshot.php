<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * From an order's fields, as 1C-Bitrix names them, to an event of the bridge. Knows nothing of 1C-Bitrix itself.
 *
 * Takes an array of the order's own fields (`ACCOUNT_NUMBER`, `STATUS_ID`, …) and the lists `basket`, `properties`, `shipments`, `payments`
 * and `user`. A line of the basket has the `properties` that were chosen with it, a shipment its VAT_RATE as a share and the store where
 * it is fetched (STORE_ID, STORE_TITLE, STORE_ADDRESS). Moments are `DateTimeInterface` or null; amounts are what PHP has: numbers or
 * texts.
 */
final class Snapshot
{
    public const SAVED = 'shop.order.saved.v1';
    public const DELETED = 'shop.order.deleted.v1';
    /** Properties of a line by which 1C finds the product: nobody chose them. */
    private const OWN = ['CATALOG.XML_ID', 'PRODUCT.XML_ID', 'ARTNUMBER', 'ARTICLE', 'CML2_ARTICLE'];
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
        $number = self::text($order, 'ACCOUNT_NUMBER', 100) ?? self::text($order, 'ID', 100) ?? '';
        $data = ['number' => $number, 'updated_at' => self::moment($at)];
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
        $number = self::text($order, 'ACCOUNT_NUMBER', 100) ?? self::text($order, 'ID', 100);
        $version = (int) ($order['VERSION'] ?? 0);
        return self::present([
            'number' => $number ?? '',
            'id' => self::text($order, 'ID', 256),
            'version' => $version > 0 ? $version : null,
            'status' => self::text($order, 'STATUS_ID', 100) ?? '',
            'status_changed_at' => self::moment($order['DATE_STATUS'] ?? null),
            'created_at' => self::moment($order['DATE_INSERT'] ?? null),
            'updated_at' => self::moment($order['DATE_UPDATE'] ?? null),
            'currency' => self::text($order, 'CURRENCY', 10) ?? '',
            'total' => self::amount($order['PRICE'] ?? 0),
            'paid' => self::yes($order['PAYED'] ?? null),
            'paid_at' => self::yes($order['PAYED'] ?? null) ? self::moment($order['DATE_PAYED'] ?? null) : null,
            'cancelled' => self::yes($order['CANCELED'] ?? null),
            'cancel_reason' => self::text($order, 'REASON_CANCELED', 10000),
            'customer' => self::customer($order),
            'items' => array_merge(self::items(self::rows($order, 'basket')), self::apart($order)),
            'delivery' => self::delivery($order),
            'payment' => self::payment(self::rows($order, 'payments')),
            'properties' => (object) self::properties(self::rows($order, 'properties')),
            'comment' => self::text($order, 'USER_DESCRIPTION', 10000),
            'notes' => self::stores($order),
            'origin' => self::present(['channel' => 'online', 'store_id' => self::text($order, 'LID', 256)]),
        ]);
    }

    /**
     * What the order's properties say goes before the user's card: the person who orders is not always the one who is logged in.
     *
     * @param array<string, mixed> $order
     * @return array<string, mixed>
     */
    private static function customer(array $order): array
    {
        $user = isset($order['user']) && is_array($order['user']) ? $order['user'] : [];
        $anonymous = !empty($order['anonymous']);
        $phones = [];
        $emails = [];
        $byCode = [];
        $payer = null;
        foreach (self::rows($order, 'properties') as $property) {
            $value = self::scalar($property['VALUE'] ?? null);
            if ($value === null) {
                continue;
            }
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            if (self::ofRecipient($code)) {
                continue;
            }
            $byCode[$code] = $value;
            if (self::yes($property['IS_PHONE'] ?? null) || in_array($code, ['PHONE', 'PERSONAL_PHONE', 'TEL', 'MOBILE'], true)) {
                $phones[] = self::cut($value, 100);
            }
            if (self::yes($property['IS_EMAIL'] ?? null) || in_array($code, ['EMAIL', 'E_MAIL'], true)) {
                $emails[] = self::cut($value, 320);
            }
            if (self::yes($property['IS_PAYER'] ?? null) || self::yes($property['IS_PROFILE_NAME'] ?? null)) {
                $payer = $payer ?? $value;
            }
        }
        if (!$anonymous) {
            // Who orders for somebody else under an account of his own does not lend him his numbers.
            if ($phones === []) {
                $phones[] = self::text($user, 'PERSONAL_MOBILE', 100) ?? self::text($user, 'PERSONAL_PHONE', 100);
            }
            if ($emails === []) {
                $emails[] = self::text($user, 'EMAIL', 320);
            }
        }
        $company = self::company($byCode);
        $names = self::names($byCode, $anonymous ? [] : $user, $company === null ? $payer : null);
        return self::present([
            'id' => $anonymous ? null : self::text($order, 'USER_ID', 200),
            'kind' => $company === null ? 'person' : 'company',
            'name' => $names[0],
            'last_name' => $names[1],
            'second_name' => $names[2],
            'phones' => self::distinct($phones),
            'emails' => self::distinct($emails),
            'company' => $company,
        ]);
    }

    /** Whoever is only named for the delivery, of a gift for example, is not the customer. */
    private static function ofRecipient(string $code): bool
    {
        return preg_match('/RECIPIENT|RECEIVER|CONSIGNEE|POLUCHATEL|(^|_)GIFT/', $code) === 1;
    }

    /**
     * @param array<string, mixed> $order
     * @return array<string, string>|null
     */
    private static function recipient(array $order): ?array
    {
        $name = [];
        $phone = null;
        foreach (self::rows($order, 'properties') as $property) {
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            $value = self::ofRecipient($code) ? self::scalar($property['VALUE'] ?? null) : null;
            if ($value === null) {
                continue;
            }
            if (self::yes($property['IS_PHONE'] ?? null) || preg_match('/PHONE|TEL|MOBILE/', $code) === 1) {
                $phone = $phone ?? self::cut($value, 100);
            } elseif (preg_match('/MAIL|ADDRESS|ADR|CITY/', $code) !== 1) {
                $name[] = $value;
            }
        }
        $named = self::cut(implode(' ', self::distinct($name)), 500);
        $recipient = self::present(['name' => $named === '' ? null : $named, 'phone' => $phone]);
        return $recipient === [] ? null : $recipient;
    }

    /**
     * @param array<string, string> $byCode
     * @param array<string, mixed> $user
     * @return array{0: ?string, 1: ?string, 2: ?string} name, last name, patronymic
     */
    private static function names(array $byCode, array $user, ?string $payer): array
    {
        $name = $byCode['NAME'] ?? $byCode['FIRST_NAME'] ?? null;
        $last = $byCode['LAST_NAME'] ?? null;
        $second = $byCode['SECOND_NAME'] ?? null;
        if ($last === null) {
            // One field for all of it: `Иванов Иван Иванович` in Russian shops, whatever in others; the words are kept in their places.
            $full = $byCode['FIO'] ?? $byCode['CONTACT_PERSON'] ?? $payer ?? $name;
            $words = $full === null ? [] : (preg_split('/\s+/u', trim($full)) ?: []);
            if (count($words) === 3) {
                [$last, $name, $second] = $words;
            } elseif ($full !== null) {
                $name = trim($full);
            }
        }
        if ($name === null && $last === null) {
            $name = self::text($user, 'NAME', 500);
            $last = self::text($user, 'LAST_NAME', 500);
            $second = self::text($user, 'SECOND_NAME', 500);
        }
        $cut = static fn (?string $text): ?string => $text === null || trim($text) === '' ? null : self::cut($text, 500);
        return [$cut($name), $cut($last), $cut($second)];
    }

    /**
     * @param array<string, string> $byCode
     * @return array<string, string>|null
     */
    private static function company(array $byCode): ?array
    {
        $title = $byCode['COMPANY'] ?? $byCode['COMPANY_NAME'] ?? null;
        $inn = $byCode['INN'] ?? $byCode['COMPANY_INN'] ?? null;
        if ($title === null && $inn === null) {
            return null;
        }
        $address = $byCode['COMPANY_ADR'] ?? $byCode['COMPANY_ADDRESS'] ?? null;
        $kpp = $byCode['KPP'] ?? $byCode['COMPANY_KPP'] ?? null;
        return self::present([
            'title' => $title === null ? null : self::cut($title, 500),
            'inn' => $inn === null ? null : self::cut($inn, 100),
            'kpp' => $kpp === null ? null : self::cut($kpp, 100),
            'address' => $address === null ? null : self::cut($address, 1000),
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
            $items[] = self::present([
                'product_id' => self::text($item, 'PRODUCT_ID', 256),
                'sku' => self::text($item, 'ARTICLE', 256) ?? self::text($item, 'PRODUCT_XML_ID', 256),
                'name' => self::text($item, 'NAME', 500) ?? '?',
                'quantity' => self::amount($item['QUANTITY']),
                'unit' => self::text($item, 'MEASURE_CODE', 50) ?? self::text($item, 'MEASURE_NAME', 50),
                'price' => self::amount($item['PRICE'] ?? 0),
                'discount' => self::amount($item['DISCOUNT_PRICE'] ?? 0),
                'vat_rate' => self::rate($item),
                'vat_included' => !isset($item['VAT_INCLUDED']) || self::yes($item['VAT_INCLUDED']),
                'options' => self::options(self::rows($item, 'properties')),
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
        return is_numeric($rate) && (float) $rate > 0 ? self::amount((float) $rate * 100) : null;
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
            $code = strtoupper(self::text($property, 'CODE', 200) ?? '');
            $name = self::text($property, 'NAME', 200) ?? self::text($property, 'CODE', 200) ?? '';
            $value = self::text($property, 'VALUE', 500);
            if ($value !== null && !in_array($code, self::OWN, true)) {
                $options[] = ['name' => $name, 'value' => $value];
            }
        }
        return $options === [] ? null : array_slice($options, 0, self::OPTIONS);
    }

    /**
     * Where everything is fetched there is no address of delivery: the customer's own is not the place.
     *
     * @param array<string, mixed> $order
     * @return array<string, mixed>|null
     */
    private static function delivery(array $order): ?array
    {
        $shipments = self::rows($order, 'shipments');
        $methods = [];
        $stores = [];
        foreach ($shipments as $shipment) {
            $methods[] = self::text($shipment, 'DELIVERY_NAME', 200);
            $stores[] = self::store($shipment);
        }
        $fetched = $shipments !== [] && array_filter($shipments, [self::class, 'fetched']) === $shipments;
        $address = null;
        foreach ($fetched ? [] : self::rows($order, 'properties') as $property) {
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            if (self::yes($property['IS_ADDRESS'] ?? null) || $code === 'ADDRESS') {
                $value = self::scalar($property['VALUE'] ?? null);
                $address = $address ?? ($value === null ? null : self::cut($value, 1000));
            }
        }
        $method = self::cut(implode(', ', self::distinct($methods)), 500);
        [$price, $rate] = self::carriage($order);
        $recipient = self::recipient($order);
        if ($method === '' && $address === null && $price === '0' && $recipient === null) {
            return null;
        }
        $stores = self::distinct($stores);
        return self::present([
            'method' => $method === '' ? null : $method,
            'price' => $price,
            'vat_rate' => $rate,
            'address' => $address,
            'store' => count($stores) === 1 ? $stores[0] : null,
            'recipient' => $recipient,
        ]);
    }

    /**
     * What delivery costs, and its VAT in percent. One row holds one rate: that of the first shipment which costs anything.
     *
     * @param array<string, mixed> $order
     * @return array{0: string, 1: ?string}
     */
    private static function carriage(array $order): array
    {
        $price = (float) self::amount($order['PRICE_DELIVERY'] ?? 0);
        foreach (self::apart($order) as $other) {
            $price -= (float) $other['price'];
        }
        foreach (self::rows($order, 'shipments') as $shipment) {
            if (self::costs($shipment)) {
                return [self::amount($price), self::rate($shipment)];
            }
        }
        return [self::amount($price), null];
    }

    /**
     * Shipments that are taxed by another rate than the first that costs anything: each is a row of its own.
     *
     * @param array<string, mixed> $order
     * @return list<array<string, mixed>>
     */
    private static function apart(array $order): array
    {
        $paid = array_values(array_filter(self::rows($order, 'shipments'), [self::class, 'costs']));
        $rows = [];
        foreach ($paid as $shipment) {
            if (self::rate($shipment) !== self::rate($paid[0])) {
                $rows[] = self::present([
                    'name' => self::text($shipment, 'DELIVERY_NAME', 500) ?? '?',
                    'quantity' => '1',
                    'price' => self::amount($shipment['PRICE_DELIVERY']),
                    'vat_rate' => self::rate($shipment),
                ]);
            }
        }
        return $rows;
    }

    /** @param array<string, mixed> $shipment */
    private static function costs(array $shipment): bool
    {
        return self::amount($shipment['PRICE_DELIVERY'] ?? 0) !== '0';
    }

    /**
     * Whether the customer fetches it: a store was chosen, or the delivery says so by its name.
     *
     * @param array<string, mixed> $shipment
     */
    private static function fetched(array $shipment): bool
    {
        $named = preg_match('/самовывоз|pick-?up/iu', self::text($shipment, 'DELIVERY_NAME', 500) ?? '');
        return self::store($shipment) !== null || $named === 1;
    }

    /** @param array<string, mixed> $shipment */
    private static function store(array $shipment): ?string
    {
        $store = self::text($shipment, 'STORE_ID', 256);
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
        foreach (self::rows($order, 'shipments') as $shipment) {
            $told = self::distinct([self::text($shipment, 'STORE_TITLE', 300), self::text($shipment, 'STORE_ADDRESS', 500)]);
            $notes[] = $told === [] ? null : 'Пункт самовывоза: ' . implode(', ', $told);
        }
        $notes = self::distinct($notes);
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
            $names[] = self::text($payment, 'PAY_SYSTEM_NAME', 200);
        }
        $names = self::distinct($names);
        return $names === [] ? null : ['method' => self::cut(implode(', ', $names), 500)];
    }

    /**
     * @param list<array<string, mixed>> $properties
     * @return array<string, mixed>
     */
    private static function properties(array $properties): array
    {
        $found = [];
        foreach ($properties as $property) {
            $code = self::text($property, 'CODE', 200);
            $value = $property['VALUE'] ?? null;
            $usable = is_scalar($value) || (is_array($value) && strlen(self::json($value)) < 60000);
            if ($code !== null && $value !== '' && $usable && count($found) < 200) {
                $values = [$value];
                array_walk_recursive($values, static function (&$one): void {
                    $one = is_string($one) ? self::cut(str_replace("\0", '', $one), 10000) : (is_scalar($one) ? $one : null);
                });
                $found[$code] = $values[0];
            }
        }
        return $found;
    }

    /**
     * @param array<string, mixed> $order
     * @return list<array<string, mixed>>
     */
    private static function rows(array $order, string $name): array
    {
        $rows = $order[$name] ?? [];
        return is_array($rows) ? array_values(array_filter($rows, 'is_array')) : [];
    }

    /** @param array<string, mixed> $of */
    private static function text(array $of, string $name, int $most): ?string
    {
        $text = self::scalar($of[$name] ?? null);
        return $text === null ? null : self::cut($text, $most);
    }

    /** @param mixed $value */
    private static function scalar($value): ?string
    {
        if (is_array($value)) {
            $value = implode(', ', array_filter($value, 'is_scalar'));
        }
        if (!is_scalar($value) || is_bool($value)) {
            return null;
        }
        $text = trim(str_replace("\0", '', (string) $value));
        return $text === '' ? null : $text;
    }

    /** A decimal without a float's tail: 0.30000000000000004 is 0.3. @param mixed $value */
    public static function amount($value): string
    {
        $text = number_format(max(0.0, round((float) (is_scalar($value) ? $value : 0), 4)), 4, '.', '');
        return rtrim(rtrim($text, '0'), '.');
    }

    /** @param mixed $value */
    private static function moment($value): ?string
    {
        return $value instanceof \DateTimeInterface ? $value->format('Y-m-d\TH:i:sP') : null;
    }

    /** @param mixed $value */
    private static function yes($value): bool
    {
        return $value === 'Y' || $value === true;
    }

    private static function cut(string $text, int $most): string
    {
        return mb_substr($text, 0, $most, 'UTF-8');
    }

    /**
     * @param list<?string> $texts
     * @return list<string>
     */
    private static function distinct(array $texts): array
    {
        $there = array_filter($texts, static fn (?string $text): bool => $text !== null && $text !== '');
        return array_slice(array_values(array_unique($there)), 0, 20);
    }

    /**
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    private static function present(array $members): array
    {
        return array_filter($members, static fn ($value): bool => $value !== null);
    }
}
