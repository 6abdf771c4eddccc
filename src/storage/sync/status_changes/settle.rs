//! Settling a change: sent, delivered, put off, given up, and tried again.

use super::ChangeRow;
use crate::{
    domain::OrderKey,
    storage::{Error, MessageState, Reason},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Marks waiting changes of these numbers as sent, or handed out by the feed.
pub async fn sent(
    db: &mut PgConnection,
    shop: &str,
    seqs: &[i64],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET first_sent_at = $3
         WHERE shop = $1 AND seq = ANY($2) AND state = 'waiting' AND first_sent_at IS NULL",
        shop,
        seqs,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Settles a waiting change; false if it is settled already.
pub async fn settle(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    state: MessageState,
    attempts: i32,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes SET state = $3, settled_at = now(), attempts = $4
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        state as MessageState,
        attempts
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What became of a change that the shop is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Whether it was not known before.
    pub first: bool,
    /// Letters that were closed: of this change, and of older ones of its order that had died.
    pub letters: Vec<i64>,
}

/// The shop has a change: dead ones of the order that were decided before it are not to be told
/// any more.
pub async fn deliver(
    db: &mut PgConnection,
    order: &OrderKey,
    seq: i64,
    attempts: i32,
) -> Result<Delivered, Error> {
    Ok(sqlx::query_as!(
        Delivered,
        r#"WITH told AS (
               UPDATE bridge.status_changes SET state = 'delivered', settled_at = now(),
               attempts = $4
               WHERE shop = $1 AND seq = $3 AND state IN ('waiting', 'dead') RETURNING seq),
           gone AS (
               UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
               WHERE shop = $1 AND number = $2 AND state = 'dead' AND seq < (SELECT seq FROM told)),
           closed AS (
               UPDATE bridge.dead_letters
               SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
                   reason = 'the shop was told something newer'
               WHERE shop = $1 AND number = $2 AND closed_at IS NULL
                 AND change_seq <= (SELECT seq FROM told)
               RETURNING id)
           SELECT EXISTS (SELECT FROM told) AS "first!", ARRAY(SELECT id FROM closed
             ORDER BY id) AS "letters!""#,
        order.shop,
        order.number,
        seq,
        attempts
    )
    .fetch_one(db)
    .await?)
}

/// Puts a waiting change off.
pub async fn put_off(
    db: &mut PgConnection,
    (shop, seq): (&str, i64),
    attempts: i32,
    reason: Reason<'_>,
    delay_secs: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes
         SET due_at = now() + make_interval(secs => $3), attempts = $4, error_code = $5,
             error_message = $6
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        delay_secs,
        attempts,
        reason.code.as_str(),
        reason.message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps a waiting change back for so many seconds.
pub async fn hold(
    db: &mut PgConnection,
    (shop, seq): (&str, i64),
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET due_at = now() + make_interval(secs => $3)
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the dead letter of a change that could not be told.
pub async fn dead_letter(
    db: &mut PgConnection,
    change: &ChangeRow,
    reason: Reason<'_>,
    attempts: i32,
    payload: &serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters (portal, shop, number, code, message, attempts,
           first_failed_at, payload, change_seq)
         VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9)",
        change.portal,
        change.shop,
        change.number,
        reason.code.as_str(),
        reason.message,
        attempts,
        change.first_sent_at,
        payload,
        change.seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops a dead change: something newer stands for it.
pub async fn drop_dead(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
         WHERE shop = $1 AND seq = $2 AND state = 'dead'",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a dead change wait again, with all tries before it; false if a newer one of the order
/// stands for it.
pub async fn revive(db: &mut PgConnection, shop: &str, seq: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes c SET state = 'waiting', settled_at = NULL, attempts = 0,
         due_at = now()
         WHERE c.shop = $1 AND c.seq = $2 AND c.state = 'dead'
           AND NOT EXISTS (SELECT FROM bridge.status_changes n
                           WHERE n.shop = c.shop AND n.number = c.number AND n.seq > c.seq
                             AND n.state <> 'dropped')",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes settled changes older than this many seconds, at most `batch`; never a dead one, which
/// is a difference until it is told, or dropped.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.status_changes c USING (
             SELECT shop, seq FROM bridge.status_changes
               WHERE settled_at < now() - make_interval(secs => $1)
               AND state <> 'dead' ORDER BY settled_at LIMIT $2) o
         WHERE c.shop = o.shop AND c.seq = o.seq",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
