<?php

declare(strict_types=1);

// php tests/products.php: products and forms, with stand-ins for what they are made with.

namespace B24Bridge\Tests;

use B24Bridge\Plugin;
use WC_Product;
use World;
use WPCF7_Submission;

require_once __DIR__ . '/support.php';

check([
    'a product is told whole, once for however many saves' => function (): void {
        site();
        World::$categories = [7 => 'Одежда', 8 => 'Футболки &amp; майки', 9 => 'Новое'];
        $shirt = new WC_Product(17, [
            'name' => 'Футболка &quot;Лето&quot;', 'sku' => 'T-1', 'description' => '<p>Хлопок</p>',
            'regular_price' => '990.50', 'price' => '890', 'category_ids' => [9, 7, 8],
            'global_unique_id' => ' 4600000000017 ', 'image_id' => '31',
            'gallery_image_ids' => [32, 99],
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
            'barcode' => '4600000000017', 'pictures' => [
                ['url' => 'https://shop.example/uploads/31.jpg'],
                ['url' => 'https://shop.example/uploads/32.jpg'],
            ], 'vat_included' => true, 'active' => true,
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
        (new WC_Product(17, [
            'type' => 'variable', 'name' => 'Shirt', 'sku' => 'T-1', 'image_id' => '31',
        ]))->save();
        told();
        $size = new WC_Product(18, [
            'parent' => 17, 'name' => 'Shirt - M', 'regular_price' => '5',
            'global_unique_id' => '4600000000024',
        ]);
        World::$products[17]->data['children'] = [18];
        $size->save();
        $data = told()[0]['data'];
        same(['17', false], [$data['id'], isset($data['prices'])]);
        same([[
            'id' => '18', 'name' => 'Shirt - M',
            'prices' => [['price' => '5', 'currency' => 'RUB']], 'barcode' => '4600000000024',
            'active' => true,
        ]], $data['variations']);
        $size->data['image_id'] = '32';
        $size->save();
        $data = told()[0]['data'];
        same(1, count($data['pictures']));
        same(1, count($data['variations'][0]['pictures']));
        same(false, $data['pictures'] === $data['variations'][0]['pictures']);
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
]);
