<?php

declare(strict_types=1);

// From local/php_interface/init.php: require_once $_SERVER['DOCUMENT_ROOT'] . '/local/b24bridge/include.php';
require_once __DIR__ . '/autoload.php';
require_once __DIR__ . '/bitrix/BitrixDatabase.php';
require_once __DIR__ . '/bitrix/Bridge.php';

// The `sale` module is loaded by then whenever an order is.
spl_autoload_register(static function (string $class): void {
    if ($class === 'B24Bridge\BitrixOrders') {
        require_once __DIR__ . '/bitrix/BitrixOrders.php';
    }
});

B24Bridge\Bridge::register();
