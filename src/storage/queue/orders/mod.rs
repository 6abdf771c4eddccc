//! Orders: the unit of the queue.

mod claim;
mod results;
mod view;

pub use claim::{DueOrder, claim, live_due, next_due, rest_without_event};
pub use results::{AttemptResult, Disposition, StoppedEvent, give_up, record, stop_trying};
pub(in crate::storage) use results::{Columns, record_tries};
pub use view::{
    Head, HeadEvent, OrderRow, RefusedOrder, WithDeal, count_with_deals, heads, still_tried, view,
    with_deals,
};

use crate::{
    domain::OrderKey,
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An order's newest event, as the queue knows it.
#[derive(Debug, Clone)]
pub struct QueueHead {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The row id of its newest event; `None`: it has none.
    pub head_id: Option<i64>,
    /// `version` of that event's snapshot, if the shop counts them.
    pub head_version: Option<i64>,
    /// `updated_at` of that event's snapshot, by the shop's clock.
    pub head_updated_at: Option<DateTime<Utc>>,
    /// Tries of it that the portal refused.
    pub attempts: i32,
    /// Tries of it that nobody judged.
    pub stalls: i32,
    /// How new it is known to be; of another event if a version before wrote the head.
    pub age: Option<Json>,
    /// What it says of the order's status.
    pub said: Option<Json>,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
    /// Whether its event waits to be sent: it was neither settled nor given up.
    pub waits: bool,
    /// The portal that it was brought to.
    pub portal: String,
    /// The time of the transaction.
    pub now: DateTime<Utc>,
}

impl QueueHead {
    /// Which order it is.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(&self.shop, &self.number)
    }
}

/// Locks these orders, making rows for the new ones: (shop, number, portal), no order twice. Those
/// that are there stay in their portal.
pub async fn lock_or_make(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
    portals: &[String],
) -> Result<Vec<QueueHead>, Error> {
    Ok(sqlx::query_as!(
        QueueHead,
        r#"INSERT INTO bridge.orders AS o (shop, number, portal)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[]) AS new (shop, number, portal)
           ORDER BY shop, number
         ON CONFLICT (shop, number) DO UPDATE SET portal = o.portal
         RETURNING o.shop, o.number, o.head_id, o.head_version, o.head_updated_at, o.attempts,
         o.stalls,
                   o.age AS "age: Json", o.said AS "said: Json", o.doubtful,
                   o.due_at IS NOT NULL AS "waits!", o.portal,
                   now() AS "now!""#,
        shops,
        numbers,
        portals
    )
    .fetch_all(db)
    .await?)
}

