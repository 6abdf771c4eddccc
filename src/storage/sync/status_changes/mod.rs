//! Changes of status for shops: sent to a callback, or read from the feed.
//!
//! A shop's changes are numbered under a lock of its row in `feeds`, so numbers are committed in
//! their order: a reader that has seen one never has to look below it again.

mod claim;
mod feed;
mod settle;

pub use claim::{Wanted, due, next_due, taken_since};
pub use feed::{feed, give, given, read_up_to, renumber};
pub use settle::{
    Delivered, dead_letter, deliver, drop_dead, hold, prune, put_off, revive, sent, settle,
};

use crate::{
    domain::OrderKey,
    storage::{Error, MessageSource},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A change on its way in.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The decision that made it.
    pub decision: i64,
    /// The status that the shop is to take.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous: String,
    /// `STAGE_ID` of the deal that the change rests on.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Facts that did not hold then and that it would deny.
    pub denies: Vec<String>,
    /// The document of 1C that says so; none: the portal does.
    pub document: Option<i64>,
}

/// Stores changes, numbered; all of one portal.
pub async fn add(db: &mut PgConnection, portal: &str, changes: &[NewChange]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = |get: fn(&NewChange) -> &String| changes.iter().map(|c| get(c).clone()).collect();
    let shops: Vec<String> = column(|c| &c.shop);
    let numbers: Vec<String> = column(|c| &c.number);
    let statuses: Vec<String> = column(|c| &c.status);
    let previous: Vec<String> = column(|c| &c.previous);
    let stages: Vec<String> = column(|c| &c.stage);
    let reasons: Vec<String> = column(|c| &c.reason);
    let decisions: Vec<i64> = changes.iter().map(|c| c.decision).collect();
    let times: Vec<DateTime<Utc>> = changes.iter().map(|c| c.decided_at).collect();
    let denies: Vec<String> = changes.iter().map(|c| c.denies.join(",")).collect();
    let documents: Vec<Option<i64>> = changes.iter().map(|c| c.document).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT *, row_number() OVER (PARTITION BY shop ORDER BY decision) AS nth
             FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
               $8::text[], $9::timestamptz[],
                         $10::text[], $11::bigint[])
                  AS n (shop, number, decision, status, previous, stage, reason, decided_at,
                    denies, document)),
         counted AS (
             INSERT INTO bridge.feeds AS f (shop, last_seq) SELECT shop, count(*) FROM new
               GROUP BY shop ORDER BY shop
             ON CONFLICT (shop) DO UPDATE SET last_seq = f.last_seq + excluded.last_seq
             RETURNING f.shop, f.last_seq)
         INSERT INTO bridge.status_changes
                (shop, seq, portal, number, decision_id, status, previous_status, stage, reason,
                  decided_at, denies, document, source)
         SELECT n.shop, c.last_seq - (SELECT count(*) FROM new m
           WHERE m.shop = n.shop) + n.nth, $1, n.number, n.decision, n.status,
                n.previous, n.stage, n.reason, n.decided_at, string_to_array(n.denies, ','),
                n.document, CASE WHEN n.document IS NULL THEN 'portal' ELSE 'onec' END
         FROM new n JOIN counted c USING (shop)",
        portal,
        &shops,
        &numbers,
        &decisions,
        &statuses,
        &previous,
        &stages,
        &reasons,
        &times,
        &denies,
        &documents as &[Option<i64>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order, and when those of its changes were decided that are to be told yet.
pub type AwaitedChanges = (OrderKey, Vec<DateTime<Utc>>);

/// Drops the changes of these orders that were not told, waiting or dead, except those decided at
/// the times beside each order, and closes the letters of dead ones.
pub async fn drop_except(db: &mut PgConnection, awaited: &[AwaitedChanges]) -> Result<(), Error> {
    if awaited.is_empty() {
        return Ok(());
    }
    let orders: Vec<OrderKey> = awaited.iter().map(|(order, _)| order.clone()).collect();
    let kept = awaited
        .iter()
        .flat_map(|(order, times)| times.iter().map(|time| (order.clone(), *time)));
    let (kept, times): (Vec<_>, Vec<_>) = kept.unzip();
    let (shops, numbers) = OrderKey::columns(orders.clone());
    let (kept_shops, kept_numbers) = OrderKey::columns(kept);
    sqlx::query!(
        "UPDATE bridge.status_changes c SET state = 'dropped', settled_at = now()
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         WHERE c.shop = k.shop AND c.number = k.number AND c.state IN ('waiting', 'dead')
           AND NOT EXISTS (
             SELECT FROM UNNEST($3::text[], $4::text[], $5::timestamptz[]) AS a (shop, number, at)
             WHERE a.shop = c.shop AND a.number = c.number AND a.at = c.decided_at)",
        &shops,
        &numbers,
        &kept_shops,
        &kept_numbers,
        &times
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'the sides agree on something else by now'
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number), bridge.status_changes c
         WHERE d.shop = k.shop AND d.number = k.number AND d.closed_at IS NULL
           AND c.shop = d.shop AND c.seq = d.change_seq
           AND NOT EXISTS (
             SELECT FROM UNNEST($3::text[], $4::text[], $5::timestamptz[]) AS a (shop, number, at)
             WHERE a.shop = d.shop AND a.number = d.number AND a.at = c.decided_at)",
        &shops,
        &numbers,
        &kept_shops,
        &kept_numbers,
        &times
    )
    .execute(&mut *db)
    .await?;
    reopen_documents(db, orders).await
}

