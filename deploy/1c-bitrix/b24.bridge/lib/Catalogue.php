<?php

declare(strict_types=1);

namespace B24Bridge;

/** The shop's products, read one by one. */
interface Products
{
    /**
     * The product as it is now, as the bridge takes it, without `version`; null: it is gone.
     *
     * @return array<string, mixed>|null
     */
    public function product(string $id): ?array;

    /**
     * What is in the catalogue behind one id, in the order of ids: products and variations.
     *
     * @param ?int $since only what was changed since this moment
     * @return array<int, ?string> the products that they are or belong to; null: none
     */
    public function after(int $last, int $most, ?int $since): array;
}

/**
 * Which products the bridge has still to hear of.
 *
 * A change is only marked, by one small write in the change's own transaction: the product is read
 * when it is sent. So an import that saves a product five times, before its prices and after them,
 * sends it once, and whole. What is as it was told is not sent again.
 */
final class Catalogue
{
    public const SAVED = 'shop.product.saved.v1';
    public const DELETED = 'shop.product.deleted.v1';

    /** After so many seconds a product that could not be read is tried again. */
    private const AGAIN = 600;
    /** How often changes are looked for of which no event came, and how far back, in seconds. */
    private const SEARCH = 3600;
    private const OVERLAP = 600;
    private const PAGE = 200;

    private Database $db;
    private Spool $spool;

    public function __construct(Database $db, Spool $spool)
    {
        $this->db = $db;
        $this->spool = $spool;
    }

    /** Something of the product has changed, or it is gone. */
    public function mark(string $id, int $now): void
    {
        $sql = 'UPDATE b24bridge_products SET marks = marks + 1, tried = 0 WHERE id = ?';
        if ($this->db->execute($sql, [$id]) > 0) {
            return;
        }
        // Marks are the product's versions: they begin with the time, so that those of tables that
        // were dropped and made again are newer.
        $into = 'INTO b24bridge_products (id, marks, told, tried) VALUES (?, ?, 0, 0)';
        $mysql = $this->db->kind() === 'mysql';
        $insert = $mysql ? "INSERT IGNORE $into" : "INSERT $into ON CONFLICT DO NOTHING";
        if ($this->db->execute($insert, [$id, $now]) === 0) {
            $this->db->execute($sql, [$id]);
        }
    }

    /** From now on every product is looked at, also those that are gone unheard. */
    public function lookAtAll(): void
    {
        $this->db->execute('UPDATE b24bridge_products SET marks = marks + 1, tried = 0');
        $this->spool->setState('search_since', 0);
        $this->spool->setState('search_at', 1);
    }

    /** Whether the catalogue is being gone through. */
    public function searches(): bool
    {
        return $this->spool->state('search_at') > 0;
    }

    /**
     * Goes on through the catalogue, a few pages at a time, and marks what is there: all of it when
     * somebody asked for it, and each hour what was changed since the last time.
     */
    public function search(Products $shop, int $now, int $pages): void
    {
        $at = $this->spool->state('search_at');
        if ($at === 0) {
            $last = $this->spool->state('searched');
            if ($now - $last < self::SEARCH) {
                return;
            }
            $this->spool->setState('searched', $now);
            if ($last === 0) {
                return;
            }
            $this->spool->setState('search_since', $last - self::OVERLAP);
            $at = 1;
        }
        $since = $this->spool->state('search_since');
        for (; $pages > 0 && $at > 0; $pages--) {
            $page = $shop->after($at - 1, self::PAGE, $since === 0 ? null : $since);
            foreach ($page as $id => $product) {
                $at = $id + 1;
                if ($product !== null) {
                    $this->mark($product, $now);
                }
            }
            $at = count($page) < self::PAGE ? 0 : $at;
            $this->spool->setState('search_at', $at);
        }
    }

    /** How many products are marked and not told. */
    public function due(): int
    {
        $sql = 'SELECT COUNT(*) AS n FROM b24bridge_products WHERE told < marks';
        return (int) $this->db->select($sql)[0]['n'];
    }

    /**
     * Puts marked products into the spool, at most so many; one that cannot be read holds up no
     * other.
     *
     * @param callable(string, \Throwable): void $broken hears of a product that cannot be read
     * @return int how many were looked at
     */
    public function spool(
        Products $shop,
        string $source,
        int $now,
        int $most,
        callable $broken
    ): int {
        $rows = $this->db->select(
            'SELECT id, marks, hash FROM b24bridge_products
            WHERE told < marks AND tried < ? ORDER BY marks LIMIT ' . $most,
            [$now - self::AGAIN]
        );
        foreach ($rows as $row) {
            $id = (string) $row['id'];
            $marks = (int) $row['marks'];
            try {
                $hash = $this->tell($shop, $source, $id, $marks, (string) $row['hash'], $now);
                $sql = 'UPDATE b24bridge_products SET told = ?, hash = ? WHERE id = ?';
                $this->db->execute($sql, [$marks, $hash, $id]);
            } catch (\Throwable $error) {
                $broken($id, $error);
                $sql = 'UPDATE b24bridge_products SET tried = ? WHERE id = ?';
                $this->db->execute($sql, [$now, $id]);
            }
        }
        return count($rows);
    }

    /** @return string the hash of what the bridge is told by now */
    private function tell(
        Products $shop,
        string $source,
        string $id,
        int $version,
        string $told,
        int $now
    ): string {
        $data = $shop->product($id);
        $hash = $data === null ? 'gone' : hash('sha256', Json::text($data));
        if ($hash !== $told) {
            $this->spool->add([
                'specversion' => '1.0',
                'type' => $data === null ? self::DELETED : self::SAVED,
                'source' => $source,
                'id' => "product-$id-$version-" . substr($hash, 0, 12),
                'datacontenttype' => 'application/json',
                'data' => ($data ?? []) + ['id' => $id, 'version' => $version],
            ], $now);
        }
        return $hash;
    }
}
