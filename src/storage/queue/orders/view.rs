//! Orders as people see them, with their deals, and with the events by which they are known.

use crate::{
    domain::{Agreed, OrderKey},
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An order as people see it.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// The portal's name in the settings.
    pub portal: String,
    /// The id of its deal in the portal, once there is one.
    pub deal_id: Option<i64>,
    /// The id of its lead in the portal, once there is one.
    pub lead_id: Option<i64>,
    /// The id of its contact in the portal, once there is one.
    pub contact_id: Option<i64>,
    /// The id of its company in the portal, once there is one.
    pub company_id: Option<i64>,
    /// The shop's status: what it said, or was told since.
    pub status: Option<String>,
    /// `STAGE_ID` of its deal, as last known.
    pub stage: Option<String>,
    /// Whether both sides hold the same, and nothing is on its way.
    pub in_sync: bool,
    /// How many of its events are not settled yet.
    pub pending: i64,
    /// How many dead letters about it are open.
    pub dead: i64,
    /// How its contact and company were recognised.
    pub recognised: Option<Json>,
    /// The newest event of it, as far as that is stored.
    pub event: Option<Json>,
    /// What was last agreed, and what the shop was told since.
    pub agreed: Option<Json<Agreed>>,
}

/// An order by its shop and number; `None` if it was never accepted.
pub async fn view(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
) -> Result<Option<OrderRow>, Error> {
    Ok(sqlx::query_as!(
        OrderRow,
        r#"SELECT o.portal AS "portal!", o.deal_id, o.lead_id, o.contact_id, o.company_id, o.status,
                  o.stage, o.in_sync AS "in_sync!",
                  o.waits::int::bigint AS "pending!",
                  (SELECT count(*) FROM bridge.dead_letters d
                   WHERE d.shop = o.shop AND d.number = o.number
                     AND d.closed_at IS NULL) AS "dead!",
                  (SELECT nullif(r.known -> 'recognised', 'null') FROM bridge.orders r
                   WHERE r.shop = $1 AND r.number = $2) AS "recognised: Json",
                  (SELECT e.body FROM bridge.outbox e WHERE e.id = o.head_id) AS "event: Json",
                  (SELECT a.agreed FROM bridge.agreements a
                   WHERE a.shop = $1 AND a.number = $2) AS "agreed: Json<Agreed>"
           FROM bridge.order_states o WHERE o.shop = $1 AND o.number = $2"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// An order whose newest event was refused and is tried again by itself.
#[derive(Debug, Clone)]
pub struct RefusedOrder {
    /// The row id of that event.
    pub event: i64,
    /// It as it was sent.
    pub body: Json,
    /// What it was refused with last.
    pub code: String,
    /// What was said with it, in the portal's words or the bridge's.
    pub message: String,
    /// Tries that were judged.
    pub attempts: i32,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
}

/// What is tried again of an order; none where nothing of it was refused, or nothing waits.
pub async fn still_tried(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
) -> Result<Option<RefusedOrder>, Error> {
    Ok(sqlx::query_as!(
        RefusedOrder,
        r#"SELECT e.id AS event, e.body AS "body: Json", o.error_code AS "code!",
                  coalesce(o.error_message, '') AS "message!", o.attempts, o.due_at AS "due_at!"
           FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id
           WHERE o.shop = $1 AND o.number = $2 AND o.due_at IS NOT NULL
             AND o.error_code IS NOT NULL"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// An order that has a deal, with what was agreed.
#[derive(Debug, Clone)]
pub struct WithDeal {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal.
    pub deal_id: i64,
    /// The order's status in the shop, as far as the bridge knows it.
    pub status: Option<String>,
    /// What was last agreed.
    pub agreed: Option<Json<Agreed>>,
    /// The status that the shop is not told, because the message died or was let go.
    pub untold: Option<String>,
}

/// The next orders of a portal that have a deal, by shop and number; those that the shop deleted
/// are left out.
pub async fn with_deals(
    db: &mut PgConnection,
    portal: &str,
    after: &OrderKey,
    limit: i64,
) -> Result<Vec<WithDeal>, Error> {
    Ok(sqlx::query_as!(
        WithDeal,
        r#"SELECT o.shop, o.number, o.deal_id AS "deal_id!", o.status,
                  a.agreed AS "agreed?: Json<Agreed>",
                  (SELECT c.status FROM bridge.status_changes c
                   WHERE c.shop = o.shop AND c.number = o.number AND c.state = 'dead'
                     ORDER BY c.seq DESC LIMIT 1) AS untold
           FROM bridge.orders o LEFT JOIN bridge.agreements a USING (shop, number)
           WHERE o.portal = $1 AND o.deal_id IS NOT NULL AND (o.shop, o.number) > ($2, $3)
             AND NOT coalesce((o.said ->> 'deleted')::boolean, false)
           ORDER BY o.shop, o.number LIMIT $4"#,
        portal,
        after.shop,
        after.number,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// How many orders of a portal have a deal.
pub async fn count_with_deals(db: &mut PgConnection, portal: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bridge.orders WHERE portal = $1
             AND deal_id IS NOT NULL"#,
        portal
    )
    .fetch_one(db)
    .await?)
}

/// The event by which an order is known.
#[derive(Debug, Clone)]
pub struct HeadEvent {
    /// `source` of the CloudEvents message.
    pub source: String,
    /// `id` of the CloudEvents message.
    pub event_id: String,
    /// The event as it was sent.
    pub body: Json,
}

/// An order, and the event by which it is known.
#[derive(Debug, Clone)]
pub struct Head {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Its newest event; none: it is not kept any more.
    pub event: Option<HeadEvent>,
}

/// The newest events of orders, but of those of which nothing but history is known and nothing is
/// held.
pub async fn heads(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<Head>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.shop, o.number, e.source AS "source?", e.event_id AS "event_id?",
                  e.body AS "body?: Json"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
           JOIN bridge.orders o USING (shop, number)
           LEFT JOIN bridge.outbox e ON e.id = o.head_id
           WHERE NOT o.later
              OR EXISTS (SELECT FROM bridge.reservations r
                         WHERE r.shop = o.shop AND (r.number = o.number OR r.id = o.number)
                           AND r.state = 'held')
           ORDER BY o.shop, o.number"#,
        shops,
        numbers
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    let head = rows.map(|row| Head {
        shop: row.shop,
        number: row.number,
        event: match (row.source, row.event_id, row.body) {
            (Some(source), Some(event_id), Some(body)) => Some(HeadEvent {
                source,
                event_id,
                body,
            }),
            _ => None,
        },
    });
    Ok(head.collect())
}
