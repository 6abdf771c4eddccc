//! Quantities that can be sold, as they are written into the portals' catalogues.

use crate::storage::{Error, Json};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// What can be sold of products of a stock: by product, as text; without those nobody knows.
pub async fn available(
    db: &mut PgConnection,
    stock: &str,
    products: &[String],
) -> Result<BTreeMap<String, String>, Error> {
    let available = sqlx::query_scalar!(
        r#"SELECT bridge.stock_available($1, $2) AS "it!: Json<BTreeMap<String, String>>""#,
        stock,
        products
    );
    let available = available.fetch_one(db).await?;
    Ok(available.read_of(
        "bridge.stock_levels",
        "on_hand",
        format_args!("the stock {stock}"),
    )?)
}

/// Makes the products of the next changed levels due in these shops' portals; returns of how many
/// products levels had changed.
pub async fn show(
    db: &mut PgConnection,
    stock: &str,
    shops: &[String],
    most: i32,
) -> Result<i64, Error> {
    let shown = sqlx::query_scalar!(
        r#"SELECT bridge.stock_show($1, $2, $3) AS "it!""#,
        stock,
        shops,
        most
    );
    Ok(shown.fetch_one(db).await?)
}
