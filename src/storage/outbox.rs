//! Accepted events.

use super::Error;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An event on its way into the outbox.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The portal of its shop.
    pub portal: String,
    /// Its shop.
    pub shop: String,
    /// Its order.
    pub number: String,
    /// CloudEvents source.
    pub source: String,
    /// CloudEvents id.
    pub event_id: String,
    /// `saved` or `deleted`.
    pub kind: &'static str,
    /// The snapshot's version.
    pub version: Option<i64>,
    /// The snapshot's `updated_at`.
    pub updated_at: Option<DateTime<Utc>>,
    /// CloudEvents time.
    pub occurred_at: Option<DateTime<Utc>>,
    /// What it says of the order's status.
    pub said: Value,
    /// The event as it was sent.
    pub body: Value,
    /// SHA-256 of the canonical JSON.
    pub fingerprint: Vec<u8>,
    /// History: sent when nothing else is due.
    pub later: bool,
    /// The trace of the request that brought it.
    pub traceparent: Option<String>,
}

/// The identity of a stored event and what tells it from another of the same identity.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Row id.
    pub id: i64,
    /// Its shop.
    pub shop: String,
    /// CloudEvents source.
    pub source: String,
    /// CloudEvents id.
    pub event_id: String,
    /// SHA-256 of the canonical JSON.
    pub fingerprint: Vec<u8>,
}

/// Stores the events that are not there yet; returns those it stored.
pub async fn insert(
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<Vec<StoredEvent>, Error> {
    let column = |get: fn(&NewEvent) -> String| events.iter().map(|e| get(e)).collect::<Vec<_>>();
    let (portals, shops) = (column(|e| e.portal.clone()), column(|e| e.shop.clone()));
    let (numbers, sources) = (column(|e| e.number.clone()), column(|e| e.source.clone()));
    let (ids, kinds) = (
        column(|e| e.event_id.clone()),
        column(|e| e.kind.to_owned()),
    );
    let versions: Vec<Option<i64>> = events.iter().map(|e| e.version).collect();
    let updated: Vec<Option<DateTime<Utc>>> = events.iter().map(|e| e.updated_at).collect();
    let occurred: Vec<Option<DateTime<Utc>>> = events.iter().map(|e| e.occurred_at).collect();
    let bodies: Vec<Value> = events.iter().map(|e| e.body.clone()).collect();
    let prints: Vec<Vec<u8>> = events.iter().map(|e| e.fingerprint.clone()).collect();
    let traces: Vec<Option<String>> = events.iter().map(|e| e.traceparent.clone()).collect();
    // Sorted, so that two transactions with the same events cannot wait for each other.
    Ok(sqlx::query_as!(
        StoredEvent,
        "INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, version, updated_at, occurred_at, body, fingerprint, traceparent)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                              $8::timestamptz[], $9::timestamptz[], $10::jsonb[], $11::bytea[], $12::text[])
                AS new (portal, shop, number, source, event_id, kind, version, updated_at, occurred_at, body, fingerprint, traceparent)
         ORDER BY shop, source, event_id
         ON CONFLICT (shop, source, event_id) DO NOTHING
         RETURNING id, shop, source, event_id, fingerprint",
        &portals,
        &shops,
        &numbers,
        &sources,
        &ids,
        &kinds,
        &versions as &[Option<i64>],
        &updated as &[Option<DateTime<Utc>>],
        &occurred as &[Option<DateTime<Utc>>],
        &bodies,
        &prints,
        &traces as &[Option<String>]
    )
    .fetch_all(db)
    .await?)
}

/// The stored events of these identities: (shop, source, id).
pub async fn find(
    db: &mut PgConnection,
    shops: &[String],
    sources: &[String],
    ids: &[String],
) -> Result<Vec<StoredEvent>, Error> {
    Ok(sqlx::query_as!(
        StoredEvent,
        "SELECT e.id, e.shop, e.source, e.event_id, e.fingerprint
         FROM UNNEST($1::text[], $2::text[], $3::text[]) AS k (shop, source, event_id)
         JOIN bridge.outbox e USING (shop, source, event_id)",
        shops,
        sources,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// Marks pending events as superseded: (event, the newer one). Returns the portal of each that was.
pub async fn supersede(
    db: &mut PgConnection,
    events: &[i64],
    by: &[i64],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.outbox e SET state = 'superseded', settled_at = now(), superseded_by = k.newer
         FROM UNNEST($1::bigint[], $2::bigint[]) AS k (id, newer)
         WHERE e.id = k.id AND e.state = 'pending' RETURNING e.portal",
        events,
        by
    )
    .fetch_all(db)
    .await?)
}

/// Settles pending events as `done` or `dead`.
pub async fn settle(db: &mut PgConnection, events: &[i64], states: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.outbox e SET state = k.state, settled_at = now()
         FROM UNNEST($1::bigint[], $2::text[]) AS k (id, state)
         WHERE e.id = k.id AND e.state = 'pending'",
        events,
        states
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a dead event pending again; false if it is not dead.
pub async fn revive(db: &mut PgConnection, event: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.outbox SET state = 'pending', settled_at = NULL WHERE id = $1 AND state = 'dead'",
        event
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The body of an event.
pub async fn body(db: &mut PgConnection, event: i64) -> Result<Option<Value>, Error> {
    Ok(
        sqlx::query_scalar!("SELECT body FROM bridge.outbox WHERE id = $1", event)
            .fetch_optional(db)
            .await?,
    )
}

/// Removes settled events older than this many seconds, at most `batch`; never a pending one, nor the newest of an order that
/// has an open dead letter.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.outbox WHERE id IN (
             SELECT e.id FROM bridge.outbox e
             WHERE e.settled_at < now() - make_interval(secs => $1)
               AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.outbox_id = e.id AND d.closed_at IS NULL)
             ORDER BY e.settled_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
