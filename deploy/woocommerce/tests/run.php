<?php

declare(strict_types=1);

// php tests/run.php: the plugin with stand-ins for what it uses of WordPress and WooCommerce.

namespace B24Bridge\Tests;

use B24Bridge\Page;
use B24Bridge\Plugin;
use B24Bridge\Settings;
use B24Bridge\Signature;
use B24Bridge\Webhooks;
use DomainException;
use WC_Order;
use WC_Product;
use WC_Webhook;
use World;
use WP_REST_Request;
use WPCF7_Submission;

require_once __DIR__ . '/stand_ins.php';
require_once dirname(__DIR__, 2) . '/1c-bitrix/tests/check.php';
require dirname(__DIR__) . '/b24-bridge/b24-bridge.php';
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
    'a product is told whole, once for however many saves' => function (): void {
        site();
        World::$categories = [7 => 'Одежда', 8 => 'Футболки &amp; майки', 9 => 'Новое'];
        $shirt = new WC_Product(17, [
            'name' => 'Футболка &quot;Лето&quot;', 'sku' => 'T-1', 'description' => '<p>Хлопок</p>',
            'regular_price' => '990.50', 'price' => '890', 'category_ids' => [9, 7, 8],
        ]);
        World::$soon = [];
        $shirt->save();
        $shirt->save();
        same([Plugin::SOON], World::$soon);
        [$event] = $all = told();
        same([1, 'shop.product.saved.v1', 'https://shop.example/'], [
            count($all), $event['type'], $event['source'],
        ]);
        unset($event['data']['version']);
        same([
            'id' => '17', 'sku' => 'T-1', 'name' => 'Футболка "Лето"',
            'description' => '<p>Хлопок</p>', 'section' => ['Одежда', 'Футболки & майки'],
            'prices' => [['price' => '990.50', 'currency' => 'RUB']], 'vat' => '20',
            'vat_included' => true, 'active' => true,
        ], $event['data']);
        $shirt->save();
        same([], told());
        $shirt->data['regular_price'] = '';
        $shirt->data['tax_class'] = 'two';
        $shirt->save();
        $data = told()[0]['data'];
        same([[['price' => '890', 'currency' => 'RUB']], false], [
            $data['prices'], isset($data['vat']),
        ]);
    },
    'variations are told with their product' => function (): void {
        site();
        (new WC_Product(17, ['type' => 'variable', 'name' => 'Shirt', 'sku' => 'T-1']))->save();
        told();
        $size = new WC_Product(18, ['parent' => 17, 'name' => 'Shirt - M', 'regular_price' => '5']);
        World::$products[17]->data['children'] = [18];
        $size->save();
        $data = told()[0]['data'];
        same(['17', false], [$data['id'], isset($data['prices'])]);
        same([[
            'id' => '18', 'name' => 'Shirt - M',
            'prices' => [['price' => '5', 'currency' => 'RUB']], 'active' => true,
        ]], $data['variations']);
        World::$products[17]->data['children'] = [];
        $size->delete();
        same(false, isset(told()[0]['data']['variations']));
    },
    'what is trashed or deleted is told, what is restored comes back' => function (): void {
        site();
        $cup = new WC_Product(20, ['name' => 'Cup']);
        $cup->save();
        told();
        $cup->data['status'] = 'trash';
        do_action('trashed_post', 20, 'publish');
        same('shop.product.deleted.v1', told()[0]['type']);
        $cup->data['status'] = 'draft';
        do_action('untrashed_post', 20, 'publish');
        $data = told()[0]['data'];
        same(['Cup', false], [$data['name'], $data['active']]);
        $cup->delete();
        $events = told();
        same([1, 'shop.product.deleted.v1', '20'], [
            count($events), $events[0]['type'], $events[0]['data']['id'],
        ]);
        // A page of the site, and a product that nobody has saved yet.
        do_action('trashed_post', 5, 'publish');
        (new WC_Product(21, ['status' => 'auto-draft']))->save();
        same(0, Plugin::catalogue()->due());
    },
    'products that are switched on are all sent, and none where they are off' => function (): void {
        World::fresh();
        foreach (range(1, 430) as $id) {
            World::$products[$id] = new WC_Product($id, ['name' => "P $id"]);
        }
        page(['products' => ''] + filled());
        World::$products[1]->save();
        same(0, Plugin::catalogue()->due());
        shows(page(filled()), ['All products are being looked at']);
        // Two pages of 200 are gone through at a time, and 50 are read.
        same([50, 350], [count(told()), Plugin::catalogue()->due()]);
        $seen = 50;
        while (($count = count(told())) > 0) {
            $seen += $count;
        }
        same([430, false], [$seen, Plugin::catalogue()->searches()]);
    },
    'a change whose hook did not come is found within the hour' => function (): void {
        site();
        $cup = new WC_Product(20, ['name' => 'Cup']);
        $cup->save();
        told();
        $cup->data['name'] = 'Past the hooks';
        same([], told());
        Plugin::spool()->setState('searched', time() - 4000);
        same('Past the hooks', told()[0]['data']['name']);
        $cup->data['name'] = 'Long ago';
        $cup->modified = gmdate('Y-m-d H:i:s', time() - 9000);
        Plugin::spool()->setState('searched', time() - 4000);
        same([[], 0], [told(), Plugin::catalogue()->due()]);
        // What is gone unheard is found when all are looked at.
        World::$products = [];
        Plugin::catalogue()->lookAtAll();
        same('shop.product.deleted.v1', told()[0]['type']);
    },
    'a shop goes on whatever the database says' => function (): void {
        site(['forms' => ['*' => 'https://bridge.example/forms/main/call/token']]);
        $GLOBALS['wpdb']->broken = true;
        (new WC_Product(17, ['name' => 'Cup']))->save();
        $form = new class () {
            public function id(): int
            {
                return 12;
            }
        };
        do_action('wpcf7_submit', $form, ['status' => 'mail_sent']);
        Plugin::send();
        same(true, count(World::$log) >= 3);
    },
    'what visitors write into Contact Form 7 goes to the bridge, once' => function (): void {
        $address = 'https://bridge.example/forms/main/call/token';
        site(['forms' => ['cf7:12' => $address]]);
        $form = new class () {
            public function id(): int
            {
                return 12;
            }
        };
        WPCF7_Submission::$posted = [
            'your-name' => "Анна's", 'tel-123' => '+7 916 123-45-67', 'what' => ['Цена', 'Срок'],
            '_wpcf7_x' => 'y', 'empty' => '',
        ];
        foreach (['spam', 'validation_failed', 'mail_failed', 'mail_sent'] as $status) {
            do_action('wpcf7_submit', $form, ['status' => $status]);
        }
        same(1, Plugin::spool()->status()['waiting']);
        Plugin::send();
        $fields = posted($address);
        same('form-', substr($fields['tranid'], 0, 5));
        unset($fields['tranid']);
        same([
            'your-name' => "Анна's", 'tel-123' => '+7 916 123-45-67', 'what' => 'Цена, Срок',
            'photo' => 'file', 'utm_campaign' => 'spring',
            'page_url' => 'https://shop.example/contacts/?utm_campaign=spring',
        ], $fields);
    },
    'Elementor and Gravity Forms, by the types of their fields' => function (): void {
        $address = 'https://bridge.example/forms/main/all/token';
        site(['forms' => ['*' => $address]]);
        $record = new class () {
            public function get(string $what): mixed
            {
                $field = static fn (string $type, string $title, string $value): array
                    => ['type' => $type, 'title' => $title, 'value' => $value];
                return $what === 'meta' ? ['page_url' => ['value' => 'https://shop.example/']] : [
                    'name' => $field('text', 'Как к вам обращаться?', 'Анна'),
                    'field_9a1' => $field('tel', 'Куда звонить', '+7 916 123-45-67'),
                    'field_3b' => $field('select', 'Город', 'Псков'),
                    'hp' => $field('honeypot', '', ''), 'step' => $field('step', 'x', 'y'),
                ];
            }

            public function get_form_settings(string $name): string
            {
                return 'Обратный звонок';
            }
        };
        do_action('elementor_pro/forms/new_record', $record, null);
        Plugin::send();
        $fields = posted($address);
        unset($fields['tranid']);
        same([
            'name' => 'Анна', 'phone' => '+7 916 123-45-67', 'Город' => 'Псков',
            'page_url' => 'https://shop.example/',
        ], $fields);
        World::$asked = [];
        $parts = static fn (string ...$ids): array
            => array_map(static fn (string $id): array => ['id' => $id], $ids);
        $field = static fn (int $id, string $type, string $label, ?array $inputs = null): object
            => (object) ['id' => $id, 'type' => $type, 'label' => $label, 'inputs' => $inputs];
        $form = ['id' => 3, 'fields' => [
            $field(1, 'name', 'N', $parts('1.3', '1.6')),
            $field(2, 'email', 'M', $parts('2', '2.2')),
            $field(4, 'checkbox', 'Тема', $parts('4.1', '4.2')),
            $field(5, 'captcha', 'C'),
            $field(6, 'text', 'Город'),
            $field(7, 'consent', 'S', $parts('7.1', '7.2')),
        ]];
        $entry = [
            'id' => '9', 'status' => 'active', 'source_url' => '', '1.3' => 'Анна', '1.6' => 'Ким',
            '2' => 'a@example.com', '4.1' => '', '4.2' => 'Срок', '5' => 'x', '6' => 'Псков',
            '7.1' => '1', '7.2' => 'Согласен',
        ];
        do_action('gform_after_submission', ['status' => 'spam'] + $entry, $form);
        do_action('gform_after_submission', $entry, $form);
        Plugin::send();
        $fields = posted($address);
        unset($fields['tranid']);
        same([
            'name' => 'Анна', 'last name' => 'Ким', 'email' => 'a@example.com', 'Тема' => 'Срок',
            'Город' => 'Псков', 'consent' => '1',
        ], $fields);
        shows(page(), ['elementor:Обратный звонок, gravity:3']);
    },
    'a form without an address is not sent, and the page names it' => function (): void {
        site();
        $form = new class () {
            public function id(): int
            {
                return 12;
            }
        };
        do_action('wpcf7_submit', $form, ['status' => 'mail_sent']);
        same(0, Plugin::spool()->status()['waiting']);
        shows(page(), ['Forms that were submitted so far: cf7:12']);
    },
    'tables are of the site, and go with the plugin unless they are to stay' => function (): void {
        site();
        $tables = static fn (): int => count($GLOBALS['wpdb']->get_results(
            "SELECT name FROM sqlite_master WHERE name LIKE 'wp7_b24bridge_%' AND type = 'table'",
            'ARRAY_A'
        ));
        same([4, ['b24_bridge_send each 60 s']], [$tables(), World::$soon]);
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
            same(0, preg_match('/get_post_meta|WP_Query|shop_order/', $source));
        }
    },
]);
