//! The state of portals' request buckets, as one owner of a lane tells the next.

use super::lanes::Lease;
use crate::storage::Error;
use sqlx::PgConnection;

/// Seconds until all that earlier owners sent has left the bucket. From now on the bucket counts as
/// full, for `drains` seconds: what this owner sends is not known to others if it dies.
pub async fn take_over(db: &mut PgConnection, lease: &Lease, drains: f64) -> Result<f64, Error> {
    let left = sqlx::query_scalar!(
        r#"UPDATE bridge.lanes l SET limit_until =
             greatest(l.limit_until, now() + make_interval(secs => $4))
           FROM bridge.lanes old
           WHERE old.portal = l.portal AND l.portal = $1 AND l.owner = $2 AND l.epoch = $3
           RETURNING greatest(extract(epoch FROM old.limit_until - now()), 0)::float8 AS "left!""#,
        lease.portal,
        lease.owner,
        lease.epoch,
        drains
    )
    .fetch_optional(db)
    .await?;
    left.ok_or(Error::LeaseLost)
}

/// Tells the next owner that the bucket is empty in so many seconds.
pub async fn hand_over(db: &mut PgConnection, lease: &Lease, seconds: f64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.lanes SET limit_until = now() + make_interval(secs => $4)
         WHERE portal = $1 AND owner = $2 AND epoch = $3",
        lease.portal,
        lease.owner,
        lease.epoch,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}
