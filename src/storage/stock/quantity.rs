//! Quantities that can be sold, as they are written into the portals' catalogues.

use crate::storage::Error;
use serde_json::Value;
use sqlx::PgConnection;

/// What can be sold of products of a stock: by product, as text; without those nobody knows.
pub async fn available(
    db: &mut PgConnection,
    stock: &str,
    products: &[String],
) -> Result<Value, Error> {
    let available = sqlx::query_scalar!(
        r#"SELECT bridge.stock_available($1, $2) AS "it!""#,
        stock,
        products
    );
    Ok(available.fetch_one(db).await?)
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
