//! What each shop is told: sent to its callback, or read from the feed.
//!
//! A shop's changes are numbered under a lock of its row in `feeds`, so numbers are committed in their order: a reader that has seen
//! one never has to look below it again.

use super::{Error, lanes::Lease};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A change on its way in.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// The shop.
    pub shop: String,
    /// The order.
    pub number: String,
    /// The decision that made it.
    pub decision: i64,
    /// The new status.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous: String,
    /// The deal's stage.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// Stores changes, numbered; all of one portal.
pub async fn add(db: &mut PgConnection, portal: &str, changes: &[NewChange]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = |get: fn(&NewChange) -> &String| changes.iter().map(|c| get(c).clone()).collect();
    let shops: Vec<String> = column(|c| &c.shop);
    let numbers: Vec<String> = column(|c| &c.number);
    let statuses: Vec<String> = column(|c| &c.status);
    let previous: Vec<String> = column(|c| &c.previous);
    let stages: Vec<String> = column(|c| &c.stage);
    let reasons: Vec<String> = column(|c| &c.reason);
    let decisions: Vec<i64> = changes.iter().map(|c| c.decision).collect();
    let times: Vec<DateTime<Utc>> = changes.iter().map(|c| c.decided_at).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT *, row_number() OVER (PARTITION BY shop ORDER BY decision) AS nth
             FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
                  AS n (shop, number, decision, status, previous, stage, reason, decided_at)),
         counted AS (
             INSERT INTO bridge.feeds AS f (shop, last_seq) SELECT shop, count(*) FROM new GROUP BY shop ORDER BY shop
             ON CONFLICT (shop) DO UPDATE SET last_seq = f.last_seq + excluded.last_seq
             RETURNING f.shop, f.last_seq)
         INSERT INTO bridge.status_changes
                (shop, seq, portal, number, decision_id, status, previous_status, stage, reason, decided_at)
         SELECT n.shop, c.last_seq - (SELECT count(*) FROM new m WHERE m.shop = n.shop) + n.nth, $1, n.number, n.decision, n.status,
                n.previous, n.stage, n.reason, n.decided_at
         FROM new n JOIN counted c USING (shop)",
        portal,
        &shops,
        &numbers,
        &decisions,
        &statuses,
        &previous,
        &stages,
        &reasons,
        &times
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops the waiting changes of an order except those decided at these times, and closes the letters of dead ones.
pub async fn drop_except(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    awaited: &[DateTime<Utc>],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
         WHERE shop = $1 AND number = $2 AND state = 'waiting' AND decided_at <> ALL($3)",
        shop,
        number,
        awaited
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge', reason = 'the sides agree on something else by now'
         FROM bridge.status_changes c
         WHERE d.shop = $1 AND d.number = $2 AND d.closed_at IS NULL AND c.shop = d.shop AND c.seq = d.change_seq
           AND c.decided_at <> ALL($3)",
        shop,
        number,
        awaited
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A change that is to be sent, or was.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// The shop.
    pub shop: String,
    /// Its number.
    pub seq: i64,
    /// The portal it comes from.
    pub portal: String,
    /// The order.
    pub number: String,
    /// The decision that made it.
    pub decision_id: i64,
    /// The new status.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous_status: String,
    /// The deal's stage.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Tries that the shop judged.
    pub attempts: i32,
    /// When it was first sent.
    pub first_sent_at: Option<DateTime<Utc>>,
}

