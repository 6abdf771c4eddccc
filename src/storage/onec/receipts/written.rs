//! Receipts of tills with all that is needed to write them for a base.

use crate::{
    domain::ReceiptKind,
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A receipt that a base is to get.
#[derive(Debug, Clone)]
pub struct TillReceiptRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The key under which the base's queue has the receipt.
    pub number: String,
    /// The till's name in the settings, or that and a part of it.
    pub till: String,
    /// The receipt's id in the till.
    pub receipt: String,
    /// Which way its goods went.
    pub kind: ReceiptKind,
    /// The order of which it is the pick-up.
    pub order_number: Option<String>,
    /// Whether the shop has sent that order.
    pub order_known: bool,
    /// The store, as it is called here, else as it was named.
    pub store: Option<String>,
    /// Whether it was annulled.
    pub cancelled: bool,
    /// When it was closed, by the till's clock.
    pub closed_at: DateTime<Utc>,
    /// When it first came.
    pub received_at: DateTime<Utc>,
    /// When its newest version came.
    pub changed_at: DateTime<Utc>,
    /// The receipt as it came.
    pub body: Json,
}

/// Receipts of a base, by their keys.
pub async fn documents(
    db: &mut PgConnection,
    base: &str,
    (shops, numbers): (&[String], &[String]),
) -> Result<Vec<TillReceiptRow>, Error> {
    Ok(sqlx::query_as!(
        TillReceiptRow,
        r#"SELECT c.shop, c.number, c.till, c.receipt, r.kind AS "kind: ReceiptKind",
                  r.number AS order_number,
                  EXISTS (SELECT FROM bridge.orders o
                          WHERE o.shop = r.shop AND o.number = r.number) AS "order_known!",
                  coalesce(r.store, r.store_named) AS store, r.cancelled, r.closed_at,
                  r.received_at, r.changed_at, r.body AS "body: Json"
           FROM bridge.onec_receipts c
           JOIN UNNEST($2::text[], $3::text[]) AS g (shop, number) USING (shop, number)
           JOIN bridge.receipts r USING (shop, till, receipt)
           WHERE c.base = $1"#,
        base,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// What is known of the goods of a line of a receipt.
#[derive(Debug, Clone)]
pub struct KnownRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The key under which the base's queue has the receipt.
    pub number: String,
    /// The line's id in the receipt.
    pub line: String,
    /// The product, as the shop names it.
    pub product: String,
    /// 1C's own id of it, where it has exactly one.
    pub xml_id: Option<String>,
    /// Its article, where it has exactly one.
    pub sku: Option<String>,
}

/// What is known of the goods of receipts: of the lines that mean exactly one product.
pub async fn goods(
    db: &mut PgConnection,
    base: &str,
    (shops, numbers): (&[String], &[String]),
) -> Result<Vec<KnownRow>, Error> {
    Ok(sqlx::query_as!(
        KnownRow,
        r#"SELECT c.shop, c.number, l.line ->> 'line' AS "line!", f.found[1] AS "product!",
                  (SELECT min(k.value) FROM bridge.stock_product_keys k
                   WHERE k.stock = r.stock AND k.product = f.found[1] AND k.kind = 'xml_id'
                   HAVING count(*) = 1) AS xml_id,
                  (SELECT min(k.value) FROM bridge.stock_product_keys k
                   WHERE k.stock = r.stock AND k.product = f.found[1] AND k.kind = 'sku'
                   HAVING count(*) = 1) AS sku
           FROM bridge.onec_receipts c
           JOIN UNNEST($2::text[], $3::text[]) AS g (shop, number) USING (shop, number)
           JOIN bridge.receipts r USING (shop, till, receipt)
           JOIN bridge.stock_shops s ON s.shop = r.shop
           CROSS JOIN LATERAL jsonb_array_elements(r.lines) AS l (line)
           CROSS JOIN LATERAL bridge.stock_receipt_products(r.stock, s.products_by,
                                                            l.line -> 'names') AS f (found)
           WHERE c.base = $1 AND cardinality(f.found) = 1"#,
        base,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// The `Ид` of the document by which the goods of a refund went: of its sale, or of the order that
/// was picked up; by the shop and the key of the refund.
pub async fn sales(
    db: &mut PgConnection,
    base: &str,
    (shops, numbers): (&[String], &[String]),
) -> Result<Vec<(String, String, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT c.shop, c.number, d.doc_id AS "doc_id!"
           FROM bridge.onec_receipts c
           JOIN UNNEST($2::text[], $3::text[]) AS g (shop, number) USING (shop, number)
           JOIN bridge.receipts r USING (shop, till, receipt)
           LEFT JOIN bridge.receipts s
             ON s.shop = r.shop AND s.till = r.till AND s.receipt = r.body ->> 'of'
           LEFT JOIN bridge.onec_receipts e
             ON e.base = c.base AND e.shop = s.shop AND e.till = s.till AND e.receipt = s.receipt
           CROSS JOIN LATERAL (
               SELECT k.doc_id FROM bridge.onec_orders k
               WHERE k.base = c.base AND k.shop = c.shop AND k.doc_id IS NOT NULL
                 AND k.number IN (e.number, s.number, r.number)
               ORDER BY array_position(ARRAY[s.number, r.number, e.number], k.number) LIMIT 1) d
           WHERE c.base = $1 AND r.kind = 'refund'"#,
        base,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.shop, row.number, row.doc_id))
        .collect())
}
