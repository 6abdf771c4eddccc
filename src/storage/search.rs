//! Orders as people look for them.

use super::Error;
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
           SELECT o.shop, o.number, o.portal, o.deal_id, o.status, o.stage, o.in_sync, o.due_at IS NOT NULL AS "waits!",
                  EXISTS (SELECT FROM bridge.dead_letters d WHERE d.shop = o.shop AND d.number = o.number AND d.closed_at IS NULL) AS "dead!",
                  e.received_at AS "received_at?", e.body #>> '{data,customer,name}' AS customer
           FROM hit JOIN bridge.orders o USING (shop, number) LEFT JOIN bridge.outbox e ON e.id = o.head_id
           ORDER BY o.head_id DESC NULLS LAST LIMIT $4"#,
        shops,
        number,
        deal,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Orders whose customer has this e-mail address or a phone number that ends in these digits, newest first; without either: the
/// newest of all. Walks the outbox backwards, for a few seconds at most.
pub async fn by_customer(
    db: &mut PgConnection,
    email: Option<&str>,
    digits: Option<&str>,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    sqlx::query!("SET LOCAL statement_timeout = '5s'")
        .execute(&mut *db)
        .await?;
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT o.shop, o.number, o.portal, o.deal_id, o.status, o.stage, o.in_sync, o.due_at IS NOT NULL AS "waits!",
                  EXISTS (SELECT FROM bridge.dead_letters d WHERE d.shop = o.shop AND d.number = o.number AND d.closed_at IS NULL) AS "dead!",
                  e.received_at AS "received_at?", e.body #>> '{data,customer,name}' AS customer
           FROM bridge.outbox e JOIN bridge.orders o ON o.shop = e.shop AND o.number = e.number AND o.head_id = e.id
           WHERE ($1::text IS NULL AND $2::text IS NULL)
              OR lower(e.body #>> '{data,customer,email}') = $1
              OR right(regexp_replace(e.body #>> '{data,customer,phone}', '\D', '', 'g'), 10) = $2
              OR EXISTS (SELECT FROM jsonb_path_query(e.body, '$.data.customer.emails[*]') AS m WHERE lower(m #>> '{}') = $1)
              OR EXISTS (SELECT FROM jsonb_path_query(e.body, '$.data.customer.phones[*]') AS m
                         WHERE right(regexp_replace(m #>> '{}', '\D', '', 'g'), 10) = $2)
           ORDER BY e.id DESC LIMIT $3"#,
        email,
        digits,
        limit
    )
    .fetch_all(db)
    .await?)
}
