<?php

declare(strict_types=1);

namespace B24Bridge\Tests;

use B24Bridge\Database;
use B24Bridge\Refused;
use B24Bridge\Shop;
use B24Bridge\Spool;
use B24Bridge\Transport;

require_once dirname(__DIR__) . '/b24.bridge/autoload.php';

/** SQLite in place of the shop's database. */
final class Sqlite implements Database
{
    public \PDO $pdo;

    public function __construct(string $file = ':memory:')
    {
        $this->pdo = new \PDO('sqlite:' . $file, null, null, [
            \PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION
        ]);
    }

    public function kind(): string
    {
        return 'sqlite';
    }

    public function execute(string $sql, array $values = []): int
    {
        $statement = $this->pdo->prepare($sql);
        $statement->execute($values);
        return $statement->rowCount();
    }

    public function select(string $sql, array $values = []): array
    {
        $statement = $this->pdo->prepare($sql);
        $statement->execute($values);
        return array_values($statement->fetchAll(\PDO::FETCH_ASSOC));
    }

    public function columns(string $table): array
    {
        return array_column($this->select("PRAGMA table_info($table)"), 'name');
    }
}

/** A bridge that answers what it is told to; keeps what was posted. */
final class Answers implements Transport
{
    /** @var list<array{0: int, 1: string}> */
    public array $answers = [];
    /** @var list<string> */
    public array $posted = [];
    /** @var list<array{0: string, 1: string}> */
    public array $forms = [];
    /** @var list<array{0: int, 1: string}> */
    public array $formAnswers = [];

    public function form(string $address, string $body): array
    {
        $this->forms[] = [$address, $body];
        return array_shift($this->formAnswers) ?? [200, 'ok'];
    }

    public function post(string $body): array
    {
        $this->posted[] = $body;
        $next = array_shift($this->answers);
        if ($next !== null) {
            return $next;
        }
        $results = array_map(
            static fn (): array => ['result' => 'queued'],
            (array) json_decode($body, true)
        );
        return [202, (string) json_encode(['results' => $results])];
    }
}

/** A shop of one order. */
final class OneOrder implements Shop
{
    public string $status = 'N';
    public ?string $changedAt = '2026-01-15T10:00:00+03:00';
    public int $writes = 0;
    public bool $paid = false;
    public ?string $refusal = null;
    private Spool $spool;

    public function __construct(Spool $spool)
    {
        $this->spool = $spool;
    }

    public function order(string $number): ?array
    {
        $order = [
            'status' => $this->status,
            'status_changed_at' => $this->changedAt,
            'paid' => $this->paid,
            'paid_statuses' => ['P', 'F']
        ];
        return $number === 'A-1' ? $order : null;
    }

    public function snapshot(string $number): ?array
    {
        return \B24Bridge\Snapshot::data(
            order([
                'ACCOUNT_NUMBER' => $number,
                'STATUS_ID' => $this->status,
                'PAYED' => $this->paid ? 'Y' : 'N'
            ])
        );
    }

    public function setStatus(string $number, string $status, string $note): void
    {
        if ($this->refusal !== null) {
            throw new Refused($this->refusal);
        }
        $this->status = $status;
        $this->writes++;
    }

    public function knows(string $id): bool
    {
        return $this->spool->knows($id);
    }

    public function remember(string $id): void
    {
        $this->spool->remember($id, 1);
    }
}

/**
 * An order as the `sale` module gives it.
 *
 * @param array<string, mixed> $changes
 * @return array<string, mixed>
 */
function order(array $changes = []): array
{
    $at = static fn (string $text): \DateTimeImmutable => new \DateTimeImmutable($text);
    return array_merge(
        [
            'ID' => 5012,
            'ACCOUNT_NUMBER' => 'A-1',
            'VERSION' => 3,
            'LID' => 's1',
            'STATUS_ID' => 'N',
            'USER_ID' => '77',
            'DATE_STATUS' => $at('2026-01-15T10:00:00+03:00'),
            'DATE_INSERT' => $at('2026-01-15T09:59:00+03:00'),
            'DATE_UPDATE' => $at('2026-01-15T10:00:00+03:00'),
            'CURRENCY' => 'RUB',
            'PRICE' => 2570.1 + 0.2,
            'PRICE_DELIVERY' => '300.0000',
            'PAYED' => 'N',
            'DATE_PAYED' => null,
            'CANCELED' => 'N',
            'REASON_CANCELED' => '',
            'USER_DESCRIPTION' => "Позвоните <script>alert('x')</script> \xff",
            'basket' => [
                [
                    'PRODUCT_ID' => '135',
                    'PRODUCT_XML_ID' => 'xml-135',
                    'CATALOG_XML_ID' => 'catalogue-7',
                    'NAME' => 'Чайник',
                    'QUANTITY' => 1.0,
                    'PRICE' => 1990.3,
                    'DISCOUNT_PRICE' => '0.0000',
                    'VAT_RATE' => '0.2000',
                    'VAT_INCLUDED' => 'Y',
                    'MEASURE_CODE' => '796',
                    'MEASURE_NAME' => 'шт'
                ],
                [
                    'PRODUCT_ID' => 136,
                    'NAME' => 'Чай',
                    'QUANTITY' => '2.0000',
                    'PRICE' => '140.0000',
                    'DISCOUNT_PRICE' => 10,
                    'VAT_RATE' => null,
                    'VAT_INCLUDED' => 'N',
                    'MEASURE_NAME' => 'шт',
                    'ARTICLE' => 'TEA-2'
                ],
                ['PRODUCT_ID' => 137, 'NAME' => 'Ничего', 'QUANTITY' => 0, 'PRICE' => 5]
            ],
            'properties' => [
                ['CODE' => 'FIO', 'VALUE' => 'Петрова Анна Ивановна', 'IS_PAYER' => 'Y'],
                ['CODE' => 'EMAIL', 'VALUE' => 'anna@example.com', 'IS_EMAIL' => 'Y'],
                ['CODE' => 'PHONE', 'VALUE' => '8 (916) 123-45-67', 'IS_PHONE' => 'Y'],
                ['CODE' => 'ADDRESS', 'VALUE' => 'Москва, ул. Лесная, 5', 'IS_ADDRESS' => 'Y'],
                ['CODE' => 'promo', 'VALUE' => 'SPRING'],
                ['CODE' => 'INTERVALS', 'VALUE' => ['10-12', '12-14']]
            ],
            'shipments' => [['DELIVERY_NAME' => 'Курьер']],
            'payments' => [['PAY_SYSTEM_NAME' => 'Карта'], ['PAY_SYSTEM_NAME' => 'Карта']],
            'user' => [
                'NAME' => 'Анна',
                'LAST_NAME' => 'П.',
                'EMAIL' => 'anna@example.com',
                'PERSONAL_PHONE' => ''
            ]
        ],
        $changes
    );
}

function spool(): Spool
{
    $spool = new Spool(new Sqlite());
    $spool->install();
    return $spool;
}
