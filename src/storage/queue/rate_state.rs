//! The state of portals' request buckets, as one owner of a lane tells the next.
//!
//! What an owner tells when it gives the lane back is written by `lanes::release_free`.

use super::lanes::LeaseTerm;
use crate::storage::Error;
use sqlx::PgConnection;

/// Seconds until all that earlier owners sent has left the bucket, by lane. From now on the bucket
/// counts as full, for as long as it drains: what this owner sends is not known to others if it
/// dies. Left out is what another has by now.
pub async fn take_over(
    db: &mut PgConnection,
    terms: &[LeaseTerm],
) -> Result<Vec<(String, f64)>, Error> {
    let lanes: Vec<String> = terms.iter().map(|term| term.lease.portal.clone()).collect();
    let owners: Vec<String> = terms.iter().map(|term| term.lease.owner.clone()).collect();
    let epochs: Vec<i64> = terms.iter().map(|term| term.lease.epoch).collect();
    let drains: Vec<f64> = terms.iter().map(|term| term.drains).collect();
    let taken = sqlx::query!(
        r#"UPDATE bridge.lanes l SET limit_until =
             greatest(l.limit_until, now() + make_interval(secs => held.drains))
           FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[])
             AS held (portal, owner, epoch, drains)
           JOIN bridge.lanes old USING (portal, owner, epoch)
           WHERE l.portal = held.portal AND l.owner = held.owner AND l.epoch = held.epoch
           RETURNING l.portal,
             greatest(extract(epoch FROM old.limit_until - now()), 0)::float8 AS "left!""#,
        &lanes,
        &owners,
        &epochs,
        &drains
    )
    .fetch_all(db)
    .await?;
    Ok(taken
        .into_iter()
        .map(|row| (row.portal, row.left))
        .collect())
}
