//! Orders as people look for them.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// One order that was found.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// The id of its newest event; 0 where none is known.
    pub head: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The portal's name in the settings.
    pub portal: String,
    /// The id of its deal in the portal; none until it has one.
    pub deal_id: Option<i64>,
    /// The status that the shop last said, or was told since.
    pub status: Option<String>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// Whether both sides hold the same.
    pub in_sync: bool,
    /// Whether something waits to be sent.
    pub waits: bool,
    /// Whether a dead letter is open.
    pub dead: bool,
    /// When the newest event came; none if it is pruned.
    pub received_at: Option<DateTime<Utc>>,
    /// The customer's name, else the company's; none if the event is pruned.
    pub customer: Option<String>,
}

/// Where orders are looked for.
#[derive(Debug, Clone, Copy)]
pub enum Among<'a> {
    /// Those whose newest event is one of these ids, without the second.
    Events(i64, i64),
    /// Those of which something is to be sent, and whose newest event is before this id.
    Waiting(i64),
    /// Those with an open dead letter, and whose newest event is before this id.
    Dead(i64),
    /// Those with this number, or with this deal.
    Number(&'a str, Option<i64>),
    /// Those whose customer has this key (see `bridge.contacts`).
    Contact(&'a str),
}

impl Among<'_> {
    /// The place's name in the statement, and what it is bound by.
    fn bound(&self) -> (&'static str, i64, i64, Option<&str>, Option<i64>) {
        match *self {
            Self::Events(floor, before) => ("events", floor, before, None, None),
            Self::Waiting(before) => ("waiting", 0, before, None, None),
            Self::Dead(before) => ("dead", 0, before, None, None),
            Self::Number(number, deal) => ("number", 0, 0, Some(number), deal),
            Self::Contact(key) => ("contact", 0, 0, Some(key), None),
        }
    }
}

/// Which of them are wanted. `None` wants all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Orders of these shops alone.
    pub shops: Vec<String>,
    /// Of deals of these portals, where a deal is looked for.
    pub portals: Vec<String>,
    /// Whether a dead letter is open.
    pub dead: Option<bool>,
    /// Whether something waits to be sent.
    pub waits: Option<bool>,
    /// Whether both sides hold the same.
    pub in_sync: Option<bool>,
    /// With this status of the shop.
    pub status: Option<String>,
    /// Whose newest event came then or later.
    pub since: Option<DateTime<Utc>>,
    /// Whose newest event came before then.
    pub until: Option<DateTime<Utc>>,
    /// All of these patterns of LIKE occur in its number, or in its customer's names or addresses.
    pub patterns: Vec<String>,
    /// Or this pattern occurs in the digits of its customer's phone numbers.
    pub digits: Option<String>,
}

