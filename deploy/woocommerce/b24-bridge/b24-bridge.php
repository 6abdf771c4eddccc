<?php
/**
 * Plugin Name: b24-bridge
 * Description: Orders, products and forms to Bitrix24 by b24-bridge, statuses back.
 * Version: 2.0.0
 * Requires at least: 5.8
 * Requires PHP: 7.4
 * Requires Plugins: woocommerce
 * WC requires at least: 6.0
 * Text Domain: b24-bridge
 */

declare(strict_types=1);

namespace B24Bridge;

if (!defined('ABSPATH')) {
    exit;
}

/** The plugin's classes: those in `lib` are the same in the module for 1C-Bitrix. */
spl_autoload_register(static function (string $class): void {
    $files = [
        'Http' => 'Sender', 'Transport' => 'Sender', 'Shop' => 'Receiver', 'Refused' => 'Receiver',
        'Products' => 'Catalogue',
    ];
    $name = strncmp($class, 'B24Bridge\\', 10) === 0 ? substr($class, 10) : '';
    foreach (['lib/' . ($files[$name] ?? $name), "src/$name"] as $file) {
        if (preg_match('/^[a-z]+\/\w+$/', $file) === 1 && is_file(__DIR__ . "/$file.php")) {
            require_once __DIR__ . "/$file.php";
            return;
        }
    }
});

register_activation_hook(__FILE__, [Plugin::class, 'activated']);
register_deactivation_hook(__FILE__, [Plugin::class, 'deactivated']);
add_action('before_woocommerce_init', static function (): void {
    $features = 'Automattic\WooCommerce\Utilities\FeaturesUtil';
    if (class_exists($features)) {
        // Orders are read by the order's own interface alone, wherever they are stored.
        $features::declare_compatibility('custom_order_tables', __FILE__, true);
    }
});
Plugin::register();
