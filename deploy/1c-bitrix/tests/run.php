<?php

declare(strict_types=1);

// php tests/run.php: everything that needs no shop.

namespace B24Bridge\Tests;

use B24Bridge\Receiver;
use B24Bridge\Sender;
use B24Bridge\Signature;
use B24Bridge\Snapshot;
use B24Bridge\Spool;

require_once __DIR__ . '/support.php';
require_once __DIR__ . '/check.php';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

function spool(): Spool
{
    $spool = new Spool(new Sqlite());
    $spool->install();
    return $spool;
}

/** @return array<string, string> */
function headers(string $id, int $at, string $body): array
{
    $right = (new Signature(SECRET))->sign($id, $at, $body);
    return ['webhook-id' => $id, 'webhook-timestamp' => (string) $at, 'webhook-signature' => "v1,AAAA $right"];
}

/** @param array<string, mixed> $data */
function callback(array $data): string
{
    $data += ['shop' => 'main', 'number' => 'A-1', 'status' => 'P', 'previous_status' => 'N', 'decided_at' => '2026-01-15T11:00:00+03:00'];
    return Snapshot::json(['specversion' => '1.0', 'type' => Receiver::TYPE, 'source' => 'b', 'id' => 'e', 'data' => $data]);
}

check([
    'the example of the specification is signed and verified' => function (): void {
        $signature = new Signature(SECRET);
        $body = '{"test": 2432232314}';
        $signed = $signature->sign('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, $body);
        same('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', $signed);
        $verify = static fn (string $header, string $at = '1614265330', int $now = 1614265330, string $text = '{"test": 2432232314}'): bool
            => $signature->verify('msg_p5jXN8AQM9LWM0D4loKWxJek', $at, $header, $text, $now);
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
    'a snapshot has no float\'s tail, no broken text, and the person who orders' => function (): void {
        $event = json_decode(Snapshot::json(Snapshot::saved(order(), 'https://shop.example')), true);
        $data = $event['data'];
        same('2570.3', $data['total']);
        same('A-1', $data['number']);
        same(3, $data['version']);
        same('2026-01-15T10:00:00+03:00', $data['updated_at']);
        same(2, count($data['items']));
        same(['20', true, '796'], [$data['items'][0]['vat_rate'], $data['items'][0]['vat_included'], $data['items'][0]['unit']]);
        same([false, 'TEA-2', '10'], [$data['items'][1]['vat_included'], $data['items'][1]['sku'], $data['items'][1]['discount']]);
        same(['Анна', 'Петрова', 'Ивановна'], [$data['customer']['name'], $data['customer']['last_name'], $data['customer']['second_name']]);
        same(['anna@example.com'], $data['customer']['emails']);
        same(['10-12', '12-14'], $data['properties']['INTERVALS']);
        same('Карта', $data['payment']['method']);
        same(false, isset($data['paid_at']));
    },
    'a guest has no id, and a company is told by its INN' => function (): void {
        $guest = Snapshot::data(order(['anonymous' => true]))['customer'];
        same([false, 'person'], [isset($guest['id']), $guest['kind']]);
        $company = Snapshot::data(order(['properties' => [
            ['CODE' => 'COMPANY', 'VALUE' => 'ООО «Ромашка»'], ['CODE' => 'INN', 'VALUE' => '7707083893'],
        ]]))['customer'];
        same(['company', '7707083893'], [$company['kind'], $company['company']['inn']]);
    },
    'whoever is only named for the delivery is not the customer' => function (): void {
        $data = Snapshot::data(order(['properties' => [
            ['CODE' => 'FIO', 'VALUE' => 'Озёрная Мария Павловна', 'IS_PAYER' => 'Y'],
            ['CODE' => 'PHONE', 'VALUE' => '+7 909 100-20-30', 'IS_PHONE' => 'Y'],
            ['CODE' => 'RECIPIENT_NAME', 'VALUE' => 'Илья Именинник'],
            ['CODE' => 'RECIPIENT_PHONE', 'VALUE' => '+7 909 777-88-99', 'IS_PHONE' => 'Y'],
        ], 'user' => ['NAME' => 'Олег', 'PERSONAL_PHONE' => '+7 900 111-22-33', 'EMAIL' => '']]));
        same(['Мария', ['+7 909 100-20-30']], [$data['customer']['name'], $data['customer']['phones']]);
        same(['name' => 'Илья Именинник', 'phone' => '+7 909 777-88-99'], $data['delivery']['recipient']);
    },
    'delivery carries its tax, and what is taxed otherwise is a row of its own' => function (): void {
        $shipment = static fn (string $name, string $price, ?float $share): array
            => ['DELIVERY_NAME' => $name, 'PRICE_DELIVERY' => $price, 'VAT_RATE' => $share];
        $data = Snapshot::data(order(['shipments' => [$shipment('Бесплатно', '0.0000', null), $shipment('Курьер', '300.0000', 0.2)]]));
        same(['300', '20', 2], [$data['delivery']['price'], $data['delivery']['vat_rate'], count($data['items'])]);
        $data = Snapshot::data(order([
            'PRICE_DELIVERY' => 350.1, 'shipments' => [$shipment('Курьер', '300.0000', 0.2), $shipment('Подъём', '50.1000', null)],
        ]));
        same(['300', '20'], [$data['delivery']['price'], $data['delivery']['vat_rate']]);
        same(['name' => 'Подъём', 'quantity' => '1', 'price' => '50.1'], $data['items'][2]);
        same(false, isset(Snapshot::data(order())['delivery']['vat_rate']));
    },
    'what the customer chose of a line comes with it' => function (): void {
        $line = ['PRODUCT_ID' => 1, 'NAME' => 'Кроссовки', 'QUANTITY' => 1, 'PRICE' => 5, 'properties' => [
            ['CODE' => 'CATALOG.XML_ID', 'NAME' => 'Catalog XML_ID', 'VALUE' => 'x'], ['CODE' => 'ARTNUMBER', 'NAME' => 'Артикул', 'VALUE' => 'A'],
            ['CODE' => 'SIZE', 'NAME' => 'Размер', 'VALUE' => '42'], ['CODE' => 'COLOR', 'NAME' => '', 'VALUE' => 'синий'],
            ['CODE' => 'NOTE', 'NAME' => 'Надпись', 'VALUE' => ''],
        ]];
        $options = Snapshot::data(order(['basket' => [$line]]))['items'][0]['options'];
        same([['name' => 'Размер', 'value' => '42'], ['name' => 'COLOR', 'value' => 'синий']], $options);
        same(false, isset(Snapshot::data(order())['items'][0]['options']));
    },
    'what is fetched has no address of delivery, and the place is told' => function (): void {
        $store = ['DELIVERY_NAME' => 'В магазине', 'STORE_ID' => 4, 'STORE_TITLE' => 'На Складской', 'STORE_ADDRESS' => 'ул. Складская, 1'];
        $data = Snapshot::data(order(['shipments' => [$store]]));
        same([false, '4'], [isset($data['delivery']['address']), $data['delivery']['store']]);
        same(['Пункт самовывоза: На Складской, ул. Складская, 1'], $data['notes']);
        $named = Snapshot::data(order(['shipments' => [['DELIVERY_NAME' => 'САМОВЫВОЗ со склада', 'STORE_ID' => 0]]]));
        same([false, false, false], [isset($named['delivery']['address']), isset($named['notes']), isset($named['delivery']['store'])]);
        // A part is fetched, a part is brought.
        $both = Snapshot::data(order(['shipments' => [$store, ['DELIVERY_NAME' => 'Курьер']]]));
        same('Москва, ул. Лесная, 5', $both['delivery']['address']);
    },
    'a property that holds what no database takes is cleaned' => function (): void {
        $data = Snapshot::data(order(['properties' => [['CODE' => 'FILE', 'VALUE' => ['n' => "a\0b", 'o' => new \stdClass()]]]]));
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
    'the spool is part of the shop\'s transaction' => function (): void {
        $db = new Sqlite();
        $spool = new Spool($db);
        $spool->install();
        $db->pdo->beginTransaction();
        same(true, $spool->add(Snapshot::saved(order(), 's'), 1));
        $db->pdo->rollBack();
        same(0, $spool->status()['waiting']);
        same(true, $spool->add(Snapshot::saved(order(), 's'), 1));
        same(false, $spool->add(Snapshot::saved(order(), 's'), 2));
        same(1, $spool->status()['waiting']);
    },
    'nothing is lost while the bridge is away, and pauses grow' => function (): void {
        $spool = spool();
        $bridge = new Answers();
        $now = 1000;
        $sender = new Sender($spool, $bridge, static function () use (&$now): int {
            return $now;
        });
        foreach (['N', 'P', 'F'] as $status) {
            $spool->add(Snapshot::saved(order(['STATUS_ID' => $status]), 's'), $now);
        }
        $bridge->answers = [[0, 'refused'], [503, 'away'], [401, 'who?']];
        foreach ([5, 10, 20] as $pause) {
            same(0, $sender->run(10)['sent']);
            same('pausing', $sender->run(10)['trouble']);
            $now += $pause;
        }
        same(3, $sender->run(10)['sent']);
        same(4, count($bridge->posted));
        same(0, $spool->status()['waiting']);
        $sent = array_map(static fn (array $event): string => $event['data']['status'], json_decode($bridge->posted[3], true));
        same(['N', 'P', 'F'], $sent);
        $now += 31 * 86400;
        $sender->run(10);
        same(true, $spool->add(Snapshot::saved(order(), 's'), $now));
    },
    'what the bridge refuses stays with its words and holds up nothing' => function (): void {
        $spool = spool();
        $bridge = new Answers();
        $sender = new Sender($spool, $bridge);
        foreach (['N', 'P', 'F'] as $status) {
            $spool->add(Snapshot::saved(order(['STATUS_ID' => $status]), 's'), time());
        }
        $results = [['result' => 'duplicate'], ['result' => 'invalid', 'faults' => [['pointer' => '/data/total']]], ['result' => 'queued']];
        $bridge->answers = [[202, (string) json_encode(['results' => $results])]];
        $done = $sender->run(10);
        same([2, 1, null], [$done['sent'], $done['refused'], $done['trouble']]);
        same(true, strpos($spool->status()['words'][0], '/data/total') !== false);
        same(1, $spool->retry());
        same(1, $sender->run(10)['sent']);
    },
    'a batch that is too large is halved down to the event that is' => function (): void {
        $spool = spool();
        $bridge = new Answers();
        foreach (['N', 'P', 'F'] as $status) {
            $spool->add(Snapshot::saved(order(['STATUS_ID' => $status]), 's'), time());
        }
        $bridge->answers = [[413, ''], [413, '']];
        $done = (new Sender($spool, $bridge))->run(10);
        same([2, 1], [$done['sent'], $done['refused']]);
    },
    'what visitors wrote goes first, and a form that is not there holds up nothing' => function () {
        $spool = spool();
        $bridge = new Answers();
        $spool->add(Snapshot::saved(order(), 's'), 1000);
        foreach (['gone', 'call', 'unknown'] as $form) {
            same(true, $spool->addForm($form, [['Имя', "Анна $form"]], 1000));
        }
        $bridge->formAnswers = [[404, ''], [303, '']];
        $forms = ['gone' => 'https://b/forms/m/gone/t', 'call' => 'https://b/forms/m/call/t'];
        $now = static fn (): int => 1000;
        $done = (new Sender($spool, $bridge, $now, $forms))->run(10);
        same([2, 2, null], [$done['sent'], $done['refused'], $done['trouble']]);
        same(array_values($forms), array_column($bridge->forms, 0));
        $words = $spool->status()['words'];
        same([0, 'gone: ', 'unknown: '], [
            $spool->status()['waiting'], substr($words[0], 0, 6), substr($words[1], 0, 9),
        ]);
        same(2, $spool->retry());
        $done = (new Sender($spool, $bridge, $now, ['*' => 'https://b/forms/m/all/t']))->run(10);
        same([2, 0], [$done['sent'], $done['refused']]);
    },
    'forms that cannot be delivered and orders do not wait for each other' => function () {
        $spool = spool();
        $bridge = new Answers();
        $now = 1000;
        $clock = static function () use (&$now): int {
            return $now;
        };
        $sender = new Sender($spool, $bridge, $clock, ['*' => 'https://b/forms/m/all/t']);
        $spool->add(Snapshot::saved(order(), 's'), $now);
        $spool->addForm('call', [['Имя', 'Анна']], $now);
        $bridge->formAnswers = [[0, 'no such host'], [500, '']];
        same([1, 'the bridge answered 0: no such host'], array_values(array_diff_key(
            $sender->run(10),
            ['refused' => 0]
        )));
        // It is tried after a pause of its own.
        same(0, $sender->run(10)['sent']);
        same(1, count($bridge->forms));
        $now += 5;
        $sender->run(10);
        same([2, 10], [count($bridge->forms), $spool->state('forms_pause')]);
        $now += 10;
        same(1, $sender->run(10)['sent']);
        same(200, $spool->lastHeard()['status']);
    },
    'a double click is one submission, the same words an hour later another' => function () {
        $spool = spool();
        $fields = [['Имя', 'Анна'], ['Телефон', '1']];
        same(true, $spool->addForm('call', $fields, 1190));
        same(false, $spool->addForm('call', $fields, 1191));
        same(false, $spool->addForm('call', $fields, 1210));
        same(true, $spool->addForm('other', $fields, 1210));
        same(true, $spool->addForm('call', [['Имя', 'Анна'], ['Телефон', '2']], 1210));
        same(true, $spool->addForm('call', $fields, 4000));
        $rows = $spool->waitingForms(10);
        $ids = array_map(static fn (array $row): string => end($row['fields'])[1], $rows);
        same([4, 4], [count($rows), count(array_unique($ids))]);
    },
    'tables of an older release are used on, with what waits in them' => function (): void {
        $db = new Sqlite();
        $db->pdo->exec('CREATE TABLE b24bridge_spool (id INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id VARCHAR(190) NOT NULL UNIQUE, body TEXT NOT NULL, created_at BIGINT NOT NULL,
            sent_at BIGINT NULL, refused TEXT NULL)');
        $db->pdo->exec('CREATE TABLE b24bridge_state (name VARCHAR(190) NOT NULL PRIMARY KEY,
            value BIGINT NOT NULL)');
        $db->pdo->exec("INSERT INTO b24bridge_state VALUES ('swept_until', 77)");
        $body = Snapshot::json(Snapshot::saved(order(), 's'));
        $db->execute('INSERT INTO b24bridge_spool (event_id, body, created_at) VALUES (?, ?, 5)', [
            'A-1-x', $body,
        ]);
        $spool = new Spool($db);
        $spool->install();
        $spool->install();
        same([77, $body], [$spool->state('swept_until'), $spool->waiting(1, 1)[0]['body']]);
        same(1, (new Sender($spool, new Answers()))->run(10)['sent']);
        $spool->drop();
        same([], $db->columns('b24bridge_spool'));
    },
    'what the spool compares is ASCII, whatever an order is called' => function (): void {
        $db = new Sqlite();
        $spool = new Spool($db);
        $spool->install();
        foreach (['Ж-1', 'A-1', str_repeat('x', 200)] as $number) {
            $event = Snapshot::saved(order(['ACCOUNT_NUMBER' => $number]), 's');
            same([true, false], [$spool->add($event, 1), $spool->add($event, 2)]);
        }
        foreach ($db->select('SELECT event_id, body FROM b24bridge_spool') as $row) {
            same(1, preg_match('/^[\x20-\x7e]{1,190}$/D', $row['event_id']));
            same(1, preg_match('/^[\x20-\x7e]+$/D', $row['body']));
        }
        $sent = json_decode($spool->waiting(1, 1)[0]['body'], true);
        same('Ж-1', $sent['data']['number']);
    },
    'the last answer of the bridge is known, whatever it said' => function (): void {
        $spool = spool();
        same(null, $spool->lastHeard());
        $bridge = new Answers();
        $bridge->answers = [[502, "<h1>\xff плохо</h1>"]];
        $spool->add(Snapshot::saved(order(), 's'), 1000);
        (new Sender($spool, $bridge, static fn (): int => 1000))->run(10);
        $heard = $spool->lastHeard();
        same([1000, 502, true], [
            $heard['at'], $heard['status'], strpos($heard['words'], 'плохо') !== false,
        ]);
        $spool->setState('pause_until', 0);
        (new Sender($spool, $bridge, static fn (): int => 2000))->run(10);
        same(['at' => 2000, 'status' => 202, 'words' => ''], $spool->lastHeard());
    },
    'what shops install runs on PHP 7.4, too' => function (): void {
        $folders = [dirname(__DIR__) . '/b24.bridge', dirname(__DIR__, 2) . '/woocommerce/b24-bridge'];
        $newer = ['T_MATCH', 'T_NULLSAFE_OBJECT_OPERATOR', 'T_ATTRIBUTE', 'T_READONLY', 'T_ENUM'];
        $shapes = [
            'a function of PHP 8' => '/\b(str_contains|str_(starts|ends)_with|array_is_list|'
                . 'get_debug_type|array_find|mb_trim)\s*\(/',
            'a type of PHP 8' => '/[(,:]\s*\??(mixed|static|never)\s*([{;$)]|\||$)/m',
            'a union' => '/\w\s*\|\s*\w+\s+(&|\.\.\.)?\$\w|\)\s*:\s*\w+\s*\|/',
            'a property made by a parameter' => '/[(,]\s*(public|private|protected)\s+/',
            'a caught exception without a name' => '/catch\s*\([^$)]*\)/',
            'a comma behind the last parameter' => '/\$\w+,\s*\)\s*(:\s*\??\w+\s*)?\{/',
            'a named argument' => '/[(,]\s*[a-z]\w*:\s(?!:)/',
        ];
        $seen = 0;
        foreach ($folders as $folder) {
            $all = new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($folder));
            foreach ($all as $file) {
                if ($file->getExtension() !== 'php') {
                    continue;
                }
                $code = '';
                foreach (token_get_all((string) file_get_contents($file->getPathname())) as $token) {
                    $name = is_array($token) ? token_name($token[0]) : '';
                    if (in_array($name, $newer, true)) {
                        throw new \RuntimeException("$file: $name in line $token[2]");
                    }
                    $silent = ['T_COMMENT', 'T_DOC_COMMENT', 'T_INLINE_HTML'];
                    $text = ['T_CONSTANT_ENCAPSED_STRING', 'T_ENCAPSED_AND_WHITESPACE'];
                    if (in_array($name, $text, true)) {
                        $code .= "''";
                    } elseif (!in_array($name, $silent, true)) {
                        $code .= is_array($token) ? $token[1] : $token;
                    }
                }
                foreach ($shapes as $what => $shape) {
                    if (preg_match($shape, $code, $found) === 1) {
                        throw new \RuntimeException("$file: $what: $found[0]");
                    }
                }
                $seen++;
            }
        }
        same(true, $seen > 45);
    },
    'two processes do not send at once, and a dead one does not hold the lock for ever' => function (): void {
        $spool = spool();
        same(true, $spool->lock(100, 200));
        same(false, $spool->lock(150, 250));
        same(true, $spool->lock(201, 300));
    },
    'a callback sets the status once' => function (): void {
        $shop = new OneOrder(spool());
        $receiver = new Receiver(new Signature(SECRET), $shop);
        $body = callback([]);
        same([200, ['result' => 'changed']], $receiver->handle('POST', headers('m1', 1000, $body), $body, 1000));
        $shop->status = 'N';
        same([200, ['result' => 'duplicate']], $receiver->handle('POST', headers('m1', 1100, $body), $body, 1100));
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
    'money that was taken is not denied, whether the message says what it denies or not' => function (): void {
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
        $answer = static fn (string $body, string $method = 'POST'): int
            => $receiver->handle($method, headers('m', 1000, $body), $body, 1000)[0];
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
    },
]);