/// The orders that are wanted, the newest first.
pub async fn find(
    db: &mut PgConnection,
    among: Among<'_>,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    patiently(db).await?;
    let (place, floor, before, text, deal) = among.bound();
    // First which orders, then what is known of each, one by one: the planner would otherwise read
    // all orders. Of the places all but one are empty at once.
    Ok(sqlx::query_as!(
        FoundRow,
        r#"WITH hit AS MATERIALIZED (
               SELECT e.id, e.shop, e.number FROM bridge.outbox e
               WHERE $1 = 'events' AND e.id >= $2 AND e.id < $3
               UNION ALL
               SELECT o.head_id, o.shop, o.number FROM bridge.orders o
               WHERE $1 = 'waiting' AND o.due_at IS NOT NULL AND o.head_id < $3
               UNION ALL
               SELECT o.head_id, o.shop, o.number FROM bridge.orders o
               WHERE $1 = 'dead' AND o.head_id < $3
                 AND (o.shop, o.number) IN (SELECT d.shop, d.number FROM bridge.dead_letters d
                                            WHERE d.closed_at IS NULL)
               UNION ALL
               SELECT coalesce(n.head_id, 0), n.shop, n.number FROM (
                   SELECT o.head_id, o.shop, o.number FROM bridge.orders o
                   WHERE $1 = 'number' AND o.shop = ANY($6) AND o.number = $4
                   UNION
                   SELECT o.head_id, o.shop, o.number FROM bridge.orders o
                   WHERE $1 = 'number' AND o.portal = ANY($7) AND o.deal_id = $5
               ) n
               UNION ALL
               SELECT e.id, e.shop, e.number FROM bridge.outbox e
               WHERE $1 = 'contact'
                 AND e.id IN (SELECT c.event FROM bridge.contacts c WHERE c.key = $4)
           )
           SELECT hit.id AS "head!", o.shop AS "shop!", o.number AS "number!",
                  o.portal AS "portal!", o.deal_id, o.status, o.stage, o.in_sync AS "in_sync!",
                  o.waits AS "waits!", o.dead AS "dead!", e.received_at AS "received_at?",
                  coalesce(nullif(e.person, ''), e.company) AS customer
           FROM hit CROSS JOIN LATERAL (
               SELECT * FROM bridge.order_states o
               WHERE o.shop = hit.shop AND o.number = hit.number
                 AND coalesce(o.head_id, 0) = hit.id LIMIT 1
           ) o LEFT JOIN LATERAL (
               SELECT received_at, customer,
                      concat_ws(' ', customer ->> 'name', customer ->> 'second_name',
                                customer ->> 'last_name') AS person,
                      customer #>> '{company,title}' AS company
               FROM (SELECT received_at, body #> '{data,customer}' AS customer
                     FROM bridge.outbox WHERE id = hit.id LIMIT 1) newest
           ) e ON true
           WHERE o.shop = ANY($6)
             AND ($8::boolean IS NULL OR o.dead = $8) AND ($9::boolean IS NULL OR o.waits = $9)
             AND ($10::boolean IS NULL OR o.in_sync = $10)
             AND ($11::text IS NULL OR o.status = $11)
             AND ($12::timestamptz IS NULL OR e.received_at >= $12)
             AND ($13::timestamptz IS NULL OR e.received_at < $13)
             AND (cardinality($14::text[]) = 0
                  OR concat_ws(' ', o.number, e.person, e.company, e.customer -> 'emails',
                               e.customer -> 'email') ILIKE ALL ($14)
                  OR regexp_replace(concat_ws(',', e.customer -> 'phones', e.customer -> 'phone'),
                                    '[^0-9,]', '', 'g') LIKE $15)
           ORDER BY hit.id DESC, o.shop, o.number LIMIT $16"#,
        place,
        floor,
        before,
        text,
        deal,
        &wanted.shops,
        &wanted.portals,
        wanted.dead,
        wanted.waits,
        wanted.in_sync,
        wanted.status,
        wanted.since,
        wanted.until,
        &wanted.patterns,
        wanted.digits,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The lowest of the newest ids of events below `before`, so many of them; none where there is no
/// such event.
pub async fn floor(db: &mut PgConnection, before: i64, events: i64) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT min(id) FROM (SELECT id FROM bridge.outbox WHERE id < $1
                              ORDER BY id DESC LIMIT $2) newest",
        before,
        events
    )
    .fetch_one(db)
    .await?)
}

/// The newest event at or below an id: its id, and when it came.
pub async fn newest_upto(
    db: &mut PgConnection,
    id: i64,
) -> Result<Option<(i64, DateTime<Utc>)>, Error> {
    let row = sqlx::query!(
        "SELECT id, received_at FROM bridge.outbox WHERE id <= $1 ORDER BY id DESC LIMIT 1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.received_at)))
}

/// A person waits for a few seconds at most, and the database works no longer for them.
async fn patiently(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SET LOCAL statement_timeout = '5s'")
        .execute(db)
        .await?;
    Ok(())
}
