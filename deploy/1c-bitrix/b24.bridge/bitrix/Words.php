<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * The module's words in the administrator's language. They are read here and not by the site,
 * which would take the files to be in its own charset: they are in UTF-8 wherever the module is
 * installed.
 */
final class Words
{
    /** @var array<string, array<string, string>> */
    private static array $read = [];

    /**
     * @param string $page the file whose words they are, from the module's folder
     * @param array<string, string> $places what stands in place of `#NAME#`, in the site's charset
     */
    public static function of(string $page, string $code, array $places = []): string
    {
        $words = self::all($page)[$code] ?? $code;
        return strtr(Charset::out($words), $places);
    }

    /** @return array<string, string> */
    private static function all(string $page): array
    {
        $language = defined('LANGUAGE_ID') ? (string) constant('LANGUAGE_ID') : 'ru';
        // Where Russian is what people read when their own language is not there.
        $language = in_array($language, ['ru', 'ua', 'by', 'kz'], true) ? 'ru' : 'en';
        if (!isset(self::$read["$language/$page"])) {
            $MESS = [];
            include dirname(__DIR__) . "/lang/$language/$page";
            self::$read["$language/$page"] = $MESS;
        }
        return self::$read["$language/$page"];
    }
}
