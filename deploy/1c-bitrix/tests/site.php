<?php

declare(strict_types=1);

// php tests/site.php: the handlers, the sweep and the order adapter, with stand-ins for 1C-Bitrix.

namespace B24Bridge\Tests;

use B24Bridge\BitrixOrders;
use B24Bridge\Bridge;
use B24Bridge\Handlers;
use B24Bridge\Receiver;
use B24Bridge\Settings;
use B24Bridge\Signature;
use Bitrix\Main\Application;
use Bitrix\Main\Config\Option;
use Bitrix\Main\DB\Connection;
use Bitrix\Main\EventManager;
use Bitrix\Main\Type\DateTime;
use Bitrix\Sale\Order;

require_once __DIR__ . '/stand_ins.php';
require_once __DIR__ . '/check.php';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

require_once dirname(__DIR__) . '/b24.bridge/include.php';

foreach (Handlers::EVENTS as [$from, $name, $method]) {
    $manager = EventManager::getInstance();
    $manager->registerEventHandler($from, $name, 'b24.bridge', Handlers::class, $method);
}

function site(): Connection
{
    Application::$connection = new Connection();
    Order::$all = [];
    Order::$refusal = null;
    $GLOBALS['log'] = [];
    Application::$utf = true;
    Application::$jobs = [];
    Option::$set = [];
    Settings::import([
        'url' => 'https://bridge.example',
        'key' => 'a-key',
        'source' => 'https://shop.example'
    ]);
    Bridge::spool()->install();
    return Application::$connection;
}

/** @param array<string, mixed> $changes */
function saved(array $changes = []): Order
{
    $order = new Order(
        $changes + [
            'ID' => 12,
            'ACCOUNT_NUMBER' => "A-'12",
            'VERSION' => 0,
            'LID' => 's1',
            'STATUS_ID' => 'N',
            'USER_ID' => 77,
            'DATE_STATUS' => new DateTime(1000),
            'DATE_UPDATE' => new DateTime(time()),
            'CURRENCY' => 'RUB',
            'PRICE' => 1000.0
        ]
    );
    $order->save();
    return $order;
}

/** @return list<array<string, mixed>> */
function waiting(): array
{
    return array_map(
        static fn (array $row): array => json_decode($row['body'], true),
        Bridge::spool()->waiting(100, 1000000)
    );
}

