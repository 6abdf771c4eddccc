<?php

declare(strict_types=1);

namespace B24Bridge;

/** Reads what a shop keeps: whatever is in a field, it becomes a text that the bridge takes. */
final class Field
{
    /**
     * @param array<string, mixed> $order
     * @return list<array<string, mixed>>
     */
    public static function rows(array $order, string $name): array
    {
        $rows = $order[$name] ?? [];
        return is_array($rows) ? array_values(array_filter($rows, 'is_array')) : [];
    }

    /** @param array<string, mixed> $of */
    public static function text(array $of, string $name, int $most): ?string
    {
        $text = self::scalar($of[$name] ?? null);
        return $text === null ? null : self::cut($text, $most);
    }

    /** @param mixed $value */
    public static function scalar($value): ?string
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
        $number = round((float) (is_scalar($value) ? $value : 0), 4);
        $text = number_format(max(0.0, $number), 4, '.', '');
        return rtrim(rtrim($text, '0'), '.');
    }

    /** @param mixed $value */
    public static function moment($value): ?string
    {
        return $value instanceof \DateTimeInterface ? $value->format('Y-m-d\TH:i:sP') : null;
    }

    /** @param mixed $value */
    public static function yes($value): bool
    {
        return $value === 'Y' || $value === true;
    }

    public static function cut(string $text, int $most): string
    {
        return mb_substr($text, 0, $most, 'UTF-8');
    }

    /**
     * @param list<?string> $texts
     * @return list<string>
     */
    public static function distinct(array $texts): array
    {
        $there = array_filter($texts, static fn (?string $text): bool => ($text ?? '') !== '');
        return array_slice(array_values(array_unique($there)), 0, 20);
    }

    /**
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    public static function present(array $members): array
    {
        return array_filter($members, static fn ($value): bool => $value !== null);
    }
}
