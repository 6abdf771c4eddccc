//! Claiming due changes, and the time of the next.

use super::ChangeRow;
use crate::{
    domain::OrderKey,
    storage::{Error, MessageSource, queue::lanes::Lease},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Which due changes are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// Orders whose message is on its way.
    pub without: &'a [String],
    /// Those that were never sent go before those that failed.
    pub fresh_first: bool,
    /// At most so many.
    pub limit: i64,
}

/// The due changes of a shop, the oldest of each order; none unless the lease is held.
pub async fn due(
    db: &mut PgConnection,
    lease: &Lease,
    wanted: &Wanted<'_>,
) -> Result<Vec<ChangeRow>, Error> {
    let first = if wanted.fresh_first {
        first_fresh(db, wanted).await?
    } else {
        first_due(db, wanted).await?
    };
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT c.shop, c.seq, c.message_id, c.portal, c.number, c.decision_id, c.status,
                  c.previous_status, c.stage, c.reason, c.decided_at, c.attempts,
                  c.first_sent_at, c.denies, c.source AS "source: MessageSource",
                  c.first_sent_at IS NULL AS "open!"
           FROM UNNEST($1::bigint[]) WITH ORDINALITY AS n (seq, place)
           JOIN bridge.status_changes c ON c.shop = $2 AND c.seq = n.seq
           WHERE c.state = 'waiting'
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $3 AND l.owner = $4 AND l.epoch = $5
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY n.place"#,
        &first,
        wanted.shop,
        lease.portal,
        lease.owner,
        lease.epoch
    )
    .fetch_all(db)
    .await?)
}

/// Which changes are due, the oldest first. `OFFSET 0` has each row looked up by the index on its
/// order: as a join, this takes the square of what waits wherever statistics say that nothing does.
async fn first_due(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT c.seq FROM bridge.status_changes c
         WHERE c.shop = $1 AND c.state = 'waiting' AND c.due_at <= now() AND c.number <> ALL($2)
           AND NOT EXISTS (SELECT FROM bridge.status_changes e
                           WHERE e.shop = c.shop AND e.number = c.number
                             AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
         ORDER BY c.due_at LIMIT $3",
        wanted.shop,
        wanted.without,
        wanted.limit
    )
    .fetch_all(db)
    .await?)
}

/// The same, where those that were never sent go first.
async fn first_fresh(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT c.seq FROM bridge.status_changes c
         WHERE c.shop = $1 AND c.state = 'waiting' AND c.due_at <= now() AND c.number <> ALL($2)
           AND NOT EXISTS (SELECT FROM bridge.status_changes e
                           WHERE e.shop = c.shop AND e.number = c.number
                             AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
         ORDER BY c.first_sent_at IS NOT NULL, c.due_at, c.seq LIMIT $3",
        wanted.shop,
        wanted.without,
        wanted.limit
    )
    .fetch_all(db)
    .await?)
}

/// Seconds until the next change of a shop is due that has none of its order before it; none if
/// none waits.
pub async fn next_due(
    db: &mut PgConnection,
    shop: &str,
    without: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM c.due_at - now())::float8 AS "seconds!"
           FROM bridge.status_changes c
           WHERE c.shop = $1 AND c.state = 'waiting' AND c.number <> ALL($2)
             AND NOT EXISTS (SELECT FROM bridge.status_changes e
                             WHERE e.shop = c.shop AND e.number = c.number
                               AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
           ORDER BY c.due_at LIMIT 1"#,
        shop,
        without
    )
    .fetch_optional(db)
    .await?)
}

/// Whether the shop took a message of another order since a time: whoever answers is there.
pub async fn taken_since(
    db: &mut PgConnection,
    order: &OrderKey,
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.status_changes
                          WHERE shop = $1 AND number <> $2 AND state = 'delivered'
                            AND settled_at >= $3) AS "taken!""#,
        order.shop,
        order.number,
        since
    )
    .fetch_one(db)
    .await?)
}
