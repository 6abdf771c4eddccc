//! Contents of orders whose master is 1C.

use crate::{
    domain::OrderKey,
    storage::{Error, Json},
};
use serde_json::Value;
use sqlx::PgConnection;

/// Stores what 1C has of an order that is locked; false: that is known.
pub async fn put(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    data: &Value,
    head: i64,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.onec_contents AS c (shop, number, base, data, head)
         VALUES ($2, $3, $1, $4, $5)
         ON CONFLICT (shop, number) DO UPDATE
         SET base = excluded.base, data = excluded.data, changed_at = now()
         WHERE c.data <> excluded.data OR c.base <> excluded.base",
        base,
        shop,
        number,
        data,
        head
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What 1C has of an order, where that counts.
pub async fn of_order(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
) -> Result<Option<Json>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT data AS "data: Json" FROM bridge.onec_contents
           WHERE shop = $1 AND number = $2"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// An order of which the shop has sent something newer than was looked at.
#[derive(Debug)]
pub struct ChangedRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What 1C has of the order's contents.
    pub data: Json,
    /// A print of the shop's contents that were last told to be others.
    pub shops: Option<String>,
    /// The shop's newest event.
    pub head: i64,
    /// That event, as the shop sent it.
    pub body: Json,
}

/// Orders of a base of which the shop has sent something newer than was looked at.
pub async fn changed(
    db: &mut PgConnection,
    base: &str,
    limit: i64,
) -> Result<Vec<ChangedRow>, Error> {
    Ok(sqlx::query_as!(
        ChangedRow,
        r#"SELECT c.shop, c.number, c.data AS "data: Json", c.shops, k.head, e.body AS "body: Json"
           FROM bridge.onec_contents c
           JOIN bridge.onec_orders k
             ON k.base = c.base AND k.shop = c.shop AND k.number = c.number
           JOIN bridge.outbox e ON e.id = k.head
           WHERE c.base = $1 AND k.head <> c.head ORDER BY c.shop, c.number LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The shop's newest was looked at; false: somebody else has done so.
pub async fn looked(
    db: &mut PgConnection,
    row: &ChangedRow,
    shops: Option<&str>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_contents SET head = $3, shops = $4
         WHERE shop = $1 AND number = $2 AND head < $3",
        row.shop,
        row.number,
        row.head,
        shops
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what a base has of orders whose master it is no more, at most `limit`: the orders.
pub async fn release(
    db: &mut PgConnection,
    base: &str,
    masters: &[String],
    limit: i64,
) -> Result<Vec<OrderKey>, Error> {
    Ok(sqlx::query_as!(
        OrderKey,
        "DELETE FROM bridge.onec_contents WHERE (shop, number) IN (
             SELECT shop, number FROM bridge.onec_contents
             WHERE base = $1 AND shop <> ALL($2) ORDER BY shop, number LIMIT $3)
         RETURNING shop, number",
        base,
        masters,
        limit
    )
    .fetch_all(db)
    .await?)
}
