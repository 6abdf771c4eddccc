<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Application;
use Bitrix\Main\DB\Connection;

/**
 * The site's own connection: what is written here is part of the transaction that the site has
 * open.
 */
final class BitrixDatabase implements Database
{
    private Connection $connection;

    public function __construct()
    {
        $this->connection = Application::getConnection();
    }

    public function kind(): string
    {
        return $this->connection->getType() === 'pgsql' ? 'pgsql' : 'mysql';
    }

    public function execute(string $sql, array $values = []): int
    {
        $this->connection->queryExecute($this->filled($sql, $values));
        return $this->connection->getAffectedRowsCount();
    }

    public function select(string $sql, array $values = []): array
    {
        return array_map(
            static fn (array $row): array => array_change_key_case($row, CASE_LOWER),
            $this->connection->query($this->filled($sql, $values))->fetchAll()
        );
    }

    public function columns(string $table): array
    {
        if (!$this->connection->isTableExists($table)) {
            return [];
        }
        $names = array_keys($this->connection->getTableFields($table));
        return array_map('strtolower', array_map('strval', $names));
    }

    /** @param list<int|string|null> $values */
    private function filled(string $sql, array $values): string
    {
        $helper = $this->connection->getSqlHelper();
        $parts = explode('?', $sql);
        $text = (string) array_shift($parts);
        foreach ($parts as $at => $part) {
            $value = $values[$at];
            if ($value === null) {
                $text .= 'NULL';
            } else {
                $text .= is_int($value) ? (string) $value : "'" . $helper->forSql($value) . "'";
            }
            $text .= $part;
        }
        return $text;
    }
}
