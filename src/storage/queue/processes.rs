//! The processes that work on this database, and which of them are alive.

use crate::storage::Error;
use sqlx::PgConnection;

/// Says that a process is alive for so many seconds, and by a fingerprint which lanes it knows;
/// none if it drives none. The others are told if that is news.
pub async fn attend(
    db: &mut PgConnection,
    owner: &str,
    lanes: Option<&str>,
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH known AS (
             SELECT FROM bridge.processes
             WHERE owner = $1 AND lanes IS NOT DISTINCT FROM $2 AND alive_until > now()),
         alive AS (
             INSERT INTO bridge.processes AS p (owner, lanes, alive_until)
             VALUES ($1, $2, now() + make_interval(secs => $3))
             ON CONFLICT (owner) DO UPDATE
             SET lanes = excluded.lanes, alive_until = excluded.alive_until,
                 joined_at = CASE WHEN EXISTS (SELECT FROM known) THEN p.joined_at ELSE now() END)
         SELECT pg_notify('bridge_lane', '*') WHERE NOT EXISTS (SELECT FROM known)",
        owner,
        lanes,
        seconds
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// The living processes that know just these lanes: the oldest first.
pub async fn sharing(db: &mut PgConnection, lanes: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT owner FROM bridge.processes WHERE lanes = $1 AND alive_until > now()
         ORDER BY joined_at, owner",
        lanes
    )
    .fetch_all(db)
    .await?)
}

/// A process ends: the others are told.
pub async fn leave(db: &mut PgConnection, owner: &str) -> Result<(), Error> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM bridge.processes WHERE owner = $1 RETURNING owner)
         SELECT pg_notify('bridge_lane', '*') FROM gone",
        owner
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// Removes those that have been dead for so many seconds.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.processes WHERE owner IN (
             SELECT owner FROM bridge.processes
             WHERE alive_until < now() - make_interval(secs => $1)
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
