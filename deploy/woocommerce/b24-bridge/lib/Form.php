<?php

declare(strict_types=1);

namespace B24Bridge;

/** What a visitor has written, as it is sent. */
final class Form
{
    private const UTM = ['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term'];
    /** The longest value, in bytes: the bridge takes 1 MiB in all. */
    private const LONGEST = 60000;
    private const MOST = 200;

    /**
     * @param list<array{0: string, 1: mixed}> $answers names, as people read them, and values
     * @param string $page the address of the page that the form stands on
     * @return list<array{0: string, 1: string}>
     */
    public static function fields(array $answers, string $page): array
    {
        $fields = [];
        foreach ($answers as [$name, $value]) {
            $value = is_array($value) ? implode(', ', array_filter($value, 'is_scalar')) : $value;
            $text = is_scalar($value) ? trim(str_replace("\0", '', (string) $value)) : '';
            // `tranid` is how the bridge tells one submission from another.
            if ($text !== '' && $name !== '' && $name !== 'tranid' && count($fields) < self::MOST) {
                $fields[] = [$name, mb_strcut($text, 0, self::LONGEST, 'UTF-8')];
            }
        }
        if ($fields === []) {
            return [];
        }
        parse_str((string) parse_url($page, PHP_URL_QUERY), $query);
        $named = array_column($fields, 0);
        foreach (self::UTM as $mark) {
            $value = $query[$mark] ?? '';
            if (is_string($value) && $value !== '' && !in_array($mark, $named, true)) {
                $fields[] = [$mark, mb_strcut($value, 0, 500, 'UTF-8')];
            }
        }
        if ($page !== '') {
            $fields[] = ['page_url', mb_strcut($page, 0, 2000, 'UTF-8')];
        }
        return $fields;
    }
}
