<?php

declare(strict_types=1);

namespace B24Bridge;

/** The page's words in the administrator's language: English, or Russian from a file. */
final class Words
{
    /** @param array<string, string> $places what stands in place of `#NAME#` */
    public static function of(string $english, array $places = []): string
    {
        static $russian = null;
        $words = $english;
        if (strncmp(get_user_locale(), 'ru', 2) === 0) {
            $russian = $russian ?? require dirname(__DIR__) . '/languages/ru.php';
            $words = $russian[$english] ?? $english;
        }
        return strtr($words, $places);
    }
}
