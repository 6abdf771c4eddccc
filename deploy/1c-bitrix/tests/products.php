<?php

declare(strict_types=1);

// php tests/products.php: products and forms, with stand-ins for 1C-Bitrix.

namespace B24Bridge\Tests;

use B24Bridge\BitrixForms;
use B24Bridge\Bridge;
use B24Bridge\Handlers;
use B24Bridge\Sender;
use B24Bridge\Settings;
use Bitrix\Catalog\PriceTable;
use Bitrix\Catalog\ProductTable;
use Bitrix\Main\Application;
use Bitrix\Main\Config\Option;
use Bitrix\Main\DB\Connection;
use Bitrix\Main\EventManager;
use Bitrix\Main\Type\DateTime;
use CFormResult;
use CIBlockElement;

use function Bitrix\Main\text;

require_once __DIR__ . '/stand_ins.php';
require_once __DIR__ . '/catalogue_stand_ins.php';
require_once __DIR__ . '/check.php';
require_once dirname(__DIR__) . '/b24.bridge/include.php';
require_once __DIR__ . '/support.php';

foreach (Handlers::EVENTS as [$from, $name, $method]) {
    $manager = EventManager::getInstance();
    $manager->registerEventHandler($from, $name, 'b24.bridge', Handlers::class, $method);
}
foreach (Handlers::OLDER as [$from, $name, $method]) {
    $manager = EventManager::getInstance();
    $manager->registerEventHandlerCompatible($from, $name, 'b24.bridge', Handlers::class, $method);
}

/** @param array<string, string> $settings */
function site(array $settings = [], bool $utf = true): void
{
    Application::$connection = new Connection();
    Application::$utf = $utf;
    Option::$set = [];
    $GLOBALS['log'] = [];
    $_SERVER['HTTP_REFERER'] = '';
    shelves();
    Settings::import($settings + [
        'url' => 'https://bridge.example', 'key' => 'a-key', 'source' => 'https://shop.example',
        'products' => 'Y',
    ]);
    Bridge::spool()->install();
}

/** A shirt as a person makes it: the element, then its article, its goods, its price. */
function shirt(): void
{
    CIBlockElement::add(17, [
        'IBLOCK_ID' => 2, 'NAME' => text('Футболка'), 'DETAIL_TEXT' => '<p>Хлопок</p>',
        'IBLOCK_SECTION_ID' => 8,
    ]);
    CIBlockElement::set(17, 'CML2_ARTICLE', 'T-1');
    ProductTable::write(17, ['VAT_ID' => 0, 'VAT_INCLUDED' => 'Y', 'MEASURE' => 5]);
    PriceTable::add(1, [
        'PRODUCT_ID' => 17, 'CATALOG_GROUP_ID' => 1, 'PRICE' => '990.5000', 'CURRENCY' => 'RUB',
    ]);
}

/** @return list<array<string, mixed>> what the spool got since it was looked at last */
function told(): array
{
    Bridge::products();
    $events = [];
    foreach (Bridge::spool()->waiting(100, 1000000) as $row) {
        $events[] = json_decode($row['body'], true);
        Bridge::spool()->sent($row['id'], 1);
    }
    return $events;
}

