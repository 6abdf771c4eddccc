//! Notifications of portals: raw, and only a hint.

use crate::storage::{Error, InboxState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A notification on its way in.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The portal whose token it carried.
    pub portal: String,
    /// The event, in upper case.
    pub event: String,
    /// The deal it names.
    pub deal_id: Option<i64>,
    /// What was sent, without auth, as JSON text.
    pub body: String,
    /// When the portal sent it, by its own clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// Whether the bridge acts on it, or has.
    pub state: InboxState,
}

/// Stores notifications: one statement, committed by itself.
pub async fn insert(db: &mut PgConnection, all: &[&Notification]) -> Result<(), Error> {
    let portals: Vec<&str> = all.iter().map(|one| &*one.portal).collect();
    let events: Vec<&str> = all.iter().map(|one| &*one.event).collect();
    let deals: Vec<Option<i64>> = all.iter().map(|one| one.deal_id).collect();
    let bodies: Vec<&str> = all.iter().map(|one| &*one.body).collect();
    let times: Vec<Option<DateTime<Utc>>> = all.iter().map(|one| one.sent_at).collect();
    let states: Vec<&str> = all.iter().map(|one| one.state.as_str()).collect();
    sqlx::query!(
        "INSERT INTO bridge.inbox (portal, event, deal_id, body, sent_at, state)
         SELECT portal, event, deal_id, body::jsonb, sent_at, state
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[],
           $6::text[])
              AS n (portal, event, deal_id, body, sent_at, state)",
        &portals as &[&str],
        &events as &[&str],
        &deals as &[Option<i64>],
        &bodies as &[&str],
        &times as &[Option<DateTime<Utc>>],
        &states as &[&str]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes up the oldest new notifications of a portal, at most `limit`: how many, and the deals they
/// name, each once.
pub async fn take(
    db: &mut PgConnection,
    portal: &str,
    limit: i64,
) -> Result<(i64, Vec<i64>), Error> {
    let taken = sqlx::query!(
        r#"WITH taken AS (
               UPDATE bridge.inbox SET state = 'done'
               WHERE id IN (SELECT id FROM bridge.inbox WHERE portal = $1 AND state = 'new'
                 ORDER BY id LIMIT $2)
               RETURNING deal_id)
           SELECT count(*) AS "count!", coalesce(array_agg(DISTINCT deal_id) FILTER
             (WHERE deal_id IS NOT NULL), '{}') AS "deals!"
           FROM taken"#,
        portal,
        limit
    )
    .fetch_one(db)
    .await?;
    Ok((taken.count, taken.deals))
}

/// Takes up the oldest new notification of a portal, whatever it holds.
pub async fn take_next(db: &mut PgConnection, portal: &str) -> Result<Option<Notification>, Error> {
    Ok(sqlx::query_as!(
        Notification,
        r#"UPDATE bridge.inbox SET state = 'done'
           WHERE id = (SELECT id FROM bridge.inbox WHERE portal = $1 AND state = 'new' ORDER BY id
             LIMIT 1)
           RETURNING portal, event, deal_id, body::text AS "body!", sent_at,
             state AS "state: InboxState""#,
        portal
    )
    .fetch_optional(db)
    .await?)
}

/// Removes notifications that were dealt with longer ago than this many seconds, at most `batch`,
/// the oldest first.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.inbox i USING (SELECT id, received_at FROM bridge.inbox ORDER BY id
           LIMIT $2) o
         WHERE i.id = o.id AND o.received_at < now() - make_interval(secs => $1)
           AND i.state <> 'new'",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// When the portal last told of something.
pub async fn last(
    db: &mut PgConnection,
    portal: &str,
) -> Result<Option<chrono::DateTime<chrono::Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT received_at FROM bridge.inbox WHERE portal = $1 ORDER BY id DESC LIMIT 1",
        portal
    )
    .fetch_optional(db)
    .await?)
}