/// What 1C said of these orders is decided once more where its message was just dropped, unless 1C
/// has said something newer.
pub async fn reopen_documents(
    db: &mut PgConnection,
    orders: impl IntoIterator<Item = OrderKey>,
) -> Result<(), Error> {
    let (shops, numbers) = OrderKey::columns(orders);
    sqlx::query!(
        "UPDATE bridge.onec_documents d SET state = 'waiting', decided_at = now()
         FROM UNNEST($1::text[], $2::text[]) AS n (shop, number), bridge.status_changes c
         WHERE c.shop = n.shop AND c.number = n.number AND c.state = 'dropped'
           AND c.settled_at = now() AND d.id = c.document AND d.state = 'applied'
           AND EXISTS (SELECT FROM bridge.onec_orders k
                       WHERE k.base = d.base AND k.shop = c.shop AND k.number = c.number
                         AND k.document = d.id)",
        &shops,
        &numbers
    )
    .execute(&mut *db)
    .await?;
    // The order has its status by whoever said it meanwhile.
    sqlx::query!(
        "UPDATE bridge.onec_orders k SET won = NULL
         FROM UNNEST($1::text[], $2::text[]) AS n (shop, number), bridge.onec_documents d
         WHERE k.shop = n.shop AND k.number = n.number AND k.won IS NOT NULL
           AND d.id = k.document AND d.base = k.base AND d.state = 'waiting'",
        &shops,
        &numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A change that is to be sent, or was.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The change's place among all of its shop.
    pub seq: i64,
    /// Its identity as a message.
    pub message_id: String,
    /// The portal it comes from.
    pub portal: String,
    /// The order's number in its shop.
    pub number: String,
    /// The decision that made it.
    pub decision_id: i64,
    /// The status that the shop is to take.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous_status: String,
    /// `STAGE_ID` of the deal that the change rests on.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Tries that the shop judged.
    pub attempts: i32,
    /// When it was first sent.
    pub first_sent_at: Option<DateTime<Utc>>,
    /// Facts that did not hold when it was decided and that it would deny.
    pub denies: Vec<String>,
    /// Whether it waits, and nobody can have read it yet.
    pub open: bool,
    /// Whose word it is.
    pub source: MessageSource,
}

/// One change; none if it is not stored any more.
pub async fn one(db: &mut PgConnection, shop: &str, seq: i64) -> Result<Option<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source AS "source: MessageSource",
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes WHERE shop = $1 AND seq = $2"#,
        shop,
        seq
    )
    .fetch_optional(db)
    .await?)
}
