<?php

declare(strict_types=1);

// php tests/module.php: how the module comes and goes, and its page of settings.

namespace B24Bridge\Tests;

use B24Bridge\Bridge;
use B24Bridge\Handlers;
use B24Bridge\Settings;
use Bitrix\Main\Application;
use Bitrix\Main\Config\Option;
use Bitrix\Main\DB\Connection;
use Bitrix\Main\EventManager;
use Bitrix\Main\Loader;
use Bitrix\Sale\Order;
use CAgent;
use CUser;
use Page;

use function Bitrix\Main\text;

require_once __DIR__ . '/stand_ins.php';
require_once __DIR__ . '/catalogue_stand_ins.php';
require_once __DIR__ . '/check.php';
require_once dirname(__DIR__) . '/b24.bridge/install/index.php';

const MODULE = 'b24.bridge';

/** A site whose files lie in a folder of their own. */
function site(bool $utf = true): string
{
    $root = sys_get_temp_dir() . '/b24bridge-' . getmypid() . '-' . random_int(1, PHP_INT_MAX);
    mkdir("$root/bitrix/tools", 0777, true);
    mkdir("$root/local/b24bridge", 0777, true);
    register_shutdown_function(static function () use ($root): void {
        $_SERVER['DOCUMENT_ROOT'] = $root;
        DeleteDirFilesEx('');
    });
    $_SERVER['DOCUMENT_ROOT'] = $root;
    Application::$connection = new Connection();
    Application::$utf = $utf;
    Loader::$modules = ['sale', 'catalog', 'iblock', 'form'];
    Option::$set = [];
    EventManager::$handlers = [];
    CAgent::$agents = [];
    Order::$all = [];
    shelves();
    $GLOBALS['APPLICATION'] = new Page();
    $GLOBALS['USER'] = new CUser();
    $GLOBALS['step'] = null;
    $GLOBALS['log'] = [];
    $_REQUEST = [];
    $_POST = [];
    $_SERVER['REQUEST_METHOD'] = 'GET';
    return $root;
}

/** @return list<string> */
function tables(): array
{
    $sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'b24bridge%'";
    $names = array_column(Application::$connection->query($sql)->fetchAll(), 'NAME');
    sort($names);
    return $names;
}