check([
    'a saved order is in the spool, whole' => function (): void {
        site();
        saved();
        [$event] = waiting();
        $data = $event['data'];
        same(
            ["A-'12", '1000', '300', 'Курьер'],
            [
                $data['number'],
                $data['total'],
                $data['delivery']['price'],
                $data['delivery']['method']
            ]
        );
        same([1, 'ART-1'], [count($data['items']), $data['items'][0]['sku']]);
        same(['77', ['+7 916 123-45-67']], [$data['customer']['id'], $data['customer']['phones']]);
        same('1970-01-01', substr($data['status_changed_at'], 0, 10));
        same([['name' => 'Размер', 'value' => '42']], $data['items'][0]['options']);
        same(['20', false], [$data['delivery']['vat_rate'], isset($data['notes'])]);
    },
    'an order that is fetched tells where' => function (): void {
        site();
        saved(['shipment' => ['STORE' => 4]]);
        $data = waiting()[0]['data'];
        same(
            ['4', ['Пункт самовывоза: На Складской, Псков, ул. Складская, 1']],
            [$data['delivery']['store'], $data['notes']]
        );
    },
    'it leaves with the transaction that it is part of' => function (): void {
        $pdo = site()->pdo;
        $pdo->beginTransaction();
        saved();
        same(1, count(waiting()));
        $pdo->rollBack();
        same([], waiting());
    },
    'a guest is one' => function (): void {
        site();
        saved(['USER_ID' => 5]);
        same(false, isset(waiting()[0]['data']['customer']['id']));
    },
    'a broken spool does not break the shop, and the sweep makes up for it' => function (): void {
        $connection = site();
        Bridge::sweep();
        $connection->broken = true;
        saved();
        same(1, count($GLOBALS['log']));
        $connection->broken = false;
        same([], waiting());
        same(0, Bridge::sweep());
        Bridge::since(time() - 60);
        same(1, Bridge::sweep());
        same(1, count(waiting()));
        Bridge::since(time() - 60);
        same(1, Bridge::sweep());
        same(1, count(waiting()));
    },
    'older orders are sent from a moment on, however many changed in one second' => function () {
        site();
        foreach (range(1, 450) as $id) {
            Order::$all[$id] = new Order([
                'ID' => $id,
                'ACCOUNT_NUMBER' => "O-$id",
                'VERSION' => 1,
                'LID' => 's1',
                'STATUS_ID' => 'N',
                'USER_ID' => 77,
                'DATE_UPDATE' => new DateTime($id === 1 ? 1000000 : 2000000),
                'CURRENCY' => 'RUB',
                'PRICE' => 1000.0
            ]);
        }
        Order::$all[7]->fields['PRICE'] = 'no number: TypeError';
        Bridge::since(2000000);
        same(449, Bridge::sweep());
        same([448, 1], [Bridge::spool()->status()['waiting'], count($GLOBALS['log'])]);
        Order::$all[7]->fields['PRICE'] = 1000.0;
        Bridge::since(1);
        same(450, Bridge::sweep());
        same(450, Bridge::spool()->status()['waiting']);
    },
    'a deletion is sent, a deletion that failed is not' => function (): void {
        site();
        $order = saved();
        $deleted = static function (bool $gone) use ($order): void {
            $told = ['ENTITY' => $order, 'VALUE' => $gone];
            EventManager::send('sale', 'OnSaleOrderDeleted', $told);
        };
        $deleted(false);
        same(1, count(waiting()));
        $deleted(true);
        same('shop.order.deleted.v1', waiting()[1]['type']);
    },
    'a callback sets the status through the order, and the new state is spooled' => function () {
        site();
        saved();
        $receiver = new Receiver(new Signature(SECRET), new BitrixOrders(Bridge::spool()));
        $call = static function (
            string $id,
            string $status,
            string $previous,
            string $number = "A-'12"
        ) use ($receiver): array {
            $data = ['number' => $number, 'status' => $status, 'previous_status' => $previous];
            $body = (string) json_encode(['type' => Receiver::TYPE, 'data' => $data]);
            $headers = ['webhook-id' => $id, 'webhook-timestamp' => '1000'];
            $headers['webhook-signature'] = (new Signature(SECRET))->sign($id, 1000, $body);
            return $receiver->handle('POST', $headers, $body, 1000);
        };
        same([200, ['result' => 'changed']], $call('m1', 'P', 'N'));
        same([200, ['result' => 'duplicate']], $call('m1', 'P', 'N'));
        same('P', waiting()[1]['data']['status']);
        [$status, $answer] = $call('m2', 'F', 'N');
        same(
            [409, 'P', 2],
            [$status, $answer['snapshot']['status'], $answer['snapshot']['version']]
        );
        same(404, $call('m3', 'F', 'P', 'B-1')[0]);
        same(422, $call('m4', 'XX', 'P')[0]);
        Order::$refusal = 'no rights';
        same([422, ['error' => 'no rights']], $call('m5', 'F', 'P'));
    },
    'the agent sends from the command line, or when the page is delivered' => function (): void {
        site();
        saved();
        // Nobody listens there.
        Option::set(Settings::MODULE, 'url', 'http://127.0.0.1:9');
        same(Bridge::AGENT, Bridge::agent('fpm-fcgi'));
        // The visitor waits for nothing.
        same([0, 0], [Bridge::spool()->state('pause'), Bridge::spool()->state('swept_until')]);
        same(1, count(Application::$jobs));
        Application::$jobs[0]();
        same([5, 1], [Bridge::spool()->state('pause'), count(waiting())]);
        Bridge::spool()->setState('pause_until', 0);
        same(Bridge::AGENT, Bridge::agent('cli'));
        same([10, 1], [Bridge::spool()->state('pause'), count(waiting())]);
        same(0, Bridge::spool()->lastHeard()['status']);
    },
    'a site in windows-1251 is read and written in its own charset' => function (): void {
        site();
        Application::$utf = false;
        saved(['ACCOUNT_NUMBER' => \Bitrix\Main\text('Ж-12'), 'shipment' => ['STORE' => 4]]);
        $stored = Bridge::spool()->waiting(1, 1000000)[0]['body'];
        // Whatever the connection's charset does, it does it to ASCII.
        same(1, preg_match('/^[\x20-\x7e]+$/', $stored));
        $data = waiting()[0]['data'];
        same(['Ж-12', 'Курьер'], [$data['number'], $data['delivery']['method']]);
        same('Анна', $data['customer']['name']);
        same([['name' => 'Размер', 'value' => '42']], $data['items'][0]['options']);
        same(['Пункт самовывоза: На Складской, Псков, ул. Складская, 1'], $data['notes']);
        $shop = new BitrixOrders(Bridge::spool());
        same('N', $shop->order('Ж-12')['status']);
        Order::$refusal = \Bitrix\Main\text('нет прав');
        try {
            $shop->setStatus('Ж-12', 'P', 'причина');
            same('', 'a refusal');
        } catch (\B24Bridge\Refused $refused) {
            same('нет прав', $refused->getMessage());
        }
    },
    'a shop whose settings are not complete sends nothing and loses nothing' => function (): void {
        site();
        Bridge::since(time() - 100);
        $set = Option::$set;
        Option::$set = [];
        saved();
        same('the settings are not complete', Bridge::send(1)['trouble']);
        same([], waiting());
        Option::$set = $set;
        same(1, Bridge::sweep());
        same('https://shop.example', waiting()[0]['source']);
    }
]);
