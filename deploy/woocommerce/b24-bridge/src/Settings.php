<?php

declare(strict_types=1);

namespace B24Bridge;

/** The plugin's settings: one option of the site. */
final class Settings
{
    public const OPTION = 'b24_bridge';
    private const USUAL = [
        'url' => '', 'shop' => '', 'secret' => '', 'key' => '', 'callback_secret' => '',
        'products' => false, 'forms' => [], 'keep' => false,
    ];

    /**
     * @return array{url: string, shop: string, secret: string, key: string,
     *     callback_secret: string, products: bool, forms: array<string, string>, keep: bool}
     */
    public static function read(): array
    {
        $kept = get_option(self::OPTION, []);
        $settings = self::USUAL;
        foreach (is_array($kept) ? $kept : [] as $name => $value) {
            if (gettype($value) === gettype($settings[$name] ?? null)) {
                $settings[$name] = $value;
            }
        }
        // As earlier releases had it; it also keeps the secret out of the database.
        if (defined('B24_BRIDGE_SECRET')) {
            $settings['callback_secret'] = (string) constant('B24_BRIDGE_SECRET');
        }
        return $settings;
    }

    /** @param array<string, mixed> $settings */
    public static function write(array $settings): void
    {
        update_option(self::OPTION, array_intersect_key($settings, self::USUAL), false);
    }

    /** Where webhooks are delivered; empty until the settings say it. */
    public static function address(): string
    {
        $settings = self::read();
        if ($settings['url'] === '' || $settings['shop'] === '') {
            return '';
        }
        return rtrim($settings['url'], '/') . '/v1/woocommerce/' . rawurlencode($settings['shop']);
    }
}
