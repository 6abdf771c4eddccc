<?php

declare(strict_types=1);

// php tests/send.php SPOOL STATUS…: an order in these states goes into the spool (an SQLite file), and what waits there to BRIDGE_URL.

namespace B24Bridge\Tests;

use B24Bridge\Http;
use B24Bridge\Sender;
use B24Bridge\Snapshot;
use B24Bridge\Spool;

require_once __DIR__ . '/support.php';

$spool = new Spool(new Sqlite($argv[1]));
$spool->install();
foreach (array_slice($argv, 2) as $at => $status) {
    $spool->add(Snapshot::saved(order(['STATUS_ID' => $status, 'VERSION' => $at + 1]), 'https://shop.example'), time());
}
$spool->setState('pause_until', 0);
$done = (new Sender($spool, new Http((string) getenv('BRIDGE_URL'), (string) getenv('BRIDGE_KEY'))))->run(10);
echo Snapshot::json($done + $spool->status()), "\n";
