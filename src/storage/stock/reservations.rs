//! Reservations: each thing done is one function in the database, which answers `{status, body}`.

use crate::{domain::OrderKey, storage::Error};
use serde_json::{Value, value::RawValue};
use sqlx::PgConnection;

/// Answers requests, a list as JSON text: one answer for each, in order, as text too. Waits at most
/// a second for a lock.
pub async fn reserve(db: &mut PgConnection, requests: &str) -> Result<Vec<Box<RawValue>>, Error> {
    let answers = sqlx::query_scalar!(
        r#"SELECT bridge.stock_reserve_group($1::text::jsonb)::text AS "it!""#,
        requests
    );
    let answers = answers.fetch_one(db).await?;
    serde_json::from_str(&answers).map_err(|error| Error::Unreadable {
        table: "the answer of a stock function",
        detail: format!("reservations: {error}"),
    })
}

/// Sets free what a reservation still holds.
pub async fn release(db: &mut PgConnection, shop: &str, id: &str) -> Result<Value, Error> {
    let answer = sqlx::query_scalar!(r#"SELECT bridge.stock_release($1, $2) AS "it!""#, shop, id);
    Ok(answer.fetch_one(db).await?)
}

/// Holds a reservation for so many seconds from now.
pub async fn extend(
    db: &mut PgConnection,
    shop: &str,
    id: &str,
    seconds: f64,
) -> Result<Value, Error> {
    let answer = sqlx::query_scalar!(
        r#"SELECT bridge.stock_extend($1, $2, $3) AS "it!""#,
        shop,
        id,
        seconds
    );
    Ok(answer.fetch_one(db).await?)
}

/// Takes what a reservation holds from the shelf; without lines everything that is left.
pub async fn ship(
    db: &mut PgConnection,
    (shop, id): (&str, &str),
    shipment: Option<&str>,
    lines: Option<&Value>,
) -> Result<Value, Error> {
    let answer = sqlx::query_scalar!(
        r#"SELECT bridge.stock_ship($1, $2, $3, $4) AS "it!""#,
        shop,
        id,
        shipment,
        lines
    );
    Ok(answer.fetch_one(db).await?)
}

/// A reservation as it is now.
pub async fn read(db: &mut PgConnection, shop: &str, id: &str) -> Result<Value, Error> {
    let answer = sqlx::query_scalar!(
        r#"SELECT bridge.stock_reservation($1, $2) AS "it!""#,
        shop,
        id
    );
    Ok(answer.fetch_one(db).await?)
}

/// Writes down what has run out, of these products of a stock or of all; returns how many
/// reservations did.
pub async fn expire(
    db: &mut PgConnection,
    stock: Option<&str>,
    products: Option<&[String]>,
    most: i32,
) -> Result<i64, Error> {
    let expired = sqlx::query_scalar!(
        r#"SELECT bridge.stock_expire($1, $2, $3) AS "it!""#,
        stock,
        products as Option<&[String]>,
        most
    );
    Ok(expired.fetch_one(db).await?)
}

/// Counts as shipped what a reservation holds that has left already, where somebody was at its
/// order when it was made; false: there is none that nobody else looks at.
pub async fn take_over(db: &mut PgConnection) -> Result<bool, Error> {
    let query = sqlx::query_scalar!(r#"SELECT bridge.stock_take_over_again() AS "it!""#);
    Ok(query.fetch_one(db).await?)
}

/// The reservations that are held for an order.
pub async fn held_for(db: &mut PgConnection, order: &OrderKey) -> Result<Vec<String>, Error> {
    let ids = sqlx::query_scalar!(
        "SELECT r.id FROM bridge.reservations r
         WHERE r.shop = $1 AND (r.number = $2 OR r.id = $2) AND r.state = 'held' ORDER BY r.id",
        order.shop,
        order.number
    );
    Ok(ids.fetch_all(db).await?)
}
