<?php

declare(strict_types=1);

// php tests/run.php: statuses, webhooks and the page, with stand-ins for WordPress and WooCommerce.

namespace B24Bridge\Tests;

use B24Bridge\Page;
use B24Bridge\Plugin;
use B24Bridge\Settings;
use B24Bridge\Signature;
use B24Bridge\Webhooks;
use DomainException;
use WC_Order;
use WC_Webhook;
use World;

require_once __DIR__ . '/support.php';

check([
    'a status is set once, and a wrong signature sets nothing' => function (): void {
        site();
        World::$orders[727] = new WC_Order('processing');
        same(401, call('m1', 'completed', 'processing', 'whsec_AAAA'));
        same(0, Plugin::spool()->state('called_at'));
        same(200, call('m1', 'completed', 'processing'));
        same(200, call('m1', 'completed', 'processing'));
        same(['completed', 1], [World::$orders[727]->status, World::$orders[727]->saves]);
        same(true, Plugin::spool()->state('called_at') > 0);
    },
    'a database that is away is said, and the bridge tries again' => function (): void {
        site();
        World::$orders[727] = new WC_Order('processing');
        $GLOBALS['wpdb']->broken = true;
        same(503, call('m1', 'completed', 'processing'));
        same(['processing', true], [World::$orders[727]->status, World::$log !== []]);
        $GLOBALS['wpdb']->broken = false;
        same(200, call('m1', 'completed', 'processing'));
    },
    'an order that went elsewhere is sent to the bridge before 409 is answered' => function () {
        site();
        World::$orders[727] = new WC_Order('refunded');
        World::$webhooks = [
            1 => new WC_Webhook(HERE, 'order.updated', 202, 1),
            2 => new WC_Webhook(HERE, 'order.created', 202, 2),
            3 => new WC_Webhook('https://other.example/', 'order.updated', 202, 3),
        ];
        same(409, call('m2', 'completed', 'processing'));
        $delivered = static fn (WC_Webhook $webhook): array => $webhook->delivered;
        same([[727], [], []], array_map($delivered, array_values(World::$webhooks)));
        same(0, World::$orders[727]->saves);
    },
    'a paid order is not cancelled, whether the message says what it denies or not' => function () {
        site();
        World::$orders[727] = new WC_Order('processing', true, true);
        same(409, call('p1', 'cancelled', 'processing'));
        same(409, call('p2', 'cancelled', 'processing', null, ['paid', 'delivered']));
        same(0, World::$orders[727]->saves);
        same(200, call('p3', 'completed', 'processing'));
        World::$orders[727] = new WC_Order('processing', true, true);
        same(200, call('p4', 'cancelled', 'processing', null, []));
        same('cancelled', World::$orders[727]->status);
    },
    'what the shop has not or does not save is refused' => function (): void {
        site();
        World::$orders[727] = new WC_Order('processing', false);
        same(422, call('m3', 'completed', 'processing'));
        same(422, call('m4', 'shipped', 'processing'));
        World::$orders = [];
        same(404, call('m5', 'completed', 'processing'));
    },
    'a failed delivery is tried again with growing pauses, others\' are left alone' => function () {
        site();
        World::$scheduled = [];
        $webhook = new WC_Webhook(HERE, 'order.updated', 503, 1);
        $other = new WC_Webhook('https://other.example/', 'order.updated', 500, 3);
        World::$webhooks = [1 => $webhook, 3 => $other];
        World::$webhooks[3]->deliver(5);
        same([[], null], [World::$scheduled, Plugin::spool()->lastHeard()]);
        $webhook->deliver(727);
        same([30, Webhooks::AGAIN, [1, 727, 1]], World::$scheduled[0]);
        same(503, Plugin::spool()->lastHeard()['status']);
        $webhook->answer = 0;
        do_action(Webhooks::AGAIN, ...World::$scheduled[0][2]);
        same([60, Webhooks::AGAIN, [1, 727, 2]], World::$scheduled[1]);
        $heard = Plugin::spool()->lastHeard();
        same([0, 'cURL error 28'], [$heard['status'], $heard['words']]);
        $webhook->answer = 202;
        do_action(Webhooks::AGAIN, 1, 727, 9);
        $webhook->answer = 422;
        $webhook->deliver(727);
        same([2, 2], [count(World::$scheduled), Webhooks::waiting()]);
        foreach (range(1, 8) as $order) {
            $webhook->deliver($order);
        }
        same(10, count(Webhooks::last()));
        shows(page(), [
            'Deliveries of orders that are made again: 2.', 'order 8, answer 422',
            'order 727, answer 202, after 9 failed tries',
        ]);
    },
    'a delivery is tried again though its answer cannot be noted' => function (): void {
        site();
        World::$webhooks = [1 => new WC_Webhook(HERE, 'order.updated', 503, 1)];
        $GLOBALS['wpdb']->broken = true;
        World::$webhooks[1]->deliver(727);
        same(1, count(World::$scheduled));
    },
    'our webhook alone is not switched off' => function (): void {
        site();
        World::$webhooks = [1 => new WC_Webhook(HERE, 'order.updated', 202, 1)];
        $most = static fn (): int
            => apply_filters('woocommerce_max_webhook_delivery_failures', 5);
        apply_filters('woocommerce_webhook_http_args', [], 1, 1);
        same(PHP_INT_MAX, $most());
        apply_filters('woocommerce_webhook_http_args', [], 1, 9);
        same(5, $most());
    },
    'saving the page makes the webhooks, once, and mends those that a person made' => function () {
        World::fresh();
        $old = new WC_Webhook('https://bridge.example/v1/woocommerce/old', 'order.updated');
        $old->set_status('disabled');
        $old->save();
        $twin = new WC_Webhook(HERE, 'order.updated');
        $twin->save();
        $other = new WC_Webhook('https://other.example/', 'order.created');
        $other->save();
        shows(page(filled()), ['Saved; the webhooks are made.', 'The bridge hears the shop.']);
        same(6, count(World::$webhooks));
        same([HERE, 'active'], [$old->get_delivery_url(), $old->get_status()]);
        same(['disabled', 'active'], [$twin->get_status(), $other->get_status()]);
        foreach (World::$webhooks as $webhook) {
            if ($webhook !== $other && $webhook !== $twin) {
                same(['wp_api_v3', 42, 'a"secret\\'], [
                    $webhook->get_api_version(), $webhook->get_user_id(), $webhook->get_secret(),
                ]);
            }
        }
        same([], Webhooks::missing(HERE));
        page(filled());
        same(6, count(World::$webhooks));
        same(false, strpos(page(), 'who may not see orders'));
        $old->set_user_id(7);
        shows(page(), ['Webhooks belong to a user who may not see orders.']);
        $old->set_status('disabled');
        shows(page(), ['Webhooks are missing or switched off: order.updated.']);
    },
    'the connection is checked by a signed request, by the key, and for each form' => function () {
        World::fresh();
        $form = 'https://bridge.example/forms/main/call/token';
        shows(page(['forms' => "cf7:12 $form\n* $form"] + filled()), ['The key is right.']);
        [$method, $url, $request] = World::$asked[0];
        same(['POST', HERE], [$method, $url]);
        $signature = hash_hmac('sha256', $request['body'], 'a"secret\\', true);
        same(base64_encode($signature), $request['headers']['X-WC-Webhook-Signature']);
        same(0, strpos($request['body'], 'webhook_id='));
        World::$answers = [HERE => [401, 'x'], 'https://bridge.example/forms' => [404, '']];
        shows(page(['_wpnonce' => 'b24-bridge', 'check' => '1']), [
            'does not know the secret', 'Form cf7:12: nothing at its address.', 'The key is right.',
        ]);
        World::$answers = ['https://bridge.example' => [0, 'no such host <script>']];
        $html = page(['_wpnonce' => 'b24-bridge', 'check' => '1']);
        shows($html, ['Nobody answers: no such host', 'does not take the key (0)']);
        same(false, strpos($html, '<script>'));
        // WooCommerce would not deliver there, so the check says it.
        $html = page(['url' => 'http://10.0.0.5:8080'] + filled());
        shows($html, ['A valid URL was not provided.']);
    },
    'what cannot be right is named, kept in the fields, and not saved' => function (): void {
        World::fresh();
        $wrong = ['url' => 'bridge', 'shop' => 'a b', 'secret' => '', 'callback_secret' => '?'];
        $html = page(['key' => '', 'forms' => 'cf7:12 <there>'] + $wrong + filled());
        shows($html, [
            'begins with https://', 'as in [shops.NAME]', 'of the webhooks is missing',
            'Products need a key.', 'is whsec_ and base64', 'Not a form', 'cf7:12 &lt;there&gt;',
        ]);
        same(['', []], [Settings::address(), World::$webhooks]);
        page(filled());
        page(['secret' => '', 'key' => '', 'callback_secret' => ''] + filled());
        $settings = Settings::read();
        same(['a"secret\\', 'a-key'], [$settings['secret'], $settings['key']]);
        $html = page();
        same([false, false], [strpos($html, 'a-key'), strpos($html, 'whsec_MfKQ')]);
    },
    'a stranger sees nothing and saves nothing' => function (): void {
        World::fresh();
        World::$allowed = false;
        same('', page(filled()));
        World::$allowed = true;
        try {
            page(['_wpnonce' => 'x'] + filled());
            same('', 'the page was saved');
        } catch (DomainException $expired) {
            same([], World::$options['b24_bridge'] ?? []);
        }
    },
    'the page says what waits, what was refused and why, also in Russian' => function (): void {
        site();
        Plugin::spool()->add(['id' => 'p-1'], time() - 1000);
        Plugin::spool()->add(['id' => 'p-2'], time());
        $rows = Plugin::spool()->waiting(2, 1000000);
        Plugin::spool()->refused($rows[1]['id'], '{"detail":"\u041f\u043b\u043e\u0445\u043e <b>"}');
        shows(page(), [
            'No', 'wait: 1, the oldest since', 'Nobody sends', 'p-2: ', 'Плохо &lt;b&gt;',
        ]);
        World::$locale = 'ru_RU';
        shows(page(), ['Состояние', 'К мосту ещё не обращались.', 'Отклонено мостом:']);
        page(['_wpnonce' => 'b24-bridge', 'retry' => '1']);
        same(2, Plugin::spool()->status()['waiting']);
    },
    'every sentence of the page has its Russian' => function (): void {
        $russian = require dirname(__DIR__) . '/b24-bridge/languages/ru.php';
        $source = (string) file_get_contents(dirname(__DIR__) . '/b24-bridge/src/Page.php');
        preg_match_all('/(?<!\w)\'([A-Z#][^\'\n]*[ .:][^\'\n]*)\'/', $source, $found);
        same(true, count($found[1]) > 40);
        foreach (array_diff(array_unique($found[1]), ['Y-m-d H:i:s']) as $words) {
            $starts = array_filter(array_keys($russian), static fn (string $key): bool
                => strncmp($key, $words, strlen($words)) === 0);
            if ($starts === []) {
                throw new \RuntimeException("not in languages/ru.php: $words");
            }
        }
        foreach ($russian as $english => $words) {
            preg_match_all('/#\w+#/', $english, $places);
            foreach ($places[0] as $place) {
                same(true, strpos($words, $place) !== false);
            }
        }
    },
    'tables are of the site, and go with the plugin unless they are to stay' => function (): void {
        site();
        $tables = static fn (): int => count($GLOBALS['wpdb']->get_results(
            "SELECT name FROM sqlite_master WHERE name LIKE 'wp7_b24bridge_%' AND type = 'table'",
            'ARRAY_A'
        ));
        same([4, ['b24_bridge_send each 60 s']], [$tables(), World::$soon]);
        World::$allowed = false;
        do_action('activate');
        same([], World::$webhooks);
        World::$allowed = true;
        do_action('activate');
        same(4, count(World::$webhooks));
        do_action('deactivate');
        same([], World::$soon);
        defined('WP_UNINSTALL_PLUGIN') || define('WP_UNINSTALL_PLUGIN', 'b24-bridge');
        $uninstall = dirname(__DIR__) . '/b24-bridge/uninstall.php';
        Settings::write(['keep' => true] + Settings::read());
        (static fn () => include $uninstall)();
        same([4, true], [$tables(), isset(World::$options['b24_bridge'])]);
        Settings::write(['keep' => false] + Settings::read());
        (static fn () => include $uninstall)();
        same([0, []], [$tables(), World::$options]);
    },
    'the secret of statuses may stand in wp-config.php, as it did' => function (): void {
        site(['callback_secret' => '']);
        $code = 'define("B24_BRIDGE_SECRET", "whsec_AAAA");
            function get_option($name, $usual) { return $usual; }
            require "' . dirname(__DIR__) . '/b24-bridge/src/Settings.php";
            echo B24Bridge\Settings::read()["callback_secret"];';
        exec(PHP_BINARY . ' -r ' . escapeshellarg($code) . ' 2>&1', $said);
        same(['whsec_AAAA'], $said);
    },
    'the plugin says that it does not care where orders are stored' => function (): void {
        $code = (string) file_get_contents(dirname(__DIR__) . '/b24-bridge/b24-bridge.php');
        $declared = "declare_compatibility('custom_order_tables', __FILE__, true)";
        same(true, strpos($code, $declared) > 0);
        foreach (glob(dirname(__DIR__) . '/b24-bridge/src/*.php') ?: [] as $file) {
            // No order is read as a post.
            $source = (string) file_get_contents($file);
            same(0, preg_match('/get_post_meta|WP_Query|"shop_order"|\'shop_order\'/', $source));
        }
    },
]);
