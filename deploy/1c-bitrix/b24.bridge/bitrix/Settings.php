<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Config\Option;

/** The module's settings, which the site keeps in its own charset. */
final class Settings
{
    public const MODULE = 'b24.bridge';
    /** What a setting is until somebody sets it. */
    public const USUAL = [
        'url' => '',
        'key' => '',
        'source' => '',
        'callback_secret' => '',
        'paid_statuses' => 'P,F',
        'sites' => '',
        'products' => 'N',
        'iblocks' => '',
        'article' => 'CML2_ARTICLE,ARTNUMBER,ARTICLE',
        'price_types' => '',
        'forms' => '{}',
    ];

    /**
     * @return array{url: string, key: string, source: string, callback_secret: string,
     *     paid_statuses: list<string>, sites: list<string>, products: bool, iblocks: list<string>,
     *     article: list<string>, price_types: list<string>, forms: array<string, string>}
     */
    public static function read(): array
    {
        $settings = [];
        foreach (self::USUAL as $name => $usual) {
            $text = trim((string) Charset::in(Option::get(self::MODULE, $name, $usual)));
            $lists = ['paid_statuses', 'sites', 'iblocks', 'article', 'price_types'];
            $settings[$name] = in_array($name, $lists, true) ? self::listed($text) : $text;
        }
        $forms = json_decode($settings['forms'], true);
        $settings['forms'] = is_array($forms) ? array_filter($forms, 'is_string') : [];
        $settings['products'] = $settings['products'] === 'Y';
        return $settings;
    }

    /** Whether there is anything to send with. */
    public static function complete(): bool
    {
        $settings = self::read();
        return $settings['url'] !== '' && $settings['key'] !== '' && $settings['source'] !== '';
    }

    /** @param string|array<string, string> $value */
    public static function write(string $name, $value): void
    {
        $text = is_array($value) ? Json::ascii((object) $value) : trim($value);
        Option::set(self::MODULE, $name, (string) Charset::out($text));
    }

    /**
     * Takes over what an installation by hand has in its file; what is set already stays.
     *
     * @param array<string, mixed> $file
     */
    public static function import(array $file): void
    {
        foreach (self::USUAL as $name => $usual) {
            $value = $file[$name] ?? null;
            $there = (string) Option::get(self::MODULE, $name, '');
            if ($there === '' && is_array($value)) {
                self::write($name, implode(',', array_filter($value, 'is_scalar')));
            } elseif ($there === '' && is_string($value)) {
                self::write($name, $value);
            }
        }
    }

    public static function forget(): void
    {
        Option::delete(self::MODULE);
    }

    /** @return list<string> */
    private static function listed(string $text): array
    {
        $words = preg_split('/[\s,;]+/', $text, -1, PREG_SPLIT_NO_EMPTY);
        return $words === false ? [] : $words;
    }
}
