<?php

declare(strict_types=1);

// Statuses from the bridge. `install/tools` puts the file that calls this one under /bitrix/tools.
if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    http_response_code(404);
    exit;
}

use B24Bridge\BitrixOrders;
use B24Bridge\Bridge;
use B24Bridge\Receiver;
use B24Bridge\Settings;
use B24Bridge\Signature;
use B24Bridge\Snapshot;

$headers = [];
foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
    $headers[$name] = (string) ($_SERVER['HTTP_' . strtoupper(strtr($name, '-', '_'))] ?? '');
}
try {
    $spool = Bridge::spool();
    $signature = new Signature(Settings::read()['callback_secret']);
    $receiver = new Receiver($signature, new BitrixOrders($spool));
    $body = (string) file_get_contents('php://input');
    $method = (string) $_SERVER['REQUEST_METHOD'];
    [$status, $answer] = $receiver->handle($method, $headers, $body, time());
    if (!in_array($status, [401, 405, 413], true)) {
        $spool->setState('called_at', time());
    }
} catch (\Throwable $error) {
    Bridge::log(get_class($error) . ': ' . $error->getMessage());
    [$status, $answer] = [503, ['error' => 'the shop is in trouble: try again']];
}
http_response_code($status);
header('Content-Type: application/json');
echo Snapshot::json($answer);
