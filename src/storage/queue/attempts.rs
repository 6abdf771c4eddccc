//! Tries that the portal judged and refused, one by one.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A refused try on its way in.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// The id of the event in the outbox.
    pub event: i64,
    /// Which try of the event it was, counted from 1.
    pub nth: i32,
    /// The fault's code, as in the runbook.
    pub code: String,
    /// The portal's own words.
    pub message: String,
}

/// Adds tries that the portal refused, for people to look at.
pub async fn add(db: &mut PgConnection, new: &[NewAttempt]) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = new.iter().map(|one| one.event).collect();
    let nths: Vec<_> = new.iter().map(|one| one.nth).collect();
    let codes: Vec<_> = new.iter().map(|one| one.code.clone()).collect();
    let messages: Vec<_> = new.iter().map(|one| one.message.clone()).collect();
    sqlx::query!(
        "INSERT INTO bridge.attempts (outbox_id, nth, code, message)
         SELECT * FROM UNNEST($1::bigint[], $2::int[], $3::text[], $4::text[])",
        &events,
        &nths,
        &codes,
        &messages
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A try that the portal refused, as it is shown.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// When it was refused.
    pub at: DateTime<Utc>,
    /// Which try of the event it was, counted from 1.
    pub nth: i32,
    /// The fault's code, as in the runbook.
    pub code: String,
    /// The portal's own words.
    pub message: String,
}

/// The newest refused tries of an event, oldest first.
pub async fn of_event(
    db: &mut PgConnection,
    event: i64,
    limit: i64,
) -> Result<Vec<AttemptRow>, Error> {
    let mut rows = sqlx::query_as!(
        AttemptRow,
        "SELECT at, nth, code, message FROM bridge.attempts WHERE outbox_id = $1 ORDER BY id DESC
           LIMIT $2",
        event,
        limit
    )
    .fetch_all(db)
    .await?;
    rows.reverse();
    Ok(rows)
}

/// Removes tries older than this many seconds, at most `batch`, the oldest first; never those of an
/// open letter.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.attempts a USING (SELECT id, at, outbox_id FROM bridge.attempts
           ORDER BY id LIMIT $2) o
         WHERE a.id = o.id AND o.at < now() - make_interval(secs => $1)
           AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.outbox_id = o.outbox_id
             AND d.closed_at IS NULL)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