check([
    'a product that is made in five steps is told once, and whole' => function (): void {
        site();
        shirt();
        same(1, Bridge::catalogue()->due());
        [$event] = $all = told();
        same([1, 'shop.product.saved.v1'], [count($all), $event['type']]);
        same(0, Bridge::catalogue()->due());
        $version = $event['data']['version'];
        same(true, $version >= time() - 5 && strpos($event['id'], "product-17-$version-") === 0);
        unset($event['data']['version']);
        same([
            'id' => '17', 'sku' => 'T-1', 'name' => 'Футболка', 'description' => '<p>Хлопок</p>',
            'section' => ['Одежда', 'Футболки'],
            'prices' => [['price' => '990.5', 'currency' => 'RUB']], 'vat' => '20', 'unit' => '796',
            'pictures' => [], 'vat_included' => true, 'active' => true,
        ], $event['data']);
    },
    'pictures are told by their addresses, the large one first' => function (): void {
        site();
        shirt();
        told();
        CIBlockElement::update(17, ['DETAIL_PICTURE' => '32', 'PREVIEW_PICTURE' => '31']);
        CIBlockElement::set(17, 'MORE_PHOTO', '33');
        same([
            ['url' => 'https://shop.example/upload/32.jpg'],
            ['url' => 'https://cloud.example/33.jpg'],
        ], told()[0]['data']['pictures']);
        CIBlockElement::update(17, ['DETAIL_PICTURE' => null]);
        CIBlockElement::set(17, 'MORE_PHOTO', '99');
        same([['url' => 'https://shop.example/upload/31.jpg']], told()[0]['data']['pictures']);
    },
    'a price is told, though its event does not say whose it is' => function (): void {
        site();
        shirt();
        $first = told()[0]['data']['version'];
        PriceTable::change(1, '890.0000');
        $data = told()[0]['data'];
        same([['price' => '890', 'currency' => 'RUB']], $data['prices']);
        same(true, $data['version'] > $first);
        // There and back again: the newest word is the last one.
        PriceTable::change(1, '990.5000');
        same('990.5', told()[0]['data']['prices'][0]['price']);
        PriceTable::drop(1);
        same(false, isset(told()[0]['data']['prices']));
    },
    'what is saved and is the same is not told again' => function (): void {
        site();
        shirt();
        told();
        CIBlockElement::update(17, ['NAME' => 'Футболка']);
        same(1, Bridge::catalogue()->due());
        same([[], 0], [told(), Bridge::catalogue()->due()]);
    },
    'a refused change, a copy of the workflow and news are no products' => function (): void {
        site();
        CIBlockElement::add(30, ['IBLOCK_ID' => 9, 'NAME' => 'News']);
        CIBlockElement::add(31, ['IBLOCK_ID' => 2, 'NAME' => 'Copy', 'WF_PARENT_ELEMENT_ID' => 17]);
        CIBlockElement::delete(30);
        Handlers::onElement(['ID' => 17, 'IBLOCK_ID' => 2, 'RESULT' => false]);
        Handlers::onElement(['IBLOCK_ID' => 2, 'RESULT' => false]);
        same([0, []], [Bridge::catalogue()->due(), $GLOBALS['log']]);
        // The other of the two calls of the workflow names the element as its own parent.
        CIBlockElement::add(32, ['IBLOCK_ID' => 2, 'NAME' => 'Own', 'WF_PARENT_ELEMENT_ID' => 32]);
        same(1, Bridge::catalogue()->due());
    },
    'a variation is told with its product, by the id that orders name' => function (): void {
        site();
        shirt();
        told();
        CIBlockElement::add(18, ['IBLOCK_ID' => 3, 'NAME' => 'Футболка M']);
        same([], told());
        CIBlockElement::set(18, 'CML2_LINK', '17');
        CIBlockElement::$properties[18]['ARTNUMBER'] = 'T-1-M';
        PriceTable::add(2, [
            'PRODUCT_ID' => 18, 'CATALOG_GROUP_ID' => 1, 'PRICE' => '700', 'CURRENCY' => 'RUB',
        ]);
        $data = told()[0]['data'];
        same('17', $data['id']);
        same([[
            'id' => '18', 'sku' => 'T-1-M', 'name' => 'Футболка M',
            'prices' => [['price' => '700', 'currency' => 'RUB']], 'active' => true,
        ]], $data['variations']);
        CIBlockElement::update(18, ['PREVIEW_PICTURE' => '31']);
        $data = told()[0]['data'];
        $picture = ['url' => 'https://shop.example/upload/31.jpg'];
        same([[], [$picture]], [$data['pictures'], $data['variations'][0]['pictures']]);
        CIBlockElement::delete(18);
        $data = told()[0]['data'];
        same(['17', false], [$data['id'], isset($data['variations'])]);
    },
    'a product of which variations alone are sold is one' => function (): void {
        site();
        unset(\Bitrix\Test\Table::$all[\Bitrix\Catalog\CatalogIblockTable::class][2]);
        shirt();
        CIBlockElement::add(18, ['IBLOCK_ID' => 3, 'NAME' => 'Футболка M']);
        CIBlockElement::set(18, 'CML2_LINK', '17');
        $data = told()[0]['data'];
        same(['17', '18', '20'], [$data['id'], $data['variations'][0]['id'], $data['vat']]);
        Bridge::catalogue()->lookAtAll();
        same([], told());
        CIBlockElement::update(18, ['NAME' => 'Футболка L']);
        same('Футболка L', told()[0]['data']['variations'][0]['name']);
    },
    'a deleted product is told, also to a sender that looks in the midst of it' => function () {
        site();
        shirt();
        told();
        $manager = EventManager::getInstance();
        $midst = ['iblock', 'OnIBlockElementDelete', 'x', Midst::class, 'look'];
        $manager->registerEventHandlerCompatible(...$midst);
        CIBlockElement::delete(17);
        $manager->unRegisterEventHandler(...$midst);
        $events = told();
        same([1, 'shop.product.deleted.v1', '17'], [
            count($events), $events[0]['type'], $events[0]['data']['id'],
        ]);
    },
    'prices of further kinds go where they are named, of ranges the smallest' => function () {
        site(['price_types' => 'Опт']);
        shirt();
        $price = static fn (int $kind, string $price, ?int $from): array => [
            'PRODUCT_ID' => 17, 'CATALOG_GROUP_ID' => $kind, 'PRICE' => $price, 'CURRENCY' => 'RUB',
            'QUANTITY_FROM' => $from,
        ];
        PriceTable::add(2, $price(2, '600', 10));
        PriceTable::add(3, $price(2, '700', 1));
        PriceTable::add(4, $price(3, '1', null));
        same([
            ['price' => '990.5', 'currency' => 'RUB'],
            ['type' => 'Опт', 'price' => '700', 'currency' => 'RUB'],
        ], told()[0]['data']['prices']);
    },
    'no VAT is not a VAT of zero' => function (): void {
        site();
        shirt();
        ProductTable::write(17, ['VAT_ID' => 2]);
        same(false, isset(told()[0]['data']['vat']));
    },
    'a product that cannot be read holds up no other and is tried again' => function (): void {
        site();
        shirt();
        CIBlockElement::add(19, ['IBLOCK_ID' => 2, 'NAME' => 'Носки']);
        \Bitrix\Test\Table::$all[\Bitrix\Catalog\VatTable::class][1]['RATE'] = ['no number'];
        ProductTable::write(19, ['VAT_ID' => 2]);
        $broken = \Bitrix\Test\Table::$all;
        $broken[\Bitrix\Iblock\ElementTable::class][17]['NAME'] = ['no text'];
        \Bitrix\Test\Table::$all = $broken;
        set_error_handler(static function (int $level, string $words): bool {
            throw new \ErrorException($words);
        });
        $events = told();
        $ids = array_column(array_column($events, 'data'), 'id');
        same([['19'], 1], [$ids, count($GLOBALS['log'])]);
        same([[], 1, 1], [told(), count($GLOBALS['log']), Bridge::catalogue()->due()]);
        restore_error_handler();
        \Bitrix\Test\Table::$all[\Bitrix\Iblock\ElementTable::class][17]['NAME'] = 'Футболка';
        CIBlockElement::update(17, []);
        same('17', told()[0]['data']['id']);
    },
    'all products are sent when somebody asks for it, in pages' => function (): void {
        site();
        $table = \Bitrix\Iblock\ElementTable::class;
        foreach (range(1, 2450) as $id) {
            \Bitrix\Test\Table::$all[$table][$id] = [
                'ID' => $id, 'IBLOCK_ID' => $id === 9 ? 9 : 2, 'NAME' => "Товар $id",
                'ACTIVE' => 'N',
            ];
        }
        Bridge::catalogue()->lookAtAll();
        // A thousand at a time are marked, two hundred are read; after a page of a visitor fewer.
        same([200, 800], [Bridge::products(), Bridge::catalogue()->due()]);
        same([20, 980], [Bridge::products(20), Bridge::catalogue()->due()]);
        same([true, 200, 1780], [
            Bridge::catalogue()->searches(), Bridge::products(), Bridge::catalogue()->due(),
        ]);
        Bridge::products();
        same([false, 1829], [Bridge::catalogue()->searches(), Bridge::catalogue()->due()]);
        while (Bridge::products() > 0) {
            continue;
        }
        same(2449, Bridge::spool()->status()['waiting']);
        $event = json_decode(Bridge::spool()->waiting(1, 1)[0]['body'], true);
        same(false, $event['data']['active']);
    },
    'a change whose event did not come is found within the hour' => function (): void {
        site();
        shirt();
        told();
        $elements = &\Bitrix\Test\Table::$all[\Bitrix\Iblock\ElementTable::class];
        $elements[17]['NAME'] = 'Past the events';
        $elements[17]['TIMESTAMP_X'] = new DateTime(time());
        same([], told());
        Bridge::spool()->setState('searched', time() - 4000);
        same('Past the events', told()[0]['data']['name']);
        // What has not changed since then is not read at all.
        $elements[17]['TIMESTAMP_X'] = new DateTime(time() - 9000);
        Bridge::spool()->setState('searched', time() - 4000);
        same([[], 0], [told(), Bridge::catalogue()->due()]);
        // What is gone unheard is found when all are looked at.
        unset($elements[17]);
        Bridge::catalogue()->lookAtAll();
        same('shop.product.deleted.v1', told()[0]['type']);
    },
    'nothing is done where products are not sent, or the catalogue is not ours' => function () {
        site(['products' => 'N']);
        shirt();
        same([0, []], [Bridge::catalogue()->due(), told()]);
        site(['iblocks' => '5, 6']);
        shirt();
        Bridge::catalogue()->lookAtAll();
        same([[], 0], [told(), Bridge::catalogue()->due()]);
    },
    'a catalogue in windows-1251 is told in UTF-8' => function (): void {
        site([], false);
        shirt();
        $data = told()[0]['data'];
        same(['Футболка', ['Одежда', 'Футболки']], [$data['name'], $data['section']]);
        Settings::write('price_types', 'Опт');
        PriceTable::add(2, [
            'PRODUCT_ID' => 17, 'CATALOG_GROUP_ID' => 2, 'PRICE' => '5', 'CURRENCY' => 'RUB',
        ]);
        same('Опт', told()[0]['data']['prices'][1]['type']);
    },
    'what a visitor wrote is spooled once and goes to the form\'s address' => function (): void {
        foreach ([true, false] as $utf) {
            site(['forms' => '{"3": "https://bridge.example/forms/main/call/token"}'], $utf);
            same(['3' => text('Обратный звонок')], BitrixForms::all());
            $_SERVER['HTTP_REFERER'] = 'https://shop.example/page?utm_source=ya&utm_medium[]=x&a=b';
            $typed = static fn (string $title, string $text): array
                => ['TITLE' => text($title), 'FIELD_TYPE' => 'text', 'USER_TEXT' => text($text)];
            $ticked = static fn (string $title, string $text): array => [
                'TITLE' => text($title), 'FIELD_TYPE' => 'checkbox', 'ANSWER_TEXT' => text($text),
            ];
            CFormResult::$answers = [
                'NAME' => [$typed('Имя', 'Анна & "Ко"')],
                'Q_2' => [$typed('<b>Телефон</b>', '+7 916 123-45-67')],
                'Q_3' => [
                    $ticked('Тема', 'Цена'), $ticked('Тема', 'Срок'),
                ],
                'Q_4' => [$ticked('', ' ')],
                'Q_5' => [$typed('Пусто', ' ')],
                'Q_6' => [['FIELD_TYPE' => 'password'] + $typed('Пароль', 'secret')],
            ];
            EventManager::execute('form', 'onAfterResultAdd', 3, 71);
            EventManager::execute('form', 'onAfterResultAdd', '3', '72');
            EventManager::execute('form', 'onAfterResultAdd', 4, 73);
            same([1, []], [Bridge::spool()->status()['waiting'], $GLOBALS['log']]);
            $bridge = new Answers();
            $sender = new Sender(Bridge::spool(), $bridge, null, Settings::read()['forms']);
            same(1, $sender->run(5)['sent']);
            [[$address, $body]] = $bridge->forms;
            same('https://bridge.example/forms/main/call/token', $address);
            preg_match_all('/([^&=]+)=([^&]*)/', $body, $pairs);
            $pairs = array_map(null, ...array_map(
                static fn (array $all): array => array_map('rawurldecode', $all),
                array_slice($pairs, 1)
            ));
            $id = array_pop($pairs);
            same(['tranid', 'form-'], [$id[0], substr($id[1], 0, 5)]);
            same([
                ['Имя', 'Анна & "Ко"'], ['Телефон', '+7 916 123-45-67'], ['Тема', 'Цена'],
                ['Тема', 'Срок'], ['Q_4', 'Y'], ['utm_source', 'ya'],
                ['page_url', 'https://shop.example/page?utm_source=ya&utm_medium[]=x&a=b'],
            ], $pairs);
        }
    },
]);

/** Whoever sends while an element is being deleted. */
final class Midst
{
    public static function look(): void
    {
        Bridge::products();
    }
}
