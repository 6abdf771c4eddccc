//! Writing dead letters: of orders, subjects, receipts, and of what has none of these.

use crate::storage::{Error, Json, LetterAbout};
use sqlx::PgConnection;

/// Writes letters for accepted events whose orders are locked and recorded.
pub async fn write(
    db: &mut PgConnection,
    events: &[i64],
    codes: &[String],
    messages: &[String],
    attempts: &[i32],
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters (outbox_id, portal, shop, number, code, message, attempts,
           first_failed_at, payload)
         SELECT e.id, e.portal, e.shop, e.number, n.code, n.message, n.attempts,
                coalesce(o.first_failed_at, now()), e.body
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::int[]) AS n
           (event, code, message, attempts)
         JOIN bridge.outbox e ON e.id = n.event
         JOIN bridge.orders o ON o.shop = e.shop AND o.number = e.number
         ON CONFLICT (outbox_id) WHERE closed_at IS NULL DO NOTHING",
        events,
        codes,
        messages,
        attempts
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes letters for subjects that are locked and recorded.
pub async fn write_subjects(
    db: &mut PgConnection,
    (shops, keys): (&[String], &[String]),
    codes: &[String],
    messages: &[String],
    attempts: &[i32],
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters
             (portal, shop, number, subject, code, message, attempts, first_failed_at, payload)
         SELECT s.portal, s.shop, s.key, s.key, n.code, n.message, n.attempts,
                coalesce(s.first_failed_at, now()), s.body
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])
              AS n (shop, key, code, message, attempts)
         JOIN bridge.subjects s USING (shop, key)
         ON CONFLICT (shop, subject) WHERE closed_at IS NULL AND subject IS NOT NULL DO NOTHING",
        shops,
        keys,
        codes,
        messages,
        attempts
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A letter about a receipt of a till.
#[derive(Debug, Clone)]
pub struct ReceiptLetter<'a> {
    /// The portal of the shop.
    pub portal: Option<&'a str>,
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// Which receipt, and whether its lines are parked or it was changed.
    pub subject: &'a str,
    /// The fault's code, as in the runbook.
    pub code: &'a str,
    /// What exactly happened, for people.
    pub message: &'a str,
    /// The event of the receipt.
    pub payload: &'a Json,
}

/// Writes a letter about a receipt; while one is open, what it says is replaced.
pub async fn write_receipt(db: &mut PgConnection, of: &ReceiptLetter<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters AS d
             (portal, shop, subject, code, message, attempts, payload)
         VALUES ($1, $2, $3, $4, $5, 1, $6::text::jsonb)
         ON CONFLICT (shop, subject) WHERE closed_at IS NULL AND subject IS NOT NULL
         DO UPDATE SET last_failed_at = now(), attempts = d.attempts + 1, code = excluded.code,
                       message = excluded.message, payload = excluded.payload",
        of.portal,
        of.shop,
        of.subject,
        of.code,
        of.message,
        &*of.payload.text()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a person has let a letter go that was about this very event.
pub async fn was_let_go(
    db: &mut PgConnection,
    shop: &str,
    source: &str,
    id: &str,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.dead_letters
             WHERE shop = $1 AND outbox_id IS NULL AND closed_how = 'discarded'
               AND payload ->> 'source' = $2 AND payload ->> 'id' = $3) AS "it!""#,
        shop,
        source,
        id
    )
    .fetch_one(db)
    .await?)
}

/// Closes the letters about events of these receipts of a till that could not be accepted: a later
/// one was.
pub async fn close_receipts(
    db: &mut PgConnection,
    (shop, till): (&str, &str),
    receipts: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'the receipt was taken since'
         FROM UNNEST($3::text[]) AS k (receipt)
         WHERE d.closed_at IS NULL AND d.shop = $1 AND d.outbox_id IS NULL
           AND d.about IS NULL AND d.subject IS NULL
           AND d.payload ->> 'type' = 'pos.receipt.saved.v1'
           AND d.payload #>> '{data,till}' = $2 AND d.payload #>> '{data,receipt}' = k.receipt",
        shop,
        till,
        receipts
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A letter of an event that could not be accepted.
#[derive(Debug, Clone)]
pub struct RejectedEvent<'a> {
    /// The portal, if the shop is known.
    pub portal: Option<&'a str>,
    /// The shop, if it is known.
    pub shop: Option<&'a str>,
    /// The order, if the event names one.
    pub number: Option<&'a str>,
    /// The fault's code, as in the runbook.
    pub code: &'a str,
    /// What exactly happened, for people.
    pub message: &'a str,
    /// What was received, as it came.
    pub payload: &'a Json,
}

/// Writes a letter for an event that could not be accepted, unless the same one is open.
pub async fn write_stray(db: &mut PgConnection, stray: &RejectedEvent<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload)
         SELECT $1, $2, $3, $4, $5, $6::text::jsonb
         WHERE NOT EXISTS (SELECT FROM bridge.dead_letters d
             WHERE d.closed_at IS NULL AND d.shop = $2
               AND (d.number = $3 OR $3::text IS NULL AND d.number IS NULL)
               AND d.outbox_id IS NULL AND d.code = $4 AND d.payload = $6::text::jsonb)",
        stray.portal,
        stray.shop,
        stray.number,
        stray.code,
        stray.message,
        &*stray.payload.text()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A letter of something else than an event or a message to a shop.
#[derive(Debug, Clone)]
pub struct Special<'a> {
    /// Which kind of thing it is about.
    pub about: LetterAbout,
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
    /// What it takes to try it again.
    pub payload: &'a Json,
}

/// Writes a letter of something that was worked on; the same thing has one open letter at most.
/// True if it is a new one.
pub async fn write_special(db: &mut PgConnection, of: &Special<'_>) -> Result<bool, Error> {
    let new = sqlx::query_scalar!(
        r#"INSERT INTO bridge.dead_letters AS d (about, portal, shop, number, code, message,
             attempts, payload)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7::text::jsonb)
         ON CONFLICT (about, (coalesce(portal, '')), (coalesce(shop, '')), (md5(payload::text)))
             WHERE closed_at IS NULL AND about IS NOT NULL
         DO UPDATE SET last_failed_at = now(), attempts = d.attempts + 1, code = excluded.code,
         message = excluded.message
         RETURNING d.attempts = 1 AS "new!""#,
        of.about as LetterAbout,
        of.portal,
        of.shop,
        of.number,
        of.code,
        of.message,
        &*of.payload.text()
    )
    .fetch_one(db)
    .await?;
    Ok(new)
}
