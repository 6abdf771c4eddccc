//! Payments and shipments of orders as 1C last said them. They are kept as long as their orders
//! are: 1C sends old ones again, and the shop is told each change once.

use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A payment or a shipment.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The base's name in the settings.
    pub base: &'a str,
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// The order's number in its shop.
    pub number: &'a str,
    /// What it is: `payment` or `shipment`.
    pub kind: &'a str,
    /// The payment's or shipment's own id: `Ид`.
    pub id: &'a str,
}

/// What is known of it.
#[derive(Debug, Clone)]
pub struct FactRow {
    /// As it is told to the shop.
    pub data: Json,
    /// The shop was told of it.
    pub told: bool,
    /// When 1C made the file in which it came.
    pub formed_at: Option<DateTime<Utc>>,
}

/// What is to be known of it from now on.
#[derive(Debug, Clone, Copy)]
pub struct NewFact<'a> {
    /// As it is told to the shop.
    pub data: &'a Value,
    /// The shop was told of it.
    pub told: bool,
    /// When 1C made the file in which it came.
    pub formed_at: Option<DateTime<Utc>>,
}

/// What is known of a payment or a shipment of an order that is locked.
pub async fn known(db: &mut PgConnection, key: Key<'_>) -> Result<Option<FactRow>, Error> {
    Ok(sqlx::query_as!(
        FactRow,
        r#"SELECT data AS "data: Json", told, formed_at FROM bridge.onec_facts
           WHERE base = $1 AND shop = $2 AND number = $3 AND kind = $4 AND id = $5"#,
        key.base,
        key.shop,
        key.number,
        key.kind,
        key.id
    )
    .fetch_optional(db)
    .await?)
}

/// Stores it as 1C says it now.
pub async fn put(db: &mut PgConnection, key: Key<'_>, new: &NewFact<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.onec_facts (base, shop, number, kind, id, data, told, formed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (base, shop, number, kind, id) DO UPDATE
         SET data = excluded.data, told = excluded.told,
             formed_at = excluded.formed_at, changed_at = now()",
        key.base,
        key.shop,
        key.number,
        key.kind,
        key.id,
        new.data,
        new.told,
        new.formed_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes it out: something else stands in its place.
pub async fn remove(db: &mut PgConnection, key: Key<'_>) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.onec_facts
         WHERE base = $1 AND shop = $2 AND number = $3 AND kind = $4 AND id = $5",
        key.base,
        key.shop,
        key.number,
        key.kind,
        key.id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A payment or a shipment of an order.
#[derive(Debug, Clone)]
pub struct ToldRow {
    /// Its own id: `Ид`.
    pub id: String,
    /// As it is told to the shop.
    pub data: Json,
}

/// All of one kind that is known of an order that is locked.
pub async fn of_order(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    kind: &str,
) -> Result<Vec<ToldRow>, Error> {
    Ok(sqlx::query_as!(
        ToldRow,
        r#"SELECT id, data AS "data: Json" FROM bridge.onec_facts
           WHERE base = $1 AND shop = $2 AND number = $3 AND kind = $4 ORDER BY id"#,
        base,
        shop,
        number,
        kind
    )
    .fetch_all(db)
    .await?)
}
