<?php

declare(strict_types=1);

// The module's classes; no composer in the shop is needed. The constant tells them from those of an
// installation by hand.
defined('B24_BRIDGE_CLASSES') || define('B24_BRIDGE_CLASSES', true);
spl_autoload_register(static function (string $class): void {
    // Two of a kind stand in one file.
    $files = [
        'Http' => 'lib/Sender', 'Transport' => 'lib/Sender', 'Shop' => 'lib/Receiver',
        'Refused' => 'lib/Receiver', 'Products' => 'lib/Catalogue',
    ];
    if (strncmp($class, 'B24Bridge\\', 10) !== 0) {
        return;
    }
    $name = substr($class, 10);
    foreach ([$files[$name] ?? "lib/$name", "bitrix/$name"] as $file) {
        if (preg_match('/^[a-z]+\/[A-Za-z0-9]+$/', $file) && is_file(__DIR__ . "/$file.php")) {
            require_once __DIR__ . "/$file.php";
            return;
        }
    }
});
