//! Dead letters that come from a file.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A letter on its way in.
#[derive(Debug, Clone)]
pub struct ImportedLetter<'a> {
    /// The portal's name in the settings; `None` where the letter is about no portal.
    pub portal: Option<&'a str>,
    /// The shop's name in the settings; `None` where the letter is about no shop.
    pub shop: Option<&'a str>,
    /// The order's number in its shop; `None` where the letter is about no order.
    pub number: Option<&'a str>,
    /// The fault's code, as in the runbook.
    pub code: &'a str,
    /// What exactly happened, for people.
    pub message: &'a str,
    /// Tries that were judged.
    pub attempts: i32,
    /// When it first failed; none: now.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// When it last failed; none: now.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// The event as the line brings it.
    pub payload: &'a Value,
    /// CloudEvents source and id as they are stored, if the payload has them.
    pub identity: Option<(&'a str, &'a str)>,
    /// SHA-256 of the payload's canonical JSON.
    pub fingerprint: &'a [u8],
}

/// Lets one import in at a time, until the transaction ends.
pub async fn alone(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('bridge.dead_letters import'))")
        .fetch_one(db)
        .await?;
    Ok(())
}

/// Writes a letter unless the same is there, open or closed, or its event was accepted here and
/// is not dead; false if so. A letter whose event lies dead in the outbox is tied to it, so that
/// a retry sends that event and no copy.
pub async fn add(db: &mut PgConnection, new: &ImportedLetter<'_>) -> Result<bool, Error> {
    let (source, event_id) = new.identity.unzip();
    let done = sqlx::query!(
        "WITH own AS (
             SELECT e.id, e.state FROM bridge.outbox e
             WHERE e.shop = $2 AND e.source = $11 AND e.event_id = $12 AND e.fingerprint = $10)
         INSERT INTO bridge.dead_letters (outbox_id, portal, shop, number, code, message, attempts,
           first_failed_at,
                                          last_failed_at, payload)
         SELECT (SELECT id FROM own),
                $1::text, $2::text, $3::text, $4::text, $5::text, $6::int,
                coalesce($7::timestamptz, now()),
                coalesce($8::timestamptz, now()), $9::jsonb
         WHERE NOT EXISTS (SELECT FROM own WHERE state <> 'dead')
           AND NOT EXISTS (
             SELECT FROM bridge.dead_letters d
             WHERE d.shop IS NOT DISTINCT FROM $2 AND d.number IS NOT DISTINCT FROM $3
               AND d.code = $4
               AND ($7::timestamptz IS NULL OR d.first_failed_at = $7) AND d.payload = $9)
         ON CONFLICT (outbox_id) WHERE closed_at IS NULL DO NOTHING",
        new.portal,
        new.shop,
        new.number,
        new.code,
        new.message,
        new.attempts,
        new.first_failed_at,
        new.last_failed_at,
        new.payload,
        new.fingerprint,
        source,
        event_id
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
