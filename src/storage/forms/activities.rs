//! Events that told of calls, mails and messages.

use crate::{
    domain::OrderKey,
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An event on its way in.
#[derive(Debug, Clone)]
pub struct NewActivity {
    /// The shop's name in the settings.
    pub shop: String,
    /// `source` of the event: with the id its identity.
    pub source: String,
    /// `id` of the event, unique within the source.
    pub event_id: String,
    /// `call`, `mail` or `message`.
    pub kind: &'static str,
    /// SHA-256 of the event.
    pub fingerprint: Vec<u8>,
}

/// Adds an event unless one with its identity came before. Its number; none for a repetition.
pub async fn add(db: &mut PgConnection, new: &NewActivity) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.activities (shop, source, event_id, kind, fingerprint)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
        new.shop,
        new.source,
        new.event_id,
        new.kind,
        new.fingerprint
    )
    .fetch_optional(db)
    .await?)
}

/// Whether the event that came before under this identity was the same.
pub async fn is_same(db: &mut PgConnection, new: &NewActivity) -> Result<bool, Error> {
    let before = sqlx::query_scalar!(
        "SELECT fingerprint FROM bridge.activities
         WHERE shop = $1 AND source = $2 AND event_id = $3",
        new.shop,
        new.source,
        new.event_id
    )
    .fetch_optional(db)
    .await?;
    // Pruned between two statements: it was here.
    Ok(before.is_none_or(|before| before == new.fingerprint))
}

/// An activity as people see it.
#[derive(Debug, Clone)]
pub struct ActivityRow {
    /// The activity's key in the shop's queue.
    pub key: String,
    /// What the event told.
    pub body: Json,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Whether it waits to be sent.
    pub waits: bool,
    /// Code of the last refusal.
    pub error_code: Option<String>,
    /// The deal that it stands on.
    pub deal_id: Option<i64>,
    /// The lead that it stands on.
    pub lead_id: Option<i64>,
    /// The contact that it stands on.
    pub contact_id: Option<i64>,
}

/// The activities of an order, newest first.
pub async fn of_order(
    db: &mut PgConnection,
    order: &OrderKey,
    limit: i64,
) -> Result<Vec<ActivityRow>, Error> {
    Ok(sqlx::query_as!(
        ActivityRow,
        r#"SELECT key, body AS "body: Json", received_at, due_at IS NOT NULL AS "waits!",
                  error_code, deal_id, lead_id, contact_id
           FROM bridge.subjects
           WHERE shop = $1 AND order_number = $2 AND kind = 'activity'
           ORDER BY received_at DESC LIMIT $3"#,
        order.shop,
        order.number,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes what was brought to its card longer ago than this many seconds; at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.activities WHERE id IN (
             SELECT a.id FROM bridge.activities a
             WHERE a.received_at < now() - make_interval(secs => $1)
               AND NOT EXISTS (SELECT FROM bridge.subjects q
                               WHERE q.shop = a.shop AND q.key = a.kind || ':' || a.id)
             ORDER BY a.id LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
