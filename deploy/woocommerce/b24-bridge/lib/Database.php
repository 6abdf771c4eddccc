<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * The shop's database, as far as the spool needs it. `?` stands for a value: an int, a text, or
 * null.
 */
interface Database
{
    /** @param list<int|string|null> $values @return int rows changed */
    public function execute(string $sql, array $values = []): int;

    /**
     * @param list<int|string|null> $values
     * @return list<array<string, mixed>>
     */
    public function select(string $sql, array $values = []): array;

    /** @return list<string> a table's columns, in lower case; none if there is no such table */
    public function columns(string $table): array;

    /** `mysql`, `pgsql` or `sqlite`. */
    public function kind(): string;
}