/// Locks the rows of these orders until the transaction ends. All do so in one order, so that
/// nobody waits in a circle.
pub async fn lock(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<QueueHead>, Error> {
    Ok(sqlx::query_as!(
        QueueHead,
        r#"SELECT o.shop, o.number, o.head_id, o.head_version, o.head_updated_at, o.attempts,
                  o.stalls,
                  o.age AS "age: Json", o.said AS "said: Json", o.doubtful,
                   o.due_at IS NOT NULL AS "waits!", o.portal,
                  now() AS "now!"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, number) JOIN bridge.orders o
             USING (shop, number)
           ORDER BY o.shop, o.number FOR UPDATE OF o"#,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// A new newest event of an order.
#[derive(Debug, Clone)]
pub struct NewQueueHead {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The row id of the event.
    pub event: i64,
    /// `version` of its snapshot, if the shop counts them.
    pub version: Option<i64>,
    /// `updated_at` of its snapshot, by the shop's clock.
    pub updated_at: Option<DateTime<Utc>>,
    /// What it says of the order's status, laid over what was said before.
    pub said: Value,
    /// History: sent when nothing else is due.
    pub later: bool,
    /// How new the order is known to be; none where its row tells that besides.
    pub age: Option<Value>,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
}

/// Gives locked orders new heads, with all tries before them: due at once, or when nothing of an
/// older one can land any more.
pub async fn set_heads(db: &mut PgConnection, heads: &[NewQueueHead]) -> Result<(), Error> {
    let shops: Vec<String> = heads.iter().map(|h| h.shop.clone()).collect();
    let numbers: Vec<String> = heads.iter().map(|h| h.number.clone()).collect();
    let events: Vec<i64> = heads.iter().map(|h| h.event).collect();
    let versions: Vec<Option<i64>> = heads.iter().map(|h| h.version).collect();
    let updated: Vec<Option<DateTime<Utc>>> = heads.iter().map(|h| h.updated_at).collect();
    let said: Vec<Value> = heads.iter().map(|h| h.said.clone()).collect();
    let later: Vec<bool> = heads.iter().map(|h| h.later).collect();
    let ages: Vec<Option<Value>> = heads.iter().map(|h| h.age.clone()).collect();
    let doubtful: Vec<bool> = heads.iter().map(|h| h.doubtful).collect();
    sqlx::query!(
        "UPDATE bridge.orders o
         SET head_id = n.event, head_version = n.version, head_updated_at = n.updated_at,
             status = coalesce(n.said ->> 'status', o.status),
             said = jsonb_strip_nulls(coalesce(o.said, '{}') || n.said
                                      || jsonb_build_object('seen', now())),
             due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
               WHERE u.shop = o.shop AND u.number = o.number)),
             waits_since = coalesce(o.waits_since, now()),
             attempts = 0, stalls = 0, first_failed_at = NULL, error_code = NULL,
             error_message = NULL, in_sync = false,
             later = n.later AND (o.later OR o.due_at IS NULL),
             age = n.age || jsonb_build_object('head', n.event), doubtful = n.doubtful
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[],
           $6::jsonb[], $7::bool[], $8::jsonb[],
                     $9::bool[])
              AS n (shop, number, event, version, updated_at, said, later, age, doubtful)
         WHERE o.shop = n.shop AND o.number = n.number",
        &shops,
        &numbers,
        &events,
        &versions as &[Option<i64>],
        &updated as &[Option<DateTime<Utc>>],
        &said,
        &later,
        &ages as &[Option<Value>],
        &doubtful
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How new an order with an unchanged head is known to be.
#[derive(Debug, Clone)]
pub struct EventAgeRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The row id of that event.
    pub head: i64,
    /// How new it is.
    pub age: Value,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
}

/// Stores what is known of the ages of locked orders.
pub async fn set_ages(db: &mut PgConnection, aged: &[EventAgeRow]) -> Result<(), Error> {
    if aged.is_empty() {
        return Ok(());
    }
    let shops: Vec<String> = aged.iter().map(|a| a.shop.clone()).collect();
    let numbers: Vec<String> = aged.iter().map(|a| a.number.clone()).collect();
    let heads: Vec<i64> = aged.iter().map(|a| a.head).collect();
    let ages: Vec<Value> = aged.iter().map(|a| a.age.clone()).collect();
    let doubtful: Vec<bool> = aged.iter().map(|a| a.doubtful).collect();
    sqlx::query!(
        "UPDATE bridge.orders o SET age = n.age || jsonb_build_object('head', n.head),
         doubtful = n.doubtful
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bool[]) AS n
           (shop, number, head, age, doubtful)
         WHERE o.shop = n.shop AND o.number = n.number",
        &shops,
        &numbers,
        &heads,
        &ages,
        &doubtful
    )
    .execute(db)
    .await?;
    Ok(())
}

/// New deals of these orders are to be imported, as long as nothing but history is to be sent for
/// them.
pub async fn set_by_import(
    db: &mut PgConnection,
    shop: &str,
    numbers: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET by_import = true WHERE shop = $1 AND number = ANY($2) AND later
           AND NOT by_import",
        shop,
        numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes an order due again, with all tries before it; not before nothing of it can land any more.
pub async fn wake(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    recreate: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders
         SET due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
           WHERE u.shop = $1 AND u.number = $2)),
             waits_since = coalesce(waits_since, now()), attempts = 0, stalls = 0,
             first_failed_at = NULL,
             recreate = recreate OR $3
         WHERE shop = $1 AND number = $2",
        shop,
        number,
        recreate
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the event is still stored that was the order's newest.
pub async fn has_event(db: &mut PgConnection, shop: &str, number: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id
                          WHERE o.shop = $1 AND o.number = $2) AS "there!""#,
        shop,
        number
    )
    .fetch_one(db)
    .await?)
}

/// What is known of an order whose cards an operator judges; locked.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The portal's name in the settings.
    pub portal: String,
    /// What the planner knows of the order.
    pub known: Json,
    /// Its newest event as it was sent; none if that was pruned.
    pub body: Option<Json>,
}

/// Locks one order and reads what is known of it.
pub async fn keep(db: &mut PgConnection, shop: &str, number: &str) -> Result<Option<Kept>, Error> {
    Ok(sqlx::query_as!(
        Kept,
        r#"SELECT o.portal, o.known AS "known: Json",
                  (SELECT e.body FROM bridge.outbox e WHERE e.id = o.head_id) AS "body: Json"
           FROM bridge.orders o WHERE o.shop = $1 AND o.number = $2 FOR UPDATE"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// Stores what is known of a locked order after a card was taken from it.
pub async fn take_card(
    db: &mut PgConnection,
    order: &OrderKey,
    known: &Value,
    contact_id: Option<i64>,
    company_id: Option<i64>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET known = $3, contact_id = $4, company_id = $5
         WHERE shop = $1 AND number = $2",
        order.shop,
        order.number,
        known,
        contact_id,
        company_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the status that the shop was told and has.
pub async fn set_status(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    status: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET status = $3 WHERE shop = $1 AND number = $2",
        shop,
        number,
        status
    )
    .execute(db)
    .await?;
    Ok(())
}
