//! The portals' own record of their deals' stages, as far as it was read.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A row of a portal's stage history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its id: grows over the whole portal.
    pub id: i64,
    /// The id of the deal that was moved.
    pub deal_id: i64,
    /// The funnel it went to.
    pub funnel: i64,
    /// The stage it went to.
    pub stage: String,
    /// `TYPE_ID` of `crm.stagehistory.list`: 1 made, 2 moved on, 3 moved to a final stage, 5 moved
    /// to another funnel.
    pub kind: i16,
    /// When, by the portal's clock.
    pub moved_at: DateTime<Utc>,
}

/// How far a portal's history was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryPosition {
    /// The row above which it is to be read; none before the first time.
    pub history_id: Option<i64>,
    /// Seconds since the newest row that is known was seen; none if none is.
    pub quiet: Option<f64>,
}

/// How far a portal's history was read, and how long nothing moved there.
pub async fn position(db: &mut PgConnection, portal: &str) -> Result<HistoryPosition, Error> {
    Ok(sqlx::query_as!(
        HistoryPosition,
        r#"SELECT (SELECT history_id FROM bridge.cursors WHERE portal = $1),
                  (SELECT extract(epoch FROM now() - seen_at)::float8 FROM bridge.moves
                   WHERE portal = $1 ORDER BY id DESC LIMIT 1) AS quiet"#,
        portal
    )
    .fetch_one(db)
    .await?)
}

/// Stores how far the history was read: to the newest row that is older than `settled` seconds, so
/// that a row with a lower id that is committed late is still read. `newest` is the newest id that
/// was seen, for a portal that is read for the first time.
pub async fn advance(
    db: &mut PgConnection,
    portal: &str,
    newest: i64,
    settled: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.cursors AS c (portal, history_id) VALUES ($1, $2)
         ON CONFLICT (portal) DO UPDATE
         SET read_at = now(),
             history_id = greatest(c.history_id, coalesce(
                 (SELECT max(m.id) FROM bridge.moves m
                  WHERE m.portal = $1 AND m.id > c.history_id
                    AND m.seen_at < now() - make_interval(secs => $3)), 0))",
        portal,
        newest,
        settled
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores rows; returns those that were not there before.
pub async fn insert(
    db: &mut PgConnection,
    portal: &str,
    moves: &[Move],
) -> Result<Vec<Move>, Error> {
    let ids: Vec<i64> = moves.iter().map(|m| m.id).collect();
    let deals: Vec<i64> = moves.iter().map(|m| m.deal_id).collect();
    let funnels: Vec<i64> = moves.iter().map(|m| m.funnel).collect();
    let stages: Vec<String> = moves.iter().map(|m| m.stage.clone()).collect();
    let kinds: Vec<i16> = moves.iter().map(|m| m.kind).collect();
    let times: Vec<DateTime<Utc>> = moves.iter().map(|m| m.moved_at).collect();
    Ok(sqlx::query_as!(
        Move,
        "INSERT INTO bridge.moves (portal, id, deal_id, funnel, stage, kind, moved_at)
         SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::text[],
           $6::smallint[], $7::timestamptz[])
         ON CONFLICT (portal, id) DO NOTHING
         RETURNING id, deal_id, funnel, stage, kind, moved_at",
        portal,
        &ids,
        &deals,
        &funnels,
        &stages,
        &kinds,
        &times
    )
    .fetch_all(db)
    .await?)
}

/// What is known of these deals' moves above these rows, by growing id.
pub async fn above(
    db: &mut PgConnection,
    portal: &str,
    deals: &[i64],
    above: &[i64],
) -> Result<Vec<Move>, Error> {
    Ok(sqlx::query_as!(
        Move,
        "SELECT m.id, m.deal_id, m.funnel, m.stage, m.kind, m.moved_at
         FROM UNNEST($2::bigint[], $3::bigint[]) AS k (deal, above)
         JOIN bridge.moves m ON m.portal = $1 AND m.deal_id = k.deal AND m.id > k.above
         ORDER BY m.id",
        portal,
        deals,
        above
    )
    .fetch_all(db)
    .await?)
}

