<?php

declare(strict_types=1);

// php tests/run.php: everything that needs no shop.

namespace B24Bridge\Tests;

use B24Bridge\Receiver;
use B24Bridge\Signature;
use B24Bridge\Snapshot;

require_once __DIR__ . '/support.php';
require_once __DIR__ . '/check.php';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** @return array<string, string> */
function headers(string $id, int $at, string $body): array
{
    $right = (new Signature(SECRET))->sign($id, $at, $body);
    return [
        'webhook-id' => $id,
        'webhook-timestamp' => (string) $at,
        'webhook-signature' => "v1,AAAA $right"
    ];
}

/** @param array<string, mixed> $data */
function callback(array $data): string
{
    $data += [
        'shop' => 'main',
        'number' => 'A-1',
        'status' => 'P',
        'previous_status' => 'N',
        'decided_at' => '2026-01-15T11:00:00+03:00'
    ];
    return Snapshot::json([
        'specversion' => '1.0',
        'type' => Receiver::TYPE,
        'source' => 'b',
        'id' => 'e',
        'data' => $data
    ]);
}

check([
    'the example of the specification is signed and verified' => function (): void {
        $signature = new Signature(SECRET);
        $body = '{"test": 2432232314}';
        $signed = $signature->sign('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, $body);
        same('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', $signed);
        $verify = static fn (
            string $header,
            string $at = '1614265330',
            int $now = 1614265330,
            string $text = '{"test": 2432232314}'
        ): bool => $signature->verify('msg_p5jXN8AQM9LWM0D4loKWxJek', $at, $header, $text, $now);
        same(true, $verify($signed));
        same(true, $verify("v1a,xxx v1,wrong $signed"));
        same(false, $verify('v1,wrong'));
        same(false, $verify(''));
        same(false, $verify($signed, '1614265331'));
        same(false, $verify($signed, '-1'));
        same(false, $verify($signed, '1614265330', 1614265330, '{"test": 2432232315}'));
        same(true, $verify($signed, '1614265330', 1614265330 + 300));
        same(false, $verify($signed, '1614265330', 1614265330 + 301));
        same(false, $verify($signed, '1614265330', 1614265330 - 301));
    },
    'a snapshot has no float\'s tail, no broken text, and the person who orders' => function () {
        $event = json_decode(
            Snapshot::json(Snapshot::saved(order(), 'https://shop.example')),
            true
        );
        $data = $event['data'];
        same('2570.3', $data['total']);
        same('A-1', $data['number']);
        same(3, $data['version']);
        same('2026-01-15T10:00:00+03:00', $data['updated_at']);
        same(2, count($data['items']));
        same(
            ['20', true, '796'],
            [
                $data['items'][0]['vat_rate'],
                $data['items'][0]['vat_included'],
                $data['items'][0]['unit']
            ]
        );
        same(
            ['xml-135', 'catalogue-7'],
            [$data['items'][0]['xml_id'], $data['items'][0]['catalog_xml_id']]
        );
        same(
            [false, 'TEA-2', '10'],
            [
                $data['items'][1]['vat_included'],
                $data['items'][1]['sku'],
                $data['items'][1]['discount']
            ]
        );
        same(
            ['Анна', 'Петрова', 'Ивановна'],
            [
                $data['customer']['name'],
                $data['customer']['last_name'],
                $data['customer']['second_name']
            ]
        );
        same(['anna@example.com'], $data['customer']['emails']);
        same(['10-12', '12-14'], $data['properties']['INTERVALS']);
        same('Карта', $data['payment']['method']);
        same(false, isset($data['paid_at']));
    },
    'a guest has no id, and a company is told by its INN' => function (): void {
        $guest = Snapshot::data(order(['anonymous' => true]))['customer'];
        same([false, 'person'], [isset($guest['id']), $guest['kind']]);
        $company = Snapshot::data(
            order([
                'properties' => [
                    ['CODE' => 'COMPANY', 'VALUE' => 'ООО «Ромашка»'],
                    ['CODE' => 'INN', 'VALUE' => '7707083893']
                ]
            ])
        )['customer'];
        same(['company', '7707083893'], [$company['kind'], $company['company']['inn']]);
    },
    'whoever is only named for the delivery is not the customer' => function (): void {
        $data = Snapshot::data(
            order([
                'properties' => [
                    ['CODE' => 'FIO', 'VALUE' => 'Озёрная Мария Павловна', 'IS_PAYER' => 'Y'],
                    ['CODE' => 'PHONE', 'VALUE' => '+7 909 100-20-30', 'IS_PHONE' => 'Y'],
                    ['CODE' => 'RECIPIENT_NAME', 'VALUE' => 'Илья Именинник'],
                    ['CODE' => 'RECIPIENT_PHONE', 'VALUE' => '+7 909 777-88-99', 'IS_PHONE' => 'Y']
                ],
                'user' => ['NAME' => 'Олег', 'PERSONAL_PHONE' => '+7 900 111-22-33', 'EMAIL' => '']
            ])
        );
        same(
            ['Мария', ['+7 909 100-20-30']],
            [$data['customer']['name'], $data['customer']['phones']]
        );
        same(
            ['name' => 'Илья Именинник', 'phone' => '+7 909 777-88-99'],
            $data['delivery']['recipient']
        );
    },
    'delivery carries its tax, and what is taxed otherwise is a row of its own' => function () {
        $shipment = static fn (string $name, string $price, ?float $share): array => [
            'DELIVERY_NAME' => $name,
            'PRICE_DELIVERY' => $price,
            'VAT_RATE' => $share
        ];
        $data = Snapshot::data(
            order([
                'shipments' => [
                    $shipment('Бесплатно', '0.0000', null),
                    $shipment('Курьер', '300.0000', 0.2)
                ]
            ])
        );
        same(
            ['300', '20', 2],
            [$data['delivery']['price'], $data['delivery']['vat_rate'], count($data['items'])]
        );
        $data = Snapshot::data(
            order([
                'PRICE_DELIVERY' => 350.1,
                'shipments' => [
                    $shipment('Курьер', '300.0000', 0.2),
                    $shipment('Подъём', '50.1000', null)
                ]
            ])
        );
        same(['300', '20'], [$data['delivery']['price'], $data['delivery']['vat_rate']]);
        same(['name' => 'Подъём', 'quantity' => '1', 'price' => '50.1'], $data['items'][2]);
        same(false, isset(Snapshot::data(order())['delivery']['vat_rate']));
    },
    'what the customer chose of a line comes with it' => function (): void {
        $line = [
            'PRODUCT_ID' => 1,
            'NAME' => 'Кроссовки',
            'QUANTITY' => 1,
            'PRICE' => 5,
            'properties' => [
                ['CODE' => 'CATALOG.XML_ID', 'NAME' => 'Catalog XML_ID', 'VALUE' => 'x'],
                ['CODE' => 'ARTNUMBER', 'NAME' => 'Артикул', 'VALUE' => 'A'],
                ['CODE' => 'SIZE', 'NAME' => 'Размер', 'VALUE' => '42'],
                ['CODE' => 'COLOR', 'NAME' => '', 'VALUE' => 'синий'],
                ['CODE' => 'NOTE', 'NAME' => 'Надпись', 'VALUE' => '']
            ]
        ];
        $options = Snapshot::data(order(['basket' => [$line]]))['items'][0]['options'];
        same(
            [['name' => 'Размер', 'value' => '42'], ['name' => 'COLOR', 'value' => 'синий']],
            $options
        );
        same(false, isset(Snapshot::data(order())['items'][0]['options']));
    },
    'what is fetched has no address of delivery, and the place is told' => function (): void {
        $store = [
            'DELIVERY_NAME' => 'В магазине',
            'STORE_ID' => 4,
            'STORE_TITLE' => 'На Складской',
            'STORE_ADDRESS' => 'ул. Складская, 1'
        ];
        $data = Snapshot::data(order(['shipments' => [$store]]));
        same([false, '4'], [isset($data['delivery']['address']), $data['delivery']['store']]);
        same(['Пункт самовывоза: На Складской, ул. Складская, 1'], $data['notes']);
        $named = Snapshot::data(
            order(['shipments' => [['DELIVERY_NAME' => 'САМОВЫВОЗ со склада', 'STORE_ID' => 0]]])
        );
        same(
            [false, false, false],
            [
                isset($named['delivery']['address']),
                isset($named['notes']),
                isset($named['delivery']['store'])
            ]
        );
        // A part is fetched, a part is brought.
        $both = Snapshot::data(order(['shipments' => [$store, ['DELIVERY_NAME' => 'Курьер']]]));
        same('Москва, ул. Лесная, 5', $both['delivery']['address']);
    },
    'a property that holds what no database takes is cleaned' => function (): void {
        $data = Snapshot::data(
            order([
                'properties' => [
                    ['CODE' => 'FILE', 'VALUE' => ['n' => "a\0b", 'o' => new \stdClass()]]
                ]
            ])
        );
        same(['n' => 'ab', 'o' => null], $data['properties']->FILE);
    },
    'an empty order still makes valid JSON' => function (): void {
        same(true, is_array(json_decode(Snapshot::json(Snapshot::saved([], 's')), true)));
    },
    'the same state is the same event, another state another' => function (): void {
        $id = static fn (array $changes): string => Snapshot::saved(order($changes), 's')['id'];
        same($id([]), $id([]));
        same(false, $id([]) === $id(['STATUS_ID' => 'P']));
    },
    'a callback sets the status once' => function (): void {
        $shop = new OneOrder(spool());
        $receiver = new Receiver(new Signature(SECRET), $shop);
        $body = callback([]);
        same(
            [200, ['result' => 'changed']],
            $receiver->handle('POST', headers('m1', 1000, $body), $body, 1000)
        );
        $shop->status = 'N';
        same(
            [200, ['result' => 'duplicate']],
            $receiver->handle('POST', headers('m1', 1100, $body), $body, 1100)
        );
        same(['N', 1], [$shop->status, $shop->writes]);
    },
    'an order that went elsewhere answers 409 with its snapshot' => function (): void {
        $shop = new OneOrder(spool());
        $shop->status = 'C';
        $receiver = new Receiver(new Signature(SECRET), $shop);
        $body = callback([]);
        [$status, $answer] = $receiver->handle('POST', headers('m1', 1000, $body), $body, 1000);
        same([409, 'C', 0], [$status, $answer['snapshot']['status'], $shop->writes]);
        $body = callback(['previous_status' => null, 'decided_at' => '2026-01-15T09:00:00+03:00']);
        same(409, $receiver->handle('POST', headers('m2', 1000, $body), $body, 1000)[0]);
        $body = callback(['previous_status' => null]);
        same(200, $receiver->handle('POST', headers('m3', 1000, $body), $body, 1000)[0]);
    },
    'money that was taken is not denied, whatever the message says that it denies' => function () {
        $shop = new OneOrder(spool());
        $shop->paid = true;
        $receiver = new Receiver(new Signature(SECRET), $shop);
        $answer = static function (string $id, array $data) use ($receiver): array {
            $body = callback($data);
            return $receiver->handle('POST', headers($id, 1000, $body), $body, 1000);
        };
        [$status, $said] = $answer('m1', ['status' => 'C']);
        same([409, 'Y', 0], [$status, $said['snapshot']['paid'] ? 'Y' : 'N', $shop->writes]);
        same(409, $answer('m2', ['status' => 'C', 'denies' => ['paid']])[0]);
        same(200, $answer('m3', ['status' => 'P'])[0]);
        $shop->status = 'N';
        same(200, $answer('m4', ['status' => 'C', 'denies' => []])[0]);
        same('C', $shop->status);
    },
    'what is not ours, not there or not wanted has an answer of its own' => function (): void {
        $shop = new OneOrder(spool());
        $receiver = new Receiver(new Signature(SECRET), $shop);
        $answer = static fn (string $body, string $method = 'POST'): int => $receiver->handle(
            $method,
            headers('m', 1000, $body),
            $body,
            1000
        )[0];
        same(405, $answer(callback([]), 'GET'));
        same(404, $answer(callback(['number' => 'B-9'])));
        same(422, $answer(callback(['status' => ''])));
        same(200, $answer('{"type":"something.else"}'));
        same(200, $answer('no json'));
        same(413, $answer(str_repeat('x', 300000)));
        same(401, $receiver->handle('POST', [], callback([]), 1000)[0]);
        $shop->refusal = 'the status needs a payment';
        same(422, $answer(callback([])));
        same(false, $shop->knows('m'));
    }
]);
