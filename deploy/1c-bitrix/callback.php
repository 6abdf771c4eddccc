<?php

declare(strict_types=1);

// The address for [shops.NAME] callback_url: https://shop.example/local/b24bridge/callback.php
define('NO_KEEP_STATISTIC', true);
define('NO_AGENT_STATISTIC', true);
define('NOT_CHECK_PERMISSIONS', true);
define('STOP_STATISTICS', true);
define('NO_AGENT_CHECK', true);
require $_SERVER['DOCUMENT_ROOT'] . '/bitrix/modules/main/include/prolog_before.php';

use B24Bridge\BitrixOrders;
use B24Bridge\Bridge;
use B24Bridge\Receiver;
use B24Bridge\Signature;
use B24Bridge\Snapshot;

$headers = [];
foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
    $headers[$name] = (string) ($_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '');
}
try {
    $receiver = new Receiver(new Signature(Bridge::config()['callback_secret']), new BitrixOrders(Bridge::spool()));
    $body = (string) file_get_contents('php://input');
    [$status, $answer] = $receiver->handle((string) $_SERVER['REQUEST_METHOD'], $headers, $body, time());
} catch (\Throwable $error) {
    AddMessage2Log('b24-bridge: ' . get_class($error) . ': ' . $error->getMessage(), 'sale');
    [$status, $answer] = [503, ['error' => 'the shop is in trouble: try again']];
}
http_response_code($status);
header('Content-Type: application/json');
echo Snapshot::json($answer);
