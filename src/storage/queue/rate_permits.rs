//! Places in a portal's request limit for those who do not own its lane.

use super::lanes::Lease;
use crate::storage::Error;
use sqlx::PgConnection;

/// How a portal's request bucket drains: one request in `period` seconds, a full one in `drains`.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Seconds until one request has left it.
    pub period: f64,
    /// Seconds until a full one is empty.
    pub drains: f64,
}

/// Takes a place while nobody owns the lane; false if somebody does, or the bucket is full.
pub async fn take(db: &mut PgConnection, portal: &str, bucket: Bucket) -> Result<bool, Error> {
    let taken = sqlx::query_scalar!(
        r#"INSERT INTO bridge.lanes AS l (portal, limit_until)
             VALUES ($1, now() + make_interval(secs => $2))
           ON CONFLICT (portal) DO UPDATE SET limit_until = greatest(l.limit_until, now()) +
             make_interval(secs => $2)
           WHERE (l.owner IS NULL OR l.lease_until <= now())
             AND greatest(l.limit_until, now()) + make_interval(secs => $2) <= now() +
             make_interval(secs => $3)
           RETURNING true AS "taken!""#,
        portal,
        bucket.period,
        bucket.drains
    )
    .fetch_optional(db)
    .await?;
    Ok(taken.is_some())
}

/// Asks the lane's owner for a place.
pub async fn ask(db: &mut PgConnection, portal: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH asked AS (INSERT INTO bridge.permits (portal) VALUES ($1) RETURNING id, portal)
           SELECT id AS "id!" FROM asked, LATERAL (SELECT pg_notify('bridge_permit', portal)) AS
             told"#,
        portal
    )
    .fetch_one(db)
    .await?)
}

/// Takes a granted place away: whether it was granted within the last `fresh` seconds. None if it
/// is not granted yet.
pub async fn granted(db: &mut PgConnection, id: i64, fresh: f64) -> Result<Option<bool>, Error> {
    Ok(sqlx::query_scalar!(
        r#"DELETE FROM bridge.permits WHERE id = $1 AND granted_at IS NOT NULL
           RETURNING granted_at > clock_timestamp() - make_interval(secs => $2) AS "fresh!""#,
        id,
        fresh
    )
    .fetch_optional(db)
    .await?)
}

/// Takes a request for a permit back, granted or not.
pub async fn withdraw(db: &mut PgConnection, id: i64) -> Result<(), Error> {
    sqlx::query!("DELETE FROM bridge.permits WHERE id = $1", id)
        .execute(db)
        .await?;
    Ok(())
}

/// The place that was asked for first; who asked longer ago than `patience` seconds is gone.
pub async fn next(
    db: &mut PgConnection,
    portal: &str,
    patience: f64,
) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM bridge.permits
         WHERE portal = $1 AND granted_at IS NULL AND asked_at > now() - make_interval(secs => $2)
         ORDER BY id LIMIT 1",
        portal,
        patience
    )
    .fetch_optional(db)
    .await?)
}

/// Grants a place that was counted so many seconds ago; nothing happens without the lease.
pub async fn grant(db: &mut PgConnection, lease: &Lease, id: i64, ago: f64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.permits SET granted_at = clock_timestamp() - make_interval(secs => $5)
         WHERE id = $1 AND EXISTS (SELECT FROM bridge.lanes WHERE portal = $2 AND owner = $3
           AND epoch = $4 AND lease_until > now())",
        id,
        lease.portal,
        lease.owner,
        lease.epoch,
        ago
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes what nobody came back for.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.permits WHERE id IN (
             SELECT id FROM bridge.permits WHERE asked_at < now() - make_interval(secs => $1)
               ORDER BY id LIMIT $2
             FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