/// Puts the orders of these moves on the list of comparisons, unless the deal came to where it was
/// known to be; returns how many.
pub async fn ask_moved(db: &mut PgConnection, portal: &str, moves: &[Move]) -> Result<u64, Error> {
    let deals: Vec<i64> = moves.iter().map(|m| m.deal_id).collect();
    let funnels: Vec<i64> = moves.iter().map(|m| m.funnel).collect();
    let stages: Vec<String> = moves.iter().map(|m| m.stage.clone()).collect();
    let done = sqlx::query!(
        "INSERT INTO bridge.comparisons AS c (shop, number, portal, why)
         SELECT DISTINCT o.shop, o.number, o.portal, 'history'
         FROM UNNEST($2::bigint[], $3::bigint[], $4::text[]) AS k (deal, funnel, stage)
         JOIN bridge.orders o ON o.portal = $1 AND o.deal_id = k.deal
         LEFT JOIN bridge.agreements a ON a.shop = o.shop AND a.number = o.number
         WHERE a.agreed IS NULL OR a.agreed -> 'stage' ->> 'id' <> k.stage
            OR (a.agreed -> 'stage' ->> 'funnel')::bigint <> k.funnel
         ORDER BY o.shop, o.number
         ON CONFLICT (shop, number) DO UPDATE SET asked = c.asked + 1,
         due_at = least(c.due_at, now()), why = excluded.why",
        portal,
        &deals,
        &funnels,
        &stages
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Puts orders whose deal is known to have moved away from where it was made on the list: (shop,
/// number, deal, stage).
pub async fn ask_made(
    db: &mut PgConnection,
    portal: &str,
    (shops, numbers): (&[String], &[String]),
    deals: &[i64],
    stages: &[String],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.comparisons AS c (shop, number, portal, why)
         SELECT DISTINCT k.shop, k.number, $1, 'history'
         FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[]) AS k
           (shop, number, deal, stage)
         JOIN bridge.moves m ON m.portal = $1 AND m.deal_id = k.deal AND m.stage <> k.stage
         ON CONFLICT (shop, number) DO UPDATE SET asked = c.asked + 1,
         due_at = least(c.due_at, now()), why = excluded.why",
        portal,
        shops,
        numbers,
        deals,
        stages
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The next orders of the slow walk over all deals of a portal: makes them due for comparison;
/// returns how many.
pub async fn sweep(db: &mut PgConnection, portal: &str, limit: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "WITH at AS (SELECT sweep_shop, sweep_number FROM bridge.cursors WHERE portal = $1),
              next AS (SELECT o.shop, o.number FROM bridge.orders o, at
                       WHERE o.portal = $1 AND o.deal_id IS NOT NULL
                         AND (o.shop, o.number) > (at.sweep_shop, at.sweep_number)
                       ORDER BY o.shop, o.number LIMIT $2 FOR UPDATE OF o),
              last AS (SELECT shop, number FROM next ORDER BY shop DESC, number DESC LIMIT 1),
              moved AS (UPDATE bridge.cursors c
                        SET sweep_shop = coalesce((SELECT shop FROM last), ''),
                            sweep_number = coalesce((SELECT number FROM last), '')
                        WHERE c.portal = $1)
         INSERT INTO bridge.comparisons AS c (shop, number, portal, why)
         SELECT shop, number, $1, 'reconcile' FROM next ORDER BY shop, number
         ON CONFLICT (shop, number) DO NOTHING",
        portal,
        limit
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes rows that were read longer ago than this many seconds, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.moves m USING (
             SELECT portal, id FROM bridge.moves WHERE seen_at < now() - make_interval(secs => $1)
               ORDER BY seen_at LIMIT $2) o
         WHERE m.portal = o.portal AND m.id = o.id",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