/// The due changes of a shop, the oldest of each order; none unless the lease is held. They are marked as sent.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    shop: &str,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"WITH due AS (
               SELECT c.shop, c.seq FROM bridge.status_changes c
               WHERE c.shop = $1 AND c.state = 'waiting' AND c.due_at <= now()
                 AND NOT EXISTS (SELECT FROM bridge.status_changes e
                                 WHERE e.shop = c.shop AND e.number = c.number AND e.state = 'waiting' AND e.seq < c.seq)
                 AND EXISTS (SELECT FROM bridge.lanes l
                             WHERE l.portal = $2 AND l.owner = $3 AND l.epoch = $4 AND l.lease_until > now() AND l.paused_at IS NULL)
               ORDER BY c.due_at, c.seq LIMIT $5)
           UPDATE bridge.status_changes c SET first_sent_at = coalesce(c.first_sent_at, clock_timestamp())
           FROM due WHERE c.shop = due.shop AND c.seq = due.seq
           RETURNING c.shop, c.seq, c.portal, c.number, c.decision_id, c.status, c.previous_status, c.stage, c.reason, c.decided_at,
                     c.attempts, c.first_sent_at"#,
        shop,
        lease.portal,
        lease.owner,
        lease.epoch,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Seconds until the next change of a shop is due; none if none waits.
pub async fn next_due(db: &mut PgConnection, shop: &str) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM due_at - now())::float8 AS "seconds!"
           FROM bridge.status_changes WHERE shop = $1 AND state = 'waiting' ORDER BY due_at LIMIT 1"#,
        shop
    )
    .fetch_optional(db)
    .await?)
}

/// Settles a waiting change as `delivered`, `dropped` or `dead`; false if it is settled already.
pub async fn settle(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    state: &str,
    attempts: i32,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes SET state = $3, settled_at = now(), attempts = $4
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        state,
        attempts
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a waiting change off.
pub async fn put_off(
    db: &mut PgConnection,
    (shop, seq): (&str, i64),
    attempts: i32,
    (code, message): (&str, &str),
    delay_secs: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes
         SET due_at = now() + make_interval(secs => $3), attempts = $4, error_code = $5, error_message = $6
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        delay_secs,
        attempts,
        code,
        message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the dead letter of a change that could not be told.
pub async fn bury(
    db: &mut PgConnection,
    change: &ChangeRow,
    (code, message): (&str, &str),
    attempts: i32,
    payload: &serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters (portal, shop, number, code, message, attempts, first_failed_at, payload, change_seq)
         VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9)",
        change.portal,
        change.shop,
        change.number,
        code,
        message,
        attempts,
        change.first_sent_at,
        payload,
        change.seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a dead change wait again, with all tries before it; false if a newer one of the order was delivered or waits.
pub async fn revive(db: &mut PgConnection, shop: &str, seq: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes c SET state = 'waiting', settled_at = NULL, attempts = 0, due_at = now()
         WHERE c.shop = $1 AND c.seq = $2 AND c.state = 'dead'
           AND NOT EXISTS (SELECT FROM bridge.status_changes n
                           WHERE n.shop = c.shop AND n.number = c.number AND n.seq > c.seq AND n.state <> 'dropped')",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A shop's changes above a number, in order; those that were dropped before anybody was told are left out.
pub async fn feed(
    db: &mut PgConnection,
    shop: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        "SELECT shop, seq, portal, number, decision_id, status, previous_status, stage, reason, decided_at, attempts, first_sent_at
         FROM bridge.status_changes WHERE shop = $1 AND seq > $2 AND state <> 'dropped' ORDER BY seq LIMIT $3",
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Marks waiting changes of these numbers as handed out by the feed.
pub async fn handed_out(db: &mut PgConnection, shop: &str, seqs: &[i64]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET first_sent_at = clock_timestamp()
         WHERE shop = $1 AND seq = ANY($2) AND state = 'waiting' AND first_sent_at IS NULL",
        shop,
        seqs
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The waiting changes of a shop up to a number that were handed out: the shop has read them.
pub async fn read_up_to(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        "SELECT shop, seq, portal, number, decision_id, status, previous_status, stage, reason, decided_at, attempts, first_sent_at
         FROM bridge.status_changes
         WHERE shop = $1 AND seq <= $2 AND state = 'waiting' AND first_sent_at IS NOT NULL ORDER BY seq LIMIT $3",
        shop,
        seq,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes settled changes older than this many seconds, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.status_changes c USING (
             SELECT shop, seq FROM bridge.status_changes WHERE settled_at < now() - make_interval(secs => $1)
             ORDER BY settled_at LIMIT $2) o
         WHERE c.shop = o.shop AND c.seq = o.seq",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
