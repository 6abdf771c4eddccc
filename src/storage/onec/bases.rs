//! 1C bases, and which events they know of.

use crate::storage::{Error, OrderIdKind};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// What is known of a base.
#[derive(Debug, Clone)]
pub struct BaseRow {
    /// When it was first seen.
    pub since: DateTime<Utc>,
    /// Events up to this one are taken up.
    pub cursor: i64,
    /// What `Ид` was when the first order was confirmed.
    pub id_kind: Option<OrderIdKind>,
    /// The prefixes by shop when the first order was confirmed.
    pub prefixes: Option<Value>,
    /// When the first order was confirmed.
    pub exchanged_at: Option<DateTime<Utc>>,
}

/// A base that may be there; it is not made.
pub async fn find(db: &mut PgConnection, base: &str) -> Result<Option<BaseRow>, Error> {
    Ok(sqlx::query_as!(
        BaseRow,
        r#"SELECT since, cursor, id_kind AS "id_kind: OrderIdKind", prefixes, exchanged_at
           FROM bridge.onec_bases WHERE base = $1"#,
        base
    )
    .fetch_optional(db)
    .await?)
}

/// A base; it is made the first time.
pub async fn open(db: &mut PgConnection, base: &str) -> Result<BaseRow, Error> {
    if let Some(row) = find(db, base).await? {
        return Ok(row);
    }
    sqlx::query!(
        "INSERT INTO bridge.onec_bases (base) VALUES ($1) ON CONFLICT (base) DO NOTHING",
        base
    )
    .execute(&mut *db)
    .await?;
    find(db, base).await?.ok_or(Error::Unreadable {
        table: "onec_bases",
        detail: format!("the base {base} vanished"),
    })
}

/// The first order is confirmed: what identifies orders is fixed from now on.
pub async fn exchanged(
    db: &mut PgConnection,
    base: &str,
    id_kind: OrderIdKind,
    prefixes: &Value,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_bases SET exchanged_at = now(), id_kind = $2, prefixes = $3
         WHERE base = $1 AND exchanged_at IS NULL",
        base,
        id_kind.as_str(),
        prefixes
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether any of these shops has an order.
pub async fn have_orders(db: &mut PgConnection, shops: &[String]) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.orders WHERE shop = ANY($1)) AS "there!""#,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// Moves a base's cursor on; never back.
pub async fn move_cursor(db: &mut PgConnection, base: &str, to: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_bases SET cursor = $2 WHERE base = $1 AND cursor < $2",
        base,
        to
    )
    .execute(db)
    .await?;
    Ok(())
}
