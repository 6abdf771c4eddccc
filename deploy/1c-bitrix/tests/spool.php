<?php

declare(strict_types=1);

// php tests/spool.php: the spool and its sender, and what PHP they need.

namespace B24Bridge\Tests;

use B24Bridge\Sender;
use B24Bridge\Snapshot;
use B24Bridge\Spool;

require_once __DIR__ . '/support.php';
require_once __DIR__ . '/check.php';

check([
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
        $sent = array_map(
            static fn (array $event): string => $event['data']['status'],
            json_decode($bridge->posted[3], true)
        );
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
        $results = [
            ['result' => 'duplicate'],
            ['result' => 'invalid', 'faults' => [['pointer' => '/data/total']]],
            ['result' => 'queued']
        ];
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
        same(
            [0, 'gone: ', 'unknown: '],
            [$spool->status()['waiting'], substr($words[0], 0, 6), substr($words[1], 0, 9)]
        );
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
        same(
            [1, 'the bridge answered 0: no such host'],
            array_values(array_diff_key($sender->run(10), ['refused' => 0]))
        );
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
            'A-1-x',
            $body
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
        same(
            [1000, 502, true],
            [$heard['at'], $heard['status'], strpos($heard['words'], 'плохо') !== false]
        );
        $spool->setState('pause_until', 0);
        (new Sender($spool, $bridge, static fn (): int => 2000))->run(10);
        same(['at' => 2000, 'status' => 202, 'words' => ''], $spool->lastHeard());
    },
    'what shops install runs on PHP 7.4, too' => function (): void {
        $folders = [
            dirname(__DIR__) . '/b24.bridge',
            dirname(__DIR__, 2) . '/woocommerce/b24-bridge'
        ];
        $newer = ['T_MATCH', 'T_NULLSAFE_OBJECT_OPERATOR', 'T_ATTRIBUTE', 'T_READONLY', 'T_ENUM'];
        $shapes = [
            'a function of PHP 8' =>
                '/\b(str_contains|str_(starts|ends)_with|array_is_list|' .
                'get_debug_type|array_find|mb_trim)\s*\(/',
            'a type of PHP 8' => '/[(,:]\s*\??(mixed|static|never)\s*([{;$)]|\||$)/m',
            'a union' => '/\w\s*\|\s*\w+\s+(&|\.\.\.)?\$\w|\)\s*:\s*\w+\s*\|/',
            'a property made by a parameter' => '/[(,]\s*(public|private|protected)\s+/',
            'a caught exception without a name' => '/catch\s*\([^$)]*\)/',
            'a comma behind the last parameter' => '/\$\w+,\s*\)\s*(:\s*\??\w+\s*)?\{/',
            'a named argument' => '/[(,]\s*[a-z]\w*:\s(?!:)/'
        ];
        $seen = 0;
        foreach ($folders as $folder) {
            $all = new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($folder));
            foreach ($all as $file) {
                if ($file->getExtension() !== 'php') {
                    continue;
                }
                $code = '';
                foreach (
                    token_get_all((string) file_get_contents($file->getPathname()))
                    as $token
                ) {
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
    'two processes do not send at once, and a dead one holds no lock for ever' => function () {
        $spool = spool();
        same(true, $spool->lock(100, 200));
        same(false, $spool->lock(150, 250));
        same(true, $spool->lock(201, 300));
    }
]);
