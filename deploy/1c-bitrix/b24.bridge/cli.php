<?php

declare(strict_types=1);

// php cli.php send|status|retry|since DATE|products
if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
$_SERVER['DOCUMENT_ROOT'] = getenv('DOCUMENT_ROOT') ?: dirname(__DIR__, 3);
define('NO_KEEP_STATISTIC', true);
define('NOT_CHECK_PERMISSIONS', true);
define('NO_AGENT_CHECK', true);
require $_SERVER['DOCUMENT_ROOT'] . '/bitrix/modules/main/include/prolog_before.php';

use B24Bridge\Bridge;

if (!Bitrix\Main\Loader::includeModule('b24.bridge')) {
    fwrite(STDERR, "the module b24.bridge is not installed: see its README\n");
    exit(2);
}

switch ($argv[1] ?? '') {
    case 'send':
        // A cron minute: look again and again, so that an order does not wait for the next one.
        $until = time() + 50;
        if (!B24Bridge\Settings::complete()) {
            fwrite(STDERR, "the settings are not complete: see the module's page of settings\n");
            exit(2);
        }
        do {
            $done = Bridge::send(max(1, $until - time()));
            if ($done['sent'] > 0 || $done['refused'] > 0 || $done['trouble'] !== null) {
                echo date('c') . ' ' . json_encode($done, JSON_UNESCAPED_UNICODE) . "\n";
            }
            sleep(2);
        } while (time() < $until);
        break;
    case 'status':
        $status = Bridge::spool()->status();
        $oldest = $status['oldest'] === null ? '-' : date('c', $status['oldest']);
        echo "waiting: {$status['waiting']}, oldest: $oldest, refused: {$status['refused']}, ";
        echo 'products to look at: ' . Bridge::catalogue()->due() . "\n";
        foreach ($status['words'] as $words) {
            echo "  $words\n";
        }
        $heard = Bridge::spool()->lastHeard();
        if ($heard !== null) {
            echo 'last answer: ' . date('c', $heard['at']) . " {$heard['status']}";
            echo " {$heard['words']}\n";
        }
        exit($status['refused'] > 0 ? 1 : 0);
    case 'retry':
        echo Bridge::spool()->retry() . " refused events will be sent again\n";
        break;
    case 'since':
        $moment = strtotime($argv[2] ?? '');
        if ($moment === false) {
            fwrite(STDERR, "since when? For example: php cli.php since 2026-01-01\n");
            exit(2);
        }
        Bridge::since($moment);
        echo 'Orders changed since ' . date('c', $moment) . " will be sent by the next runs\n";
        break;
    case 'products':
        Bridge::catalogue()->lookAtAll();
        echo "All products will be looked at; what is new is sent\n";
        break;
    default:
        fwrite(STDERR, "php cli.php send|status|retry|since DATE|products\n");
        exit(2);
}