/** The page of settings, as the browser gets it: in UTF-8. @param array<string, mixed> $posted */
function page(array $posted = []): string
{
    $_SERVER['REQUEST_METHOD'] = $posted === [] ? 'GET' : 'POST';
    $_POST = $posted;
    ob_start();
    (static function (): void {
        include dirname(__DIR__) . '/b24.bridge/options.php';
    })();
    $html = (string) ob_get_clean();
    if (!Application::$utf) {
        same(false, mb_check_encoding($html, 'UTF-8'));
        $html = mb_convert_encoding($html, 'UTF-8', 'windows-1251');
    }
    return $html;
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

/** @return array<string, mixed> */
function filled(): array
{
    return [
        'sessid' => 'right', 'save' => 'x', 'url' => 'http://127.0.0.1:9', 'key' => 'a-key',
        'source' => 'https://shop.example', 'paid_statuses' => 'P, F',
        'callback_secret' => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        'forms' => ['3' => 'http://127.0.0.1:9/forms/main/call/token'],
    ];
}

define('LANGUAGE_ID', 'ru');
define('B_PROLOG_INCLUDED', true);

check([
    'installed, it has its tables, handlers, agent and address' => function (): void {
        $root = site();
        $module = new \b24_bridge();
        same(true, $module->DoInstall());
        same(
            ['b24bridge_products', 'b24bridge_seen', 'b24bridge_spool', 'b24bridge_state'],
            tables()
        );
        same(true, Loader::includeModule(MODULE));
        same([Bridge::AGENT => [MODULE, 60]], CAgent::$agents);
        same(true, is_file("$root/bitrix/tools/b24.bridge/callback.php"));
        $handlers = array_merge(...array_values(EventManager::$handlers));
        same(count(Handlers::EVENTS) + count(Handlers::OLDER), count($handlers));
        foreach ($handlers as [$to, $class, $method]) {
            same([MODULE, true], [$to, is_callable([$class, $method])]);
        }
        // From now on: the orders of the past are nobody's surprise.
        same(true, abs(time() - Bridge::spool()->state('swept_until')) < 5);
        // Installed once more it has nothing twice.
        same(true, $module->DoInstall());
        $again = array_merge(...array_values(EventManager::$handlers));
        same([count($handlers), 1], [count($again), count(CAgent::$agents)]);
    },
    'an order of a shop that has filled in the page is sent by the agent' => function (): void {
        site();
        (new \b24_bridge())->DoInstall();
        page(filled());
        (new Order([
            'ID' => 12, 'ACCOUNT_NUMBER' => '12', 'VERSION' => 0, 'LID' => 's1', 'STATUS_ID' => 'N',
            'USER_ID' => 77, 'CURRENCY' => 'RUB', 'PRICE' => 1000.0,
        ]))->save();
        same(1, Bridge::spool()->status()['waiting']);
        Bridge::agent('cli');
        same(0, Bridge::spool()->lastHeard()['status']);
        same(1, Bridge::spool()->status()['waiting']);
    },
    'an installation by hand hands over its settings and what waits' => function (): void {
        $root = site();
        Bridge::spool()->install();
        Bridge::spool()->add(['id' => 'A-1-x'], 5);
        Bridge::spool()->setState('swept_until', 77);
        file_put_contents("$root/local/b24bridge/config.php", "<?php return [
            'url' => 'https://bridge.example', 'key' => 'k', 'source' => 'https://shop.example',
            'callback_secret' => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
            'paid_statuses' => ['P', 'F', 'D'], 'sites' => ['s1', 's2'],
        ];");
        (new \b24_bridge())->DoInstall();
        $settings = Settings::read();
        same(['https://bridge.example', 'k'], [$settings['url'], $settings['key']]);
        same([['P', 'F', 'D'], ['s1', 's2']], [$settings['paid_statuses'], $settings['sites']]);
        same([1, 77], [
            Bridge::spool()->status()['waiting'], Bridge::spool()->state('swept_until'),
        ]);
    },
    'while it is still at work beside, nothing is installed, nothing breaks' => function () {
        $code = 'namespace B24Bridge { class Spool {} }
            namespace Bitrix\Main { class ModuleManager {} class EventManager {} }
            namespace { class CModule {} class Page { public $said; function ThrowException($w) {
            $this->said = $w; } } $APPLICATION = new Page();
            $folder = ' . var_export(dirname(__DIR__) . '/b24.bridge', true) . ';
            var_dump(require "$folder/include.php"); require "$folder/install/index.php";
            $module = new b24_bridge(); var_dump($module->DoInstall(), $APPLICATION->said); }';
        exec(PHP_BINARY . ' -r ' . escapeshellarg($code) . ' 2>&1', $said, $status);
        same([0, 'bool(false)', 'bool(false)'], [$status, $said[0], $said[1] ?? '']);
        same(true, strpos($said[2], '/local/b24bridge/include.php') !== false);
    },
    'what the server lacks is said, and nothing is half installed' => function (): void {
        site();
        Loader::$modules = [];
        same(false, (new \b24_bridge())->DoInstall());
        same('Модулю нужно то, чего здесь нет: sale.', $GLOBALS['APPLICATION']->exception);
        same([[], [], []], [tables(), EventManager::$handlers, CAgent::$agents]);
    },
    'removed, it asks what becomes of the tables, and keeps or drops them' => function (): void {
        foreach (['Y' => 4, 'N' => 0] as $keep => $left) {
            $root = site();
            $module = new \b24_bridge();
            $module->DoInstall();
            page(filled());
            Bridge::spool()->add(['id' => 'A-1-x'], 5);
            ob_start();
            $module->DoUninstall();
            $asked = (string) ob_get_clean();
            shows($asked, ['Событий, которых у моста ещё нет: 1.', 'name="savedata" value="Y"']);
            // Nothing has happened yet.
            same([true, 4], [Loader::includeModule(MODULE), count(tables())]);
            $GLOBALS['step'] = '2';
            $_REQUEST['savedata'] = $keep;
            $module->DoUninstall();
            same([false, $left], [Loader::includeModule(MODULE), count(tables())]);
            same([], array_merge(...array_values(EventManager::$handlers)));
            same([[], false], [CAgent::$agents, is_dir("$root/bitrix/tools/b24.bridge")]);
            same($keep === 'Y', Settings::complete());
        }
    },
    'the page says whether the bridge hears the shop, in the site\'s charset' => function () {
        foreach ([true, false] as $utf) {
            site($utf);
            (new \b24_bridge())->DoInstall();
            shows(page(), [
                'Состояние', 'К мосту ещё не обращались.', 'Ничего не ждёт отправки.',
                'Агенты выполняются на хитах', 'Обратный звонок [3]',
            ]);
            $html = page(filled());
            shows($html, ['Сохранено.', 'Никто не отвечает', 'Форма 3: по её адресу ничего нет.']);
            shows($html, ['https://shop.example/bitrix/tools/b24.bridge/callback.php']);
            // Secrets are never shown.
            same([false, false], [strpos($html, 'a-key'), strpos($html, 'whsec_MfKQ')]);
            Bridge::spool()->add(['id' => 'A-1-x'], time() - 1000);
            Bridge::spool()->heard(202, '', time() - 1000);
            Bridge::spool()->add(['id' => 'A-2-x'], time());
            $bad = Bridge::spool()->waiting(2, 1000000)[1]['id'];
            Bridge::spool()->refused($bad, \B24Bridge\Json::ascii(['detail' => 'Плохо <b>']));
            shows(page(), [
                'Мост слышит магазин.', 'Ждёт отправки: 1, самое старое с', 'Никто не отправляет',
                'A-2-x: {&quot;detail&quot;:&quot;Плохо &lt;b&gt;&quot;}',
            ]);
            page(['sessid' => 'right', 'retry' => 'x']);
            same(2, Bridge::spool()->status()['waiting']);
        }
    },
    'a trouble of the site is shown for a day, and a new release finds its tables' => function () {
        site(false);
        (new \b24_bridge())->DoInstall();
        page(filled());
        $order = new Order([
            'ID' => 12, 'ACCOUNT_NUMBER' => '12', 'VERSION' => 0, 'LID' => 's1', 'STATUS_ID' => 'N',
            'USER_ID' => 77, 'CURRENCY' => 'RUB', 'PRICE' => text('не число'),
        ]);
        $order->save();
        same([0, 1], [Bridge::spool()->status()['waiting'], count($GLOBALS['log'])]);
        shows(page(), ['Сбой на сайте', 'TypeError: Bitrix\Sale\Order::getPrice()']);
        Bridge::spool()->trouble('x', time() - 90000);
        same(false, strpos(page(), 'Сбой на сайте'));
        Bridge::spool()->drop();
        page(filled());
        same(4, count(tables()));
    },
    'what cannot be right is named, kept in the fields, and not saved' => function (): void {
        site(false);
        (new \b24_bridge())->DoInstall();
        $wrong = ['url' => 'bridge.example', 'callback_secret' => '???', 'article' => text('Ж"1')];
        $html = page(['forms' => ['3' => 'https://x/y'], 'source' => ''] + $wrong + filled());
        shows($html, [
            'Адрес моста начинается с https://', 'Магазин называется своим адресом',
            'Секрет состоит из whsec_', 'Форма 3: адрес вида', 'Ж&quot;1',
        ]);
        same(false, Settings::complete());
        page(['article' => text('Ж-1')] + filled());
        same(['Ж-1'], Settings::read()['article']);
        // An empty field of a secret is no secret of none.
        page(['key' => '', 'callback_secret' => ''] + filled());
        same('a-key', Settings::read()['key']);
    },
    'nobody but an administrator sees it, a stranger\'s form saves nothing' => function () {
        site();
        (new \b24_bridge())->DoInstall();
        page(['sessid' => 'wrong'] + filled());
        same(false, Settings::complete());
        $GLOBALS['USER']->admin = false;
        same('', page(filled()));
        same(false, Settings::complete());
    },
    'products that are switched on are all sent the first time' => function (): void {
        site();
        (new \b24_bridge())->DoInstall();
        $table = \Bitrix\Iblock\ElementTable::class;
        \Bitrix\Test\Table::$all[$table][5] = ['ID' => 5, 'IBLOCK_ID' => 2, 'NAME' => 'x'];
        page(['products' => 'Y'] + filled());
        shows(page(), ['Проверяются все товары', 'Отправить все товары']);
        Bridge::products();
        same([1, false], [
            Bridge::spool()->status()['waiting'], Bridge::catalogue()->searches(),
        ]);
        shows(page(), ['Изменённых товаров на проверку: 0.']);
        shows(page(['sessid' => 'right', 'products_all' => 'x']), ['Проверяются все товары']);
    },
    'each language says everything that the other says' => function (): void {
        foreach (['install/index.php', 'options.php'] as $file) {
            $read = static function (string $language) use ($file): array {
                $MESS = [];
                include dirname(__DIR__) . "/b24.bridge/lang/$language/$file";
                ksort($MESS);
                return array_map(static function (string $words): array {
                    preg_match_all('/#\w+#/', $words, $places);
                    sort($places[0]);
                    return $places[0];
                }, $MESS);
            };
            same($read('en'), $read('ru'));
            same(true, count($read('en')) > 5);
        }
    },
]);
