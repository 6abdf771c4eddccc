<?php

declare(strict_types=1);

namespace B24Bridge;

/** Who ordered, and who takes the delivery, out of an order's fields as `Snapshot` has them. */
final class Customer
{
    /**
     * What the order's properties say goes before the user's card: the person who orders is not
     * always the one who is logged in.
     *
     * @param array<string, mixed> $order
     * @return array<string, mixed>
     */
    public static function of(array $order): array
    {
        $user = isset($order['user']) && is_array($order['user']) ? $order['user'] : [];
        $anonymous = !empty($order['anonymous']);
        $phones = [];
        $emails = [];
        $byCode = [];
        $payer = null;
        foreach (Field::rows($order, 'properties') as $property) {
            $value = Field::scalar($property['VALUE'] ?? null);
            if ($value === null) {
                continue;
            }
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            if (self::ofRecipient($code)) {
                continue;
            }
            $byCode[$code] = $value;
            $is = static fn (string $flag, array $codes): bool
                => Field::yes($property[$flag] ?? null) || in_array($code, $codes, true);
            if ($is('IS_PHONE', ['PHONE', 'PERSONAL_PHONE', 'TEL', 'MOBILE'])) {
                $phones[] = Field::cut($value, 100);
            }
            if ($is('IS_EMAIL', ['EMAIL', 'E_MAIL'])) {
                $emails[] = Field::cut($value, 320);
            }
            if ($is('IS_PAYER', []) || $is('IS_PROFILE_NAME', [])) {
                $payer = $payer ?? $value;
            }
        }
        if (!$anonymous) {
            // Who orders for somebody else under an account of his own does not lend him his
            // numbers.
            if ($phones === []) {
                $phones[] = Field::text($user, 'PERSONAL_MOBILE', 100)
                    ?? Field::text($user, 'PERSONAL_PHONE', 100);
            }
            if ($emails === []) {
                $emails[] = Field::text($user, 'EMAIL', 320);
            }
        }
        $company = self::company($byCode);
        $names = self::names($byCode, $anonymous ? [] : $user, $company === null ? $payer : null);
        return Field::present([
            'id' => $anonymous ? null : Field::text($order, 'USER_ID', 200),
            'kind' => $company === null ? 'person' : 'company',
            'name' => $names[0],
            'last_name' => $names[1],
            'second_name' => $names[2],
            'phones' => Field::distinct($phones),
            'emails' => Field::distinct($emails),
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
    public static function recipient(array $order): ?array
    {
        $name = [];
        $phone = null;
        foreach (Field::rows($order, 'properties') as $property) {
            $code = strtoupper((string) ($property['CODE'] ?? ''));
            $value = self::ofRecipient($code) ? Field::scalar($property['VALUE'] ?? null) : null;
            if ($value === null) {
                continue;
            }
            $called = preg_match('/PHONE|TEL|MOBILE/', $code) === 1;
            if ($called || Field::yes($property['IS_PHONE'] ?? null)) {
                $phone = $phone ?? Field::cut($value, 100);
            } elseif (preg_match('/MAIL|ADDRESS|ADR|CITY/', $code) !== 1) {
                $name[] = $value;
            }
        }
        $named = Field::cut(implode(' ', Field::distinct($name)), 500);
        $recipient = Field::present(['name' => $named === '' ? null : $named, 'phone' => $phone]);
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
            // One field for all of it: `Иванов Иван Иванович` in Russian shops, whatever in others;
            // the words are kept in their places.
            $full = $byCode['FIO'] ?? $byCode['CONTACT_PERSON'] ?? $payer ?? $name;
            $words = $full === null ? [] : (preg_split('/\s+/u', trim($full)) ?: []);
            if (count($words) === 3) {
                [$last, $name, $second] = $words;
            } elseif ($full !== null) {
                $name = trim($full);
            }
        }
        if ($name === null && $last === null) {
            $name = Field::text($user, 'NAME', 500);
            $last = Field::text($user, 'LAST_NAME', 500);
            $second = Field::text($user, 'SECOND_NAME', 500);
        }
        $cut = static fn (?string $text): ?string
            => trim($text ?? '') === '' ? null : Field::cut((string) $text, 500);
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
        return Field::present([
            'title' => $title === null ? null : Field::cut($title, 500),
            'inn' => $inn === null ? null : Field::cut($inn, 100),
            'kpp' => $kpp === null ? null : Field::cut($kpp, 100),
            'address' => $address === null ? null : Field::cut($address, 1000),
        ]);
    }
}
