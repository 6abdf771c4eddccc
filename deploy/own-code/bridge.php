<?php

// Posts orders to b24-bridge and receives its callbacks. PHP 8.1 or newer with curl.
//
// BRIDGE_URL=http://127.0.0.1:8080 BRIDGE_KEY=... php bridge.php send order.json
// CALLBACK_SECRET=whsec_... php -S 127.0.0.1:8000 bridge.php
// php bridge.php check

declare(strict_types=1);

const TOLERANCE = 300;
/** Statuses that do not deny a payment. */
const PAID = ['P', 'F'];

/**
 * Sends until the bridge has it: 202 is "stored". The same event may be sent any number of times.
 */
function send(string $event): string
{
    foreach ([1, 2, 4, 0] as $pause) {
        $curl = curl_init(getenv('BRIDGE_URL') . '/v1/events');
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $event,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT => 3,
            CURLOPT_TIMEOUT => 10,
            CURLOPT_HTTPHEADER => [
                'Authorization: Bearer ' . getenv('BRIDGE_KEY'),
                'Content-Type: application/cloudevents+json',
            ],
        ]);
        $answer = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($status === 202) {
            return (string) $answer;
        }
        // 4xx: the event is wrong, and sending it again does not help. The answer says where.
        if ($status >= 400 && $status < 500) {
            break;
        }
        sleep($pause);
    }
    throw new RuntimeException("the bridge answered $status: $answer");
}

function sign(string $secret, string $id, string $timestamp, string $body): string
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    return 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
}

/** @param array<string, string> $headers */
function verify(string $secret, array $headers, string $body, int $now): bool
{
    [$id, $timestamp] = [$headers['webhook-id'] ?? '', $headers['webhook-timestamp'] ?? ''];
    if ($id === '' || !ctype_digit($timestamp) || abs($now - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    $wanted = sign($secret, $id, $timestamp, $body);
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
        if (hash_equals($wanted, $given)) {
            return true;
        }
    }
    return false;
}

/** Whether the message denies what the order is by now: above all, money that was taken. */
function denied(array $order, array $data): bool
{
    if (isset($data['denies'])) {
        $is = fn (string $fact): bool => !empty($order[$fact]);
        return array_filter($data['denies'], $is) !== [];
    }
    return !empty($order['paid']) && !in_array($data['status'], PAID, true);
}

/**
 * From a message to status and answer. The bridge repeats a message until it is answered with 2xx.
 */
function receive(string $id, array $data, array &$shop): array
{
    if (isset($shop['taken'][$id])) {
        return [200, ['result' => 'duplicate']];
    }
    $order = $shop['orders'][$data['number']] ?? null;
    if ($order === null) {
        return [404, ['error' => 'there is no such order']];
    }
    if (!in_array($order['status'], [$data['status'], $data['previous_status'] ?? null], true)) {
        // The shop went elsewhere meanwhile: the bridge decides afresh, knowing the whole order.
        return [409, ['snapshot' => $order]];
    }
    if ($order['status'] !== $data['status'] && denied($order, $data)) {
        return [409, ['snapshot' => $order]];
    }
    $shop['orders'][$data['number']]['status'] = $data['status'];
    $shop['taken'][$id] = true;
    return [200, ['result' => 'changed']];
}

/** The order in `order.json`; where this file was copied alone, one as small as it can be. */
function sample(): array
{
    $file = __DIR__ . '/order.json';
    if (is_file($file)) {
        return json_decode((string) file_get_contents($file), true)['data'];
    }
    $items = [['name' => 'Kettle', 'quantity' => 1, 'price' => '1990.00']];
    $order = ['number' => '1001', 'status' => 'N', 'currency' => 'RUB', 'total' => '1990.00'];
    return $order + ['updated_at' => '2026-01-15T10:00:00+03:00', 'items' => $items];
}

/** The example of the Standard Webhooks specification. */
function check(): bool
{
    $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    $headers = [
        'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp' => '1614265330',
        'webhook-signature' => 'v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    ];
    $body = '{"test": 2432232314}';
    return verify($secret, $headers, $body, 1614265330)
        && !verify($secret, $headers, $body, 1614265330 + TOLERANCE + 1)
        && !verify($secret, $headers, "$body ", 1614265330);
}

if (PHP_SAPI === 'cli') {
    if (($argv[1] ?? '') === 'send') {
        echo send((string) file_get_contents($argv[2])), "\n";
        exit(0);
    }
    exit(($argv[1] ?? '') === 'check' && check() ? 0 : 1);
}

// Under a web server. A file is in place of the shop's database with the snapshots of its orders,
// locked as a row would be.
$file = fopen(getenv('SHOP_FILE') ?: sys_get_temp_dir() . '/bridge-shop.json', 'c+');
flock($file, LOCK_EX);
$shop = json_decode((string) stream_get_contents($file), true) ?? [
    'orders' => ['1001' => sample()],
    'taken' => [],
];
$headers = array_change_key_case(getallheaders());
$body = (string) file_get_contents('php://input');
if (!verify((string) getenv('CALLBACK_SECRET'), $headers, $body, time())) {
    [$status, $answer] = [401, ['error' => 'the signature is wrong, or the message is too old']];
} else {
    $event = json_decode($body, true);
    [$status, $answer] = ($event['type'] ?? '') === 'bridge.order.status.v1'
        ? receive($headers['webhook-id'], $event['data'], $shop)
        : [200, ['result' => 'ignored']];
    rewind($file);
    ftruncate($file, 0);
    fwrite($file, json_encode($shop));
}
fclose($file);
http_response_code($status);
header('Content-Type: application/json');
echo json_encode($answer);
