<?php

declare(strict_types=1);

// What the tests of the plugin share.

namespace B24Bridge\Tests;

use B24Bridge\Page;
use B24Bridge\Plugin;
use B24Bridge\Settings;
use B24Bridge\Signature;
use World;
use WP_REST_Request;

require_once __DIR__ . '/stand_ins.php';
require_once dirname(__DIR__, 2) . '/1c-bitrix/tests/check.php';
require_once dirname(__DIR__) . '/b24-bridge/b24-bridge.php';
do_action('rest_api_init');

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const HERE = 'https://bridge.example/v1/woocommerce/main';

/** A site whose administrator has filled in the page. @param array<string, mixed> $settings */
function site(array $settings = []): void
{
    World::fresh();
    Settings::write($settings + [
        'url' => 'https://bridge.example', 'shop' => 'main', 'secret' => 'a-secret',
        'key' => 'a-key', 'callback_secret' => SECRET, 'products' => true, 'forms' => [],
        'keep' => false,
    ]);
    Plugin::ready();
}

/** @param list<string>|null $denies */
function call(
    string $id,
    string $status,
    string $previous,
    ?string $secret = null,
    ?array $denies = null
): int {
    $data = $denies === null ? [] : ['denies' => $denies];
    $data += ['number' => '727', 'status' => $status, 'previous_status' => $previous];
    $data += ['reason' => '<b>moved</b>'];
    $body = (string) json_encode(['type' => 'bridge.order.status.v1', 'data' => $data]);
    $signature = (new Signature($secret ?? SECRET))->sign($id, time(), $body);
    $headers = ['webhook-id' => $id, 'webhook-timestamp' => (string) time()];
    $headers['webhook-signature'] = $signature;
    return (World::$route)(new WP_REST_Request($headers, $body))->status;
}

/** The products that were told since the last time. @return list<array<string, mixed>> */
function told(): array
{
    World::$asked = [];
    Plugin::send();
    $events = [];
    foreach (World::$asked as [, $url, $request]) {
        if ($url === 'https://bridge.example/v1/events') {
            same('Bearer a-key', $request['headers']['Authorization']);
            $events = array_merge($events, json_decode($request['body'], true));
        }
    }
    return $events;
}

/** @param array<string, mixed> $posted @return string the page of settings */
function page(array $posted = []): string
{
    $_SERVER['REQUEST_METHOD'] = $posted === [] ? 'GET' : 'POST';
    $_POST = array_map('addslashes', $posted);
    ob_start();
    try {
        Page::show();
    } finally {
        $html = (string) ob_get_clean();
    }
    return $html;
}

/** @return array<string, string> */
function filled(): array
{
    return [
        '_wpnonce' => 'b24-bridge', 'save' => '1', 'url' => 'https://bridge.example/',
        'shop' => 'main', 'secret' => 'a"secret\\', 'callback_secret' => SECRET, 'key' => 'a-key',
        'products' => '1', 'forms' => '',
    ];
}

/** @param list<string> $parts */
function shows(string $html, array $parts): void
{
    foreach ($parts as $part) {
        if (strpos($html, $part) === false) {
            throw new \RuntimeException("the page lacks `$part`: $html");
        }
    }
}

/** @return array<string, string> what was posted to an address, names and values */
function posted(string $address): array
{
    $fields = [];
    foreach (World::$asked as [, $url, $request]) {
        if ($url === $address) {
            same(false, isset($request['headers']['Authorization']));
            foreach (explode('&', $request['body']) as $pair) {
                [$name, $value] = array_map('rawurldecode', explode('=', $pair, 2));
                $fields[$name] = $value;
            }
        }
    }
    return $fields;
}
