<?php

declare(strict_types=1);

namespace B24Bridge;

/** The site's own connection. Every site has tables of its own, by its prefix. */
final class WpDatabase implements Database
{
    public function kind(): string
    {
        return 'mysql';
    }

    public function execute(string $sql, array $values = []): int
    {
        global $wpdb;
        $quiet = $wpdb->suppress_errors(true);
        try {
            $changed = $wpdb->query($this->filled($sql, $values));
        } finally {
            $wpdb->suppress_errors($quiet);
        }
        // WordPress says what failed by an answer that is easily overlooked.
        if ($changed === false) {
            throw new \RuntimeException('the database: ' . $wpdb->last_error);
        }
        return (int) $changed;
    }

    public function select(string $sql, array $values = []): array
    {
        global $wpdb;
        $quiet = $wpdb->suppress_errors(true);
        try {
            $rows = $wpdb->get_results($this->filled($sql, $values), 'ARRAY_A');
        } finally {
            $wpdb->suppress_errors($quiet);
        }
        if (!is_array($rows) || $wpdb->last_error !== '') {
            throw new \RuntimeException('the database: ' . $wpdb->last_error);
        }
        return array_values($rows);
    }

    public function columns(string $table): array
    {
        return array_map(
            static fn (array $row): string => strtolower((string) array_values($row)[0]),
            $this->select("SHOW COLUMNS FROM $table")
        );
    }

    /** @param list<int|string|null> $values */
    private function filled(string $sql, array $values): string
    {
        global $wpdb;
        $own = str_replace('b24bridge_', $wpdb->prefix . 'b24bridge_', $sql);
        $parts = explode('?', $own);
        $text = (string) array_shift($parts);
        foreach ($parts as $at => $part) {
            $value = $values[$at];
            if ($value === null) {
                $text .= 'NULL';
            } else {
                $text .= is_int($value) ? (string) $value : $wpdb->prepare('%s', $value);
            }
            $text .= $part;
        }
        return $text;
    }
}
