<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * What waits to be sent: rows in the shop's own database, written in the transaction that changes
 * the order.
 *
 * An event leaves only when the bridge said that it has it. One that the bridge refused stays, with
 * the bridge's words, until somebody retries it; it holds up nothing. What was sent is kept for a
 * while, so that an event made twice is sent once.
 */
final class Spool
{
    private const KEEP = 30 * 86400;
    /** Within so many seconds the same contents of a form are a double click. */
    private const SAME = 300;

    private Database $db;

    public function __construct(Database $db)
    {
        $this->db = $db;
    }

    /** Makes what is not there yet; an older installation's tables get the columns they lack. */
    public function install(): void
    {
        $mysql = $this->db->kind() === 'mysql';
        $key = [
            'mysql' => 'BIGINT AUTO_INCREMENT PRIMARY KEY',
            'pgsql' => 'BIGSERIAL PRIMARY KEY',
        ];
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
                refused $text NULL,
                form VARCHAR(190) NULL
            )$tail"
        );
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_state (
                name VARCHAR(190) NOT NULL PRIMARY KEY,
                value BIGINT NOT NULL,
                words $text NULL
            )$tail"
        );
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_seen (
                id VARCHAR(190) NOT NULL PRIMARY KEY,
                seen_at BIGINT NOT NULL
            )$tail"
        );
        $this->db->execute(
            "CREATE TABLE IF NOT EXISTS b24bridge_products (
                id VARCHAR(100) NOT NULL PRIMARY KEY,
                marks BIGINT NOT NULL,
                told BIGINT NOT NULL,
                tried BIGINT NOT NULL,
                hash VARCHAR(64) NULL
            )$tail"
        );
        $this->column('b24bridge_spool', 'form', 'VARCHAR(190)');
        $this->column('b24bridge_state', 'words', $text);
    }

    private function column(string $table, string $name, string $type): void
    {
        if (!in_array($name, $this->db->columns($table), true)) {
            $this->db->execute("ALTER TABLE $table ADD COLUMN $name $type NULL");
        }
    }

    /** Takes the tables away, with whatever waits in them. */
    public function drop(): void
    {
        foreach (['spool', 'state', 'seen', 'products'] as $table) {
            $this->db->execute("DROP TABLE IF EXISTS b24bridge_$table");
        }
    }

    /**
     * @param array<string, mixed> $event
     * @return bool whether it is new
     */
    public function add(array $event, int $now): bool
    {
        return $this->insert('b24bridge_spool', ['event_id', 'body', 'created_at'], [
            self::key((string) $event['id']),
            Json::ascii($event),
            $now,
        ]);
    }

    /**
     * What a visitor has written into a form of the site.
     *
     * @param string $form the form's name in the settings, which know the address
     * @param list<array{0: string, 1: string}> $fields names and values, in UTF-8
     * @return bool whether it is new: the same contents within five minutes are a double click
     */
    public function addForm(string $form, array $fields, int $now): bool
    {
        $contents = substr(hash('sha256', Json::text([$form, $fields])), 0, 40);
        $since = $this->db->select(
            'SELECT id FROM b24bridge_spool WHERE event_id LIKE ? AND created_at > ?',
            ["form-$contents-%", $now - self::SAME]
        );
        if ($since !== []) {
            return false;
        }
        // Two processes that did not see each other's row make the same id.
        $id = "form-$contents-" . intdiv($now, self::SAME);
        $fields[] = ['tranid', $id];
        return $this->insert('b24bridge_spool', ['event_id', 'body', 'created_at', 'form'], [
            $id,
            Json::ascii($fields),
            $now,
            $form,
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
            'SELECT id, body FROM b24bridge_spool
            WHERE sent_at IS NULL AND refused IS NULL AND form IS NULL
            ORDER BY id LIMIT ' . $most
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

    /**
     * The oldest submissions of forms that wait.
     *
     * @return list<array{id: int, form: string, fields: list<array{0: string, 1: string}>}>
     */
    public function waitingForms(int $most): array
    {
        $rows = $this->db->select(
            'SELECT id, form, body FROM b24bridge_spool
            WHERE sent_at IS NULL AND refused IS NULL AND form IS NOT NULL
            ORDER BY id LIMIT ' . $most
        );
        return array_map(static function (array $row): array {
            $fields = json_decode((string) $row['body'], true);
            return [
                'id' => (int) $row['id'],
                'form' => (string) $row['form'],
                'fields' => is_array($fields) ? $fields : [],
            ];
        }, $rows);
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
        return $this->db->execute(
            'UPDATE b24bridge_spool SET refused = NULL
            WHERE refused IS NOT NULL AND sent_at IS NULL'
        );
    }

    /** @return array{waiting: int, oldest: ?int, refused: int, words: list<string>} */
    public function status(): array
    {
        $waiting = $this->db->select(
            'SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM b24bridge_spool
            WHERE sent_at IS NULL AND refused IS NULL'
        )[0];
        $refused = $this->db->select(
            'SELECT event_id, form, refused FROM b24bridge_spool
            WHERE sent_at IS NULL AND refused IS NOT NULL ORDER BY id LIMIT 100'
        );
        return [
            'waiting' => (int) $waiting['n'],
            'oldest' => $waiting['oldest'] === null ? null : (int) $waiting['oldest'],
            'refused' => count($refused),
            'words' => array_map(static function (array $row): string {
                $said = json_decode((string) $row['refused'], true);
                $words = is_array($said) ? Json::text($said) : (string) $row['refused'];
                return ($row['form'] ?? $row['event_id']) . ': ' . $words;
            }, $refused),
        ];
    }

    public function prune(int $now): void
    {
        $old = [$now - self::KEEP];
        $this->db->execute('DELETE FROM b24bridge_spool WHERE sent_at < ?', $old);
        $this->db->execute('DELETE FROM b24bridge_seen WHERE seen_at < ?', $old);
    }

    public function state(string $name): int
    {
        $sql = 'SELECT value FROM b24bridge_state WHERE name = ?';
        $rows = $this->db->select($sql, [$name]);
        return $rows === [] ? 0 : (int) $rows[0]['value'];
    }

    /** @return list<string> the names of states that begin so, without the beginning */
    public function statesOf(string $beginning): array
    {
        $sql = 'SELECT name FROM b24bridge_state WHERE name LIKE ? ORDER BY name';
        $names = array_column($this->db->select($sql, ["$beginning%"]), 'name');
        return array_map(
            static fn ($name): string => substr((string) $name, strlen($beginning)),
            $names
        );
    }

    public function setState(string $name, int $value): void
    {
        $this->insert('b24bridge_state', ['name', 'value'], [$name, 0]);
        $sql = 'UPDATE b24bridge_state SET value = ? WHERE name = ?';
        $this->db->execute($sql, [$value, $name]);
    }

    /** What the bridge said last: 0 where nobody answered. */
    public function heard(int $status, string $words, int $now): void
    {
        $this->note('answer', $status, $words, $now);
    }

    /** @return array{at: int, status: int, words: string}|null null if it was never asked */
    public function lastHeard(): ?array
    {
        return $this->noted('answer');
    }

    /** What went wrong in the shop itself, for its administrator to read. */
    public function trouble(string $words, int $now): void
    {
        $this->note('trouble', 0, $words, $now);
    }

    /** @return array{at: int, status: int, words: string}|null null if nothing ever did */
    public function lastTrouble(): ?array
    {
        return $this->noted('trouble');
    }

    private function note(string $name, int $status, string $words, int $now): void
    {
        $this->insert('b24bridge_state', ['name', 'value'], [$name, 0]);
        $this->db->execute(
            'UPDATE b24bridge_state SET value = ?, words = ? WHERE name = ?',
            [$now, Json::ascii([$status, mb_substr($words, 0, 300, 'UTF-8')]), $name]
        );
    }

    /** @return array{at: int, status: int, words: string}|null */
    private function noted(string $name): ?array
    {
        $sql = 'SELECT value, words FROM b24bridge_state WHERE name = ?';
        $row = $this->db->select($sql, [$name])[0] ?? null;
        $said = $row === null ? null : json_decode((string) $row['words'], true);
        if (!is_array($said) || count($said) !== 2) {
            return null;
        }
        $answer = ['status' => (int) $said[0], 'words' => (string) $said[1]];
        return ['at' => (int) $row['value']] + $answer;
    }

    /** Whether this process alone sends until `$until`. */
    public function lock(int $now, int $until): bool
    {
        $this->insert('b24bridge_state', ['name', 'value'], ['lock', 0]);
        $sql = "UPDATE b24bridge_state SET value = ? WHERE name = 'lock' AND value < ?";
        return $this->db->execute($sql, [$until, $now]) === 1;
    }

    public function unlock(): void
    {
        $this->setState('lock', 0);
    }

    public function knows(string $id): bool
    {
        $sql = 'SELECT id FROM b24bridge_seen WHERE id = ?';
        return $this->db->select($sql, [self::key($id)]) !== [];
    }

    public function remember(string $id, int $now): void
    {
        $this->insert('b24bridge_seen', ['id', 'seen_at'], [self::key($id), $now]);
    }

    /** In ASCII: what is compared in a connection's own charset would not be comparable. */
    private static function key(string $id): string
    {
        $plain = strlen($id) <= 190 && preg_match('/^[\x20-\x7e]*$/D', $id) === 1;
        return $plain ? $id : hash('sha256', $id);
    }

    /**
     * @param list<string> $columns
     * @param list<int|string|null> $values
     */
    private function insert(string $table, array $columns, array $values): bool
    {
        $marks = implode(', ', array_fill(0, count($columns), '?'));
        $into = "INTO $table (" . implode(', ', $columns) . ") VALUES ($marks)";
        $mysql = $this->db->kind() === 'mysql';
        $sql = $mysql ? "INSERT IGNORE $into" : "INSERT $into ON CONFLICT DO NOTHING";
        return $this->db->execute($sql, $values) === 1;
    }
}
