<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * What waits to be sent: rows in the shop's own database, written in the transaction that changes the order.
 *
 * An event leaves only when the bridge said that it has it. One that the bridge refused stays, with the bridge's words, until somebody
 * retries it; it holds up nothing. What was sent is kept for a while, so that an event made twice is sent once.
 */
final class Spool
{
    private const KEEP = 30 * 86400;

    private Database $db;

    public function __construct(Database $db)
    {
        $this->db = $db;
    }

    public function install(): void
    {
        $mysql = $this->db->kind() === 'mysql';
        $key = ['mysql' => 'BIGINT AUTO_INCREMENT PRIMARY KEY', 'pgsql' => 'BIGSERIAL PRIMARY KEY'];
        $id = $key[$this->db->kind()] ?? 'INTEGER PRIMARY KEY AUTOINCREMENT';
        $text = $mysql ? 'MEDIUMTEXT' : 'TEXT';
        // InnoDB: a row that is not part of the order's transaction would be no outbox.
        $tail = $mysql ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4' : '';
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_spool (
                id $id,
                event_id VARCHAR(190) NOT NULL UNIQUE,
                body $text NOT NULL,
                created_at BIGINT NOT NULL,
                sent_at BIGINT NULL,
                refused $text NULL
            )$tail"
        );
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_state (name VARCHAR(190) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)$tail"
        );
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_seen (id VARCHAR(190) NOT NULL PRIMARY KEY, seen_at BIGINT NOT NULL)$tail"
        );
    }

    /**
     * @param array<string, mixed> $event
     * @return bool whether it is new
     */
    public function add(array $event, int $now): bool
    {
        return $this->insert('b24bridge_spool', ['event_id', 'body', 'created_at'], [
            (string) $event['id'],
            Snapshot::json($event),
            $now,
        ]);
    }

    /**
     * The oldest events that wait, at most so many and so many bytes; always one if there is one.
     *
     * @return list<array{id: int, body: string}>
     */
    public function waiting(int $most, int $bytes): array
    {
        $rows = $this->db->select(
            'SELECT id, body FROM b24bridge_spool WHERE sent_at IS NULL AND refused IS NULL ORDER BY id LIMIT ' . $most
        );
        $batch = [];
        foreach ($rows as $row) {
            $bytes -= strlen((string) $row['body']);
            if ($bytes < 0 && $batch !== []) {
                break;
            }
            $batch[] = ['id' => (int) $row['id'], 'body' => (string) $row['body']];
        }
        return $batch;
    }

    public function sent(int $id, int $now): void
    {
        $this->db->execute('UPDATE b24bridge_spool SET sent_at = ? WHERE id = ?', [$now, $id]);
    }

    public function refused(int $id, string $why): void
    {
        $this->db->execute('UPDATE b24bridge_spool SET refused = ? WHERE id = ?', [$why, $id]);
    }

    /** @return int how many refused events will be sent again */
    public function retry(): int
    {
        return $this->db->execute('UPDATE b24bridge_spool SET refused = NULL WHERE refused IS NOT NULL AND sent_at IS NULL');
    }

    /** @return array{waiting: int, oldest: ?int, refused: int, words: list<string>} */
    public function status(): array
    {
        $waiting = $this->db->select(
            'SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM b24bridge_spool WHERE sent_at IS NULL AND refused IS NULL'
        )[0];
        $refused = $this->db->select(
            'SELECT event_id, refused FROM b24bridge_spool WHERE sent_at IS NULL AND refused IS NOT NULL ORDER BY id LIMIT 100'
        );
        return [
            'waiting' => (int) $waiting['n'],
            'oldest' => $waiting['oldest'] === null ? null : (int) $waiting['oldest'],
            'refused' => count($refused),
            'words' => array_map(static fn (array $row): string => $row['event_id'] . ': ' . $row['refused'], $refused),
        ];
    }

    public function prune(int $now): void
    {
        $this->db->execute('DELETE FROM b24bridge_spool WHERE sent_at < ?', [$now - self::KEEP]);
        $this->db->execute('DELETE FROM b24bridge_seen WHERE seen_at < ?', [$now - self::KEEP]);
    }

    public function state(string $name): int
    {
        $rows = $this->db->select('SELECT value FROM b24bridge_state WHERE name = ?', [$name]);
        return $rows === [] ? 0 : (int) $rows[0]['value'];
    }

    public function setState(string $name, int $value): void
    {
        $this->insert('b24bridge_state', ['name', 'value'], [$name, 0]);
        $this->db->execute('UPDATE b24bridge_state SET value = ? WHERE name = ?', [$value, $name]);
    }

    /** Whether this process alone sends until `$until`. */
    public function lock(int $now, int $until): bool
    {
        $this->insert('b24bridge_state', ['name', 'value'], ['lock', 0]);
        return $this->db->execute("UPDATE b24bridge_state SET value = ? WHERE name = 'lock' AND value < ?", [$until, $now]) === 1;
    }

    public function unlock(): void
    {
        $this->setState('lock', 0);
    }

    public function knows(string $id): bool
    {
        return $this->db->select('SELECT id FROM b24bridge_seen WHERE id = ?', [self::key($id)]) !== [];
    }

    public function remember(string $id, int $now): void
    {
        $this->insert('b24bridge_seen', ['id', 'seen_at'], [self::key($id), $now]);
    }

    private static function key(string $id): string
    {
        return strlen($id) <= 190 ? $id : hash('sha256', $id);
    }

    /**
     * @param list<string> $columns
     * @param list<int|string|null> $values
     */
    private function insert(string $table, array $columns, array $values): bool
    {
        $marks = implode(', ', array_fill(0, count($columns), '?'));
        $into = "INTO $table (" . implode(', ', $columns) . ") VALUES ($marks)";
        $sql = $this->db->kind() === 'mysql' ? "INSERT IGNORE $into" : "INSERT $into ON CONFLICT DO NOTHING";
        return $this->db->execute($sql, $values) === 1;
    }
}
