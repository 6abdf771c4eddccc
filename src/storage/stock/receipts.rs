//! Receipts of tills.

use crate::storage::Error;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

/// Stores a receipt once, and posts it; by hand: whatever its version. Says what became of it.
pub async fn receipt(db: &mut PgConnection, said: &Value, by_hand: bool) -> Result<Value, Error> {
    let answer = sqlx::query_scalar!(
        r#"SELECT bridge.stock_receipt($1, $2) AS "it!""#,
        said,
        by_hand
    );
    Ok(answer.fetch_one(db).await?)
}

/// Which receipt: of a shop, by its till and its id there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiptKey {
    /// The shop's name in the settings.
    pub shop: String,
    /// The till that closed it.
    pub till: String,
    /// The receipt's id there.
    pub receipt: String,
}

/// What the names of a line of a receipt mean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Option<Vec<String>>")]
pub enum Meant {
    /// No product is known by them.
    Nothing,
    /// The one that they mean is counted in another unit.
    InOtherUnit,
    /// Exactly this product.
    One(String),
    /// Any of several.
    Several(Vec<String>),
}

impl From<Option<Vec<String>>> for Meant {
    /// As `bridge.stock_receipt_products` says it.
    fn from(found: Option<Vec<String>>) -> Self {
        let Some(mut found) = found else {
            return Self::Nothing;
        };
        match (found.pop(), found.is_empty()) {
            (None, _) => Self::InOtherUnit,
            (Some(one), true) => Self::One(one),
            (Some(last), false) => {
                found.push(last);
                Self::Several(found)
            }
        }
    }
}

/// Posts a receipt again whose lines were parked; none: none are. `store` counts where the
/// receipt's own was not known.
pub async fn receipt_again(
    db: &mut PgConnection,
    key: &ReceiptKey,
    store: Option<&str>,
) -> Result<Option<Value>, Error> {
    let answer = sqlx::query_scalar!(
        "SELECT bridge.stock_receipt_again($1, $2, $3, $4)",
        key.shop,
        key.till,
        key.receipt,
        store
    );
    Ok(answer.fetch_one(db).await?)
}

/// The order that a receipt was the pick-up of; none: of none, or it has not come. One that is
/// annulled need not say it again.
pub async fn number_of(db: &mut PgConnection, key: &ReceiptKey) -> Result<Option<String>, Error> {
    let number = sqlx::query_scalar!(
        "SELECT coalesce(r.number, (SELECT min(g.number) FROM bridge.receipt_goods g
                                    WHERE (g.shop, g.till, g.receipt) = (r.shop, r.till, r.receipt)
                                      AND g.number <> '' AND r.cancelled)) AS number
         FROM bridge.receipts r WHERE (r.shop, r.till, r.receipt) = ($1, $2, $3)",
        key.shop,
        key.till,
        key.receipt
    );
    Ok(number.fetch_optional(db).await?.flatten())
}

/// The refunds of a sale that have come and are not annulled.
pub async fn refunds_of(db: &mut PgConnection, sale: &ReceiptKey) -> Result<Vec<String>, Error> {
    let refunds = sqlx::query_scalar!(
        "SELECT receipt FROM bridge.receipts
         WHERE shop = $1 AND till = $2 AND body ->> 'of' = $3 AND kind = 'refund'
           AND NOT cancelled
         ORDER BY received_at, receipt",
        sale.shop,
        sale.till,
        sale.receipt
    );
    Ok(refunds.fetch_all(db).await?)
}

/// Waits for whoever else has to do with a sale and its refunds, until the transaction ends: of a
/// pick-up and its refund that come at once, one sees the other.
pub async fn lock_sale(db: &mut PgConnection, sale: &ReceiptKey) -> Result<(), Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtext('bridge.receipts'),
                                      hashtext(concat_ws('/', $1::text, $2::text, $3::text)))",
        sale.shop,
        sale.till,
        sale.receipt
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A receipt with parked lines.
#[derive(Debug, Clone)]
pub struct ParkedRow {
    /// The shop, the till and the receipt's id.
    pub key: ReceiptKey,
    /// The stock's name in the settings.
    pub stock: String,
    /// Whether its store is known.
    pub has_store: bool,
    /// The store, as it was named.
    pub store_named: Option<String>,
    /// Whether the product of a parked line is known by now.
    pub known: bool,
}

/// Receipts with parked lines above this one, in the order of their keys.
pub async fn parked(
    db: &mut PgConnection,
    after: &ReceiptKey,
    limit: i64,
) -> Result<Vec<ParkedRow>, Error> {
    let rows = sqlx::query!(
        r#"SELECT r.shop, r.till, r.receipt, r.stock, r.store IS NOT NULL AS "has_store!",
                  r.store_named,
                  EXISTS (SELECT FROM jsonb_array_elements(r.parked) AS p (line)
                          WHERE cardinality(bridge.stock_receipt_products(
                              r.stock, s.products_by, p.line -> 'names')) = 1) AS "known!"
           FROM bridge.receipts r JOIN bridge.stock_shops s USING (shop)
           WHERE r.parked <> '[]' AND (r.shop, r.till, r.receipt) > ($1, $2, $3)
           ORDER BY r.shop, r.till, r.receipt LIMIT $4"#,
        after.shop,
        after.till,
        after.receipt,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ParkedRow {
            key: ReceiptKey {
                shop: row.shop,
                till: row.till,
                receipt: row.receipt,
            },
            stock: row.stock,
            has_store: row.has_store,
            store_named: row.store_named,
            known: row.known,
        })
        .collect())
}
