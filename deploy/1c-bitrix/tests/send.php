<?php

declare(strict_types=1);

// php tests/send.php SPOOL WHAT…: puts it into the spool, an SQLite file, and sends what waits
// there to BRIDGE_URL. A status stands for an order in that state, `product` for a product,
// `form:ADDRESS` for a submission of that form, and `again` for the loss of all answers to forms.

namespace B24Bridge\Tests;

use B24Bridge\Catalogue;
use B24Bridge\Http;
use B24Bridge\Products;
use B24Bridge\Sender;
use B24Bridge\Snapshot;
use B24Bridge\Spool;

require_once __DIR__ . '/support.php';

/** A shop of one product. */
final class OneProduct implements Products
{
    public function after(int $last, int $most, ?int $since): array
    {
        return $last < 17 ? [17 => '17'] : [];
    }

    public function product(string $id): ?array
    {
        return [
            'id' => $id, 'sku' => 'T-1', 'name' => 'Футболка', 'section' => ['Одежда', 'Футболки'],
            'prices' => [['price' => '990.5', 'currency' => 'RUB']], 'vat' => '20', 'unit' => '796',
            'vat_included' => true, 'active' => true,
            'variations' => [['id' => '18', 'name' => 'Футболка M', 'active' => true]],
        ];
    }
}

$db = new Sqlite($argv[1]);
$spool = new Spool($db);
$spool->install();
$forms = [];
foreach (array_slice($argv, 2) as $at => $what) {
    if ($what === 'product') {
        $catalogue = new Catalogue($db, $spool);
        $catalogue->mark('17', time());
        $broken = static function (string $id, \Throwable $error): void {
            throw $error;
        };
        $catalogue->spool(new OneProduct(), 'https://shop.example', time(), 10, $broken);
    } elseif ($what === 'again') {
        $db->execute('UPDATE b24bridge_spool SET sent_at = NULL WHERE form IS NOT NULL');
    } elseif (strncmp($what, 'form:', 5) === 0) {
        $forms['call'] = substr($what, 5);
        $spool->addForm('call', [['Имя', 'Анна'], ['Телефон', '+7 916 123-45-67']], time());
    } else {
        $order = order(['STATUS_ID' => $what, 'VERSION' => $at + 1]);
        $spool->add(Snapshot::saved($order, 'https://shop.example'), time());
    }
}
$events = array_map(
    static fn (array $row): array => json_decode($row['body'], true),
    $spool->waiting(100, 1000000)
);
$spool->setState('pause_until', 0);
$bridge = new Http((string) getenv('BRIDGE_URL'), (string) getenv('BRIDGE_KEY'));
$done = (new Sender($spool, $bridge, null, $forms))->run(10);
echo Snapshot::json($done + $spool->status() + ['events' => $events]), "\n";
