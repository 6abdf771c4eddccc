//! The feed that a shop reads, instead of being called.

use super::ChangeRow;
use crate::storage::{Error, MessageSource};
use sqlx::PgConnection;

/// Puts a waiting change at the end of its shop's feed.
pub async fn renumber(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "WITH next AS (UPDATE bridge.feeds SET last_seq = last_seq + 1 WHERE shop = $1
           RETURNING last_seq)
         UPDATE bridge.status_changes SET seq = next.last_seq FROM next WHERE shop = $1 AND seq = $2
           AND state = 'waiting'",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest number that the shop was given by the feed.
pub async fn given(db: &mut PgConnection, shop: &str) -> Result<i64, Error> {
    let given = sqlx::query_scalar!("SELECT given_seq FROM bridge.feeds WHERE shop = $1", shop)
        .fetch_optional(db)
        .await?;
    Ok(given.unwrap_or(0))
}

/// The shop is given this number.
pub async fn give(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.feeds SET given_seq = greatest(given_seq, $2) WHERE shop = $1",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A shop's changes above a number, in order; those that were dropped are left out.
pub async fn feed(
    db: &mut PgConnection,
    shop: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source AS "source: MessageSource",
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes WHERE shop = $1 AND seq > $2 AND state <> 'dropped' ORDER BY seq
           LIMIT $3"#,
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The changes of a shop up to a number that were handed out and not told otherwise, the dead
/// ones, too: the shop has read them.
pub async fn read_up_to(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source AS "source: MessageSource",
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes
         WHERE shop = $1 AND seq <= $2 AND (state = 'waiting' OR state = 'dead')
           AND first_sent_at IS NOT NULL
         ORDER BY seq LIMIT $3"#,
        shop,
        seq,
        limit
    )
    .fetch_all(db)
    .await?)
}
