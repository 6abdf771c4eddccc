//! Orders that are brought to an HTTP service of a base.

use super::offers::{Offer, SentRow};
use crate::{
    domain::OrderKey,
    storage::{Error, PushState},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Locks those of these orders of a base that still wait, until the transaction ends. Only a look
/// after it is sure to see what others have put on record of them.
pub async fn lock(
    db: &mut PgConnection,
    base: &str,
    (shops, numbers): (&[String], &[String]),
) -> Result<Vec<OrderKey>, Error> {
    Ok(sqlx::query_as!(
        OrderKey,
        "SELECT k.shop, k.number FROM bridge.onec_orders k
         JOIN UNNEST($2::text[], $3::text[]) AS n (shop, number) USING (shop, number)
         WHERE k.base = $1 AND k.waits ORDER BY k.shop, k.number FOR UPDATE OF k",
        base,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// Those of these orders that are on their way to the base.
pub async fn under_way(
    db: &mut PgConnection,
    base: &str,
    (shops, numbers): (&[String], &[String]),
) -> Result<Vec<OrderKey>, Error> {
    Ok(sqlx::query_as!(
        OrderKey,
        "SELECT p.shop, p.number FROM bridge.onec_pushes p
         JOIN UNNEST($2::text[], $3::text[]) AS n (shop, number) USING (shop, number)
         WHERE p.base = $1 AND p.state = 'sending' AND p.due_at > now()",
        base,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// Whether an order may be pushed to the base now.
pub async fn may_go(db: &mut PgConnection, base: &str, order: &OrderKey) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.onec_pushable
                          WHERE base = $1 AND shop = $2 AND number = $3) AS "may!""#,
        base,
        order.shop,
        order.number
    )
    .fetch_one(db)
    .await?)
}

/// An order that is about to be sent.
#[derive(Debug, Clone)]
pub struct BegunRow {
    /// Tries of this version before.
    pub attempts: i32,
    /// When it is sent.
    pub begun_at: DateTime<Utc>,
}

/// Puts on record that an order is about to be sent; for so many seconds it may still arrive.
pub async fn begin(
    db: &mut PgConnection,
    base: &str,
    offer: &Offer,
    seconds: f64,
) -> Result<BegunRow, Error> {
    Ok(sqlx::query_as!(
        BegunRow,
        "INSERT INTO bridge.onec_pushes AS p
             (base, shop, number, head, version, status, resends, state, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'sending', now() + make_interval(secs => $8))
         ON CONFLICT (base, shop, number) DO UPDATE
         SET attempts = CASE WHEN p.head = excluded.head AND p.resends = excluded.resends
                        THEN p.attempts ELSE 0 END,
             head = excluded.head, version = excluded.version, status = excluded.status,
             resends = excluded.resends, state = excluded.state, begun_at = now(),
             due_at = excluded.due_at
         RETURNING attempts, begun_at",
        base,
        offer.shop,
        offer.number,
        offer.head,
        offer.version,
        offer.status,
        offer.resends,
        seconds
    )
    .fetch_one(db)
    .await?)
}

/// It is known that the base does not have an order by this push: it is sent again after so many
/// seconds. `judged`: the service failed at this very order.
pub async fn again(
    db: &mut PgConnection,
    base: &str,
    order: &OrderKey,
    (seconds, judged): (f64, bool),
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_pushes
         SET state = 'waiting', due_at = now() + make_interval(secs => $4),
             attempts = attempts + CASE WHEN $5 THEN 1 ELSE 0 END
         WHERE base = $1 AND shop = $2 AND number = $3 AND state = 'sending'",
        base,
        order.shop,
        order.number,
        seconds,
        judged
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The base does not take this version of an order: it is not pushed again.
pub async fn refused(db: &mut PgConnection, base: &str, order: &OrderKey) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_pushes SET state = 'refused', attempts = attempts + 1, due_at = now()
         WHERE base = $1 AND shop = $2 AND number = $3 AND state = 'sending'",
        base,
        order.shop,
        order.number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Has a refused order pushed again; false: none is refused.
pub async fn revive(db: &mut PgConnection, base: &str, order: &OrderKey) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_pushes SET state = 'waiting', attempts = 0, due_at = now()
         WHERE base = $1 AND shop = $2 AND number = $3 AND state = 'refused'",
        base,
        order.shop,
        order.number
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The base has these orders: what was under way of them, or refused, is over, and so are the
/// letters about it.
pub async fn over(db: &mut PgConnection, base: &str, sent: &[SentRow]) -> Result<(), Error> {
    let shops: Vec<&str> = sent.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = sent.iter().map(|one| &*one.number).collect();
    let heads: Vec<i64> = sent.iter().map(|one| one.head).collect();
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM bridge.onec_pushes p
             USING UNNEST($2::text[], $3::text[], $4::bigint[]) AS n (shop, number, head)
             WHERE p.base = $1 AND p.shop = n.shop AND p.number = n.number AND p.head <= n.head
             RETURNING p.shop, p.number)
         UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'the base has the order by now'
         FROM gone g
         WHERE d.about = 'push' AND d.closed_at IS NULL AND d.shop = g.shop
           AND d.number = g.number AND d.payload ->> 'base' = $1",
        base,
        &shops as &[&str],
        &numbers as &[&str],
        &heads
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Seconds until an order is to be sent again.
pub async fn next_due(db: &mut PgConnection, base: &str) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM min(p.due_at) - now())::float8 AS "seconds"
           FROM bridge.onec_pushes p JOIN bridge.onec_orders k USING (base, shop, number)
           WHERE p.base = $1 AND p.state <> 'refused' AND p.due_at > now() AND k.waits"#,
        base
    )
    .fetch_one(db)
    .await?)
}

/// How many orders did not arrive at a base.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountRow {
    /// On their way, or in doubt.
    pub sending: i64,
    /// To be sent again.
    pub waiting: i64,
    /// How many orders the base does not take.
    pub refused: i64,
}

/// How many orders did not arrive at a base.
pub async fn count(db: &mut PgConnection, base: &str) -> Result<CountRow, Error> {
    let rows = sqlx::query!(
        r#"SELECT state AS "state: PushState", count(*) AS "count!"
           FROM bridge.onec_pushes WHERE base = $1 GROUP BY state"#,
        base
    )
    .fetch_all(db)
    .await?;
    let mut all = CountRow::default();
    for row in rows {
        match row.state {
            PushState::Sending => all.sending = row.count,
            PushState::Waiting => all.waiting = row.count,
            PushState::Refused => all.refused = row.count,
        }
    }
    Ok(all)
}
