//! Orders as people look for them.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// One order that was found.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// The shop.
    pub shop: String,
    /// Its number.
    pub number: String,
    /// The portal.
    pub portal: String,
    /// Its deal.
    pub deal_id: Option<i64>,
    /// The shop's status.
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
    /// The customer's name.
    pub customer: Option<String>,
}

/// Orders of this number, or with this deal, newest first.
pub async fn by_number(
    db: &mut PgConnection,
    shops: &[String],
    number: &str,
    deal: Option<i64>,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    Ok(sqlx::query_as!(
        FoundRow,
        r#"WITH hit AS (
               SELECT shop, number FROM bridge.orders WHERE shop = ANY($1) AND number = $2
               UNION
               SELECT shop, number FROM bridge.orders WHERE deal_id = $3
           )
           SELECT o.shop AS "shop!", o.number AS "number!", o.portal AS "portal!", o.deal_id,
                  o.status, o.stage, o.in_sync AS "in_sync!", o.waits AS "waits!",
                  o.dead AS "dead!",
                  e.received_at AS "received_at?", e.body #>> '{data,customer,name}' AS customer
           FROM hit JOIN bridge.order_states o USING (shop, number) LEFT
             JOIN bridge.outbox e ON e.id = o.head_id
           ORDER BY o.head_id DESC NULLS LAST LIMIT $4"#,
        shops,
        number,
        deal,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Orders whose customer has one of these keys (see `bridge.contacts`), newest first.
pub async fn by_contact(
    db: &mut PgConnection,
    keys: &[String],
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    patiently(db).await?;
    // First the few events, then their orders one by one: the planner would otherwise read all
    // orders.
    Ok(sqlx::query_as!(
        FoundRow,
        r#"WITH hit AS MATERIALIZED (
               SELECT e.id, e.shop, e.number, e.received_at,
                      e.body #>> '{data,customer,name}' AS customer
               FROM bridge.outbox e WHERE e.id IN (SELECT event FROM bridge.contacts
                 WHERE key = ANY($1))
           )
           SELECT o.shop AS "shop!", o.number AS "number!", o.portal AS "portal!", o.deal_id,
                  o.status, o.stage, o.in_sync AS "in_sync!", o.waits AS "waits!",
                  o.dead AS "dead!",
                  hit.received_at AS "received_at?", hit.customer
           FROM hit CROSS JOIN LATERAL (
               SELECT * FROM bridge.order_states o WHERE o.shop = hit.shop AND o.number = hit.number
                 AND o.head_id = hit.id LIMIT 1
           ) o
           ORDER BY hit.id DESC LIMIT $2"#,
        keys,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The orders that were heard of last, newest first.
pub async fn newest(db: &mut PgConnection, limit: i64) -> Result<Vec<FoundRow>, Error> {
    patiently(db).await?;
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT o.shop AS "shop!", o.number AS "number!", o.portal AS "portal!", o.deal_id,
                  o.status, o.stage, o.in_sync AS "in_sync!", o.waits AS "waits!",
                  o.dead AS "dead!",
                  e.received_at AS "received_at?", e.body #>> '{data,customer,name}' AS customer
           FROM bridge.outbox e CROSS JOIN LATERAL (
               SELECT * FROM bridge.order_states o WHERE o.shop = e.shop AND o.number = e.number
                 AND o.head_id = e.id LIMIT 1
           ) o
           ORDER BY e.id DESC LIMIT $1"#,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A person waits for a few seconds at most, and the database works no longer for them.
async fn patiently(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SET LOCAL statement_timeout = '5s'")
        .execute(db)
        .await?;
    Ok(())
}
