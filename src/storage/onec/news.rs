//! News for a base: orders of its shops that changed since it was given them are taken up.

use crate::storage::Error;
use sqlx::PgConnection;

/// A part of the outbox that was looked through.
#[derive(Debug, Clone)]
pub struct LookedRow {
    /// The last event of it; none: there was none.
    pub last: Option<i64>,
    /// The last event before which everything is surely there.
    pub settled: Option<i64>,
}

/// Takes up orders of which events came after `after`: at most `limit` events are looked through.
/// An event is surely there once it is older than transactions can be.
///
/// Events of the last minutes are looked at by every query. Most are taken up by then: these are
/// told by their ids alone, and not looked up by their orders' names.
pub async fn take_up(
    db: &mut PgConnection,
    base: &str,
    shops: &[String],
    after: i64,
    limit: i64,
) -> Result<LookedRow, Error> {
    Ok(sqlx::query_as!(
        LookedRow,
        r#"WITH looked AS MATERIALIZED (
               SELECT id, shop, number, received_at FROM bridge.outbox WHERE id > $3 ORDER BY id
                 LIMIT $4),
           mine AS (SELECT l.shop, l.number, max(l.id) AS newest FROM looked l
                    WHERE l.shop = ANY($2)
                      AND NOT EXISTS (SELECT FROM bridge.onec_orders k
                                      WHERE k.head = l.id AND k.base = $1 AND k.shop = l.shop
                                        AND k.number = l.number OFFSET 0)
                    GROUP BY l.shop, l.number),
           news AS MATERIALIZED (
               SELECT m.shop, m.number FROM mine m
               LEFT JOIN bridge.onec_orders k
                   ON k.base = $1 AND k.shop = m.shop AND k.number = m.number
               WHERE k.head IS NULL OR k.head < m.newest),
           heads AS (SELECT o.shop, o.number, o.head_id FROM news JOIN bridge.orders o
             USING (shop, number)
                     WHERE o.head_id IS NOT NULL ORDER BY o.shop, o.number),
           taken AS (
               INSERT INTO bridge.onec_orders AS k (base, shop, number, head)
               SELECT $1, shop, number, head_id FROM heads
               ON CONFLICT (base, shop, number) DO UPDATE
               SET head = excluded.head, waits = true, held_by = NULL, held_code = NULL,
                   held_why = NULL,
                   waits_since = CASE WHEN k.waits THEN k.waits_since ELSE now() END
               WHERE k.head < excluded.head)
           SELECT max(id) AS last,
                  max(id) FILTER (WHERE id < (SELECT coalesce(min(id), 9223372036854775807)
                    FROM looked
                                              WHERE received_at >= now() - interval '5 minutes')) AS
                                                settled
           FROM looked"#,
        base,
        shops,
        after,
        limit
    )
    .fetch_one(db)
    .await?)
}

/// Takes up orders whose status counts differently since, with no new snapshot of the shop: the
/// portal or 1C is right, or the shop has refused to follow. Those of which the base has that
/// status are let be, unless they may be on their way to it with another.
pub async fn take_up_statuses(
    db: &mut PgConnection,
    base: &str,
    shops: &[String],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "WITH news AS (DELETE FROM bridge.onec_news WHERE shop = ANY($2) RETURNING shop, number),
         named AS (SELECT DISTINCT shop, number FROM news),
         locked AS MATERIALIZED (
             SELECT k.shop, k.number FROM bridge.onec_orders k JOIN named USING (shop, number)
             WHERE k.base = $1 ORDER BY k.shop, k.number FOR UPDATE OF k)
         UPDATE bridge.onec_orders k
         SET waits = true, resends = k.resends + 1,
             held_by = NULL, held_code = NULL, held_why = NULL,
             waits_since = CASE WHEN k.waits THEN k.waits_since ELSE now() END
         FROM locked l JOIN bridge.orders o USING (shop, number)
         LEFT JOIN bridge.agreements a USING (shop, number)
         WHERE k.base = $1 AND k.shop = l.shop AND k.number = l.number
           AND (k.waits OR k.agreed IS DISTINCT FROM
                 coalesce(a.agreed #>> '{told,-1,status}', o.said ->> 'status'))",
        base,
        shops
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what shops without a base would have to tell one; how many.
pub async fn prune_news(db: &mut PgConnection, but_of: &[String]) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_news WHERE at < now() - interval '1 day' AND shop <> ALL($1)",
        but_of
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Held orders wait again where another filter holds than held them back.
pub async fn release(db: &mut PgConnection, base: &str, filter: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_orders SET waits = true, held_by = NULL, held_code = NULL,
         held_why = NULL
         WHERE base = $1 AND (held_by < $2 OR held_by > $2)",
        base,
        filter
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
