<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Application;

/**
 * Between the site, which may be in windows-1251, and the module, which is in UTF-8. Texts are
 * converted where they come in and go out, and nowhere else.
 */
final class Charset
{
    /** The site's own charset. */
    public static function site(): string
    {
        $utf = method_exists(Application::class, 'isUtfMode')
            ? Application::isUtfMode()
            : defined('BX_UTF') && constant('BX_UTF') === true;
        if ($utf) {
            return 'UTF-8';
        }
        foreach (['SITE_CHARSET', 'LANG_CHARSET'] as $name) {
            $charset = defined($name) ? (string) constant($name) : '';
            if ($charset !== '' && strtolower($charset) !== 'utf-8') {
                return $charset;
            }
        }
        return 'windows-1251';
    }

    /**
     * What the site says, in UTF-8: texts, and arrays of them at any depth, with their keys.
     *
     * @param mixed $value
     * @return mixed
     */
    public static function in($value)
    {
        return self::converted($value, self::site(), 'UTF-8');
    }

    /**
     * What is in UTF-8, as the site has it. What the site's charset lacks becomes `?`.
     *
     * @param mixed $value
     * @return mixed
     */
    public static function out($value)
    {
        return self::converted($value, 'UTF-8', self::site());
    }

    /**
     * @param mixed $value
     * @return mixed
     */
    private static function converted($value, string $from, string $to)
    {
        if (strcasecmp($from, $to) === 0) {
            return $value;
        }
        if (is_string($value)) {
            return mb_convert_encoding($value, $to, $from);
        }
        if (!is_array($value)) {
            return $value;
        }
        $all = [];
        foreach ($value as $key => $one) {
            $all[self::converted($key, $from, $to)] = self::converted($one, $from, $to);
        }
        return $all;
    }
}
