//! Products, prices and counts, as 1C's files say.
//!
//! An older file never overwrites what a newer one said, product by product and store by store.

use crate::storage::{Error, ListKind};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

/// A product, or what an offer says of it.
#[derive(Debug, Clone)]
pub struct ProductRow {
    /// 1C's GUID, with the characteristic's.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its article.
    pub sku: Option<String>,
    /// Its barcodes, one a line.
    pub barcodes: Option<String>,
    /// What the catalogue says.
    pub product: Option<Value>,
    /// What the offers say.
    pub variant: Option<Value>,
    /// Whether it is withdrawn.
    pub deleted: bool,
}

/// Stores products.
pub async fn products(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ProductRow],
) -> Result<(), Error> {
    let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| row.name.as_deref()).collect();
    let skus: Vec<Option<&str>> = rows.iter().map(|row| row.sku.as_deref()).collect();
    let barcodes: Vec<Option<&str>> = rows.iter().map(|row| row.barcodes.as_deref()).collect();
    let products: Vec<Option<&Value>> = rows.iter().map(|row| row.product.as_ref()).collect();
    let variants: Vec<Option<&Value>> = rows.iter().map(|row| row.variant.as_ref()).collect();
    let deleted: Vec<bool> = rows.iter().map(|row| row.deleted).collect();
    sqlx::query!(
        r"INSERT INTO bridge.onec_products AS p
              (base, id, name, sku, barcodes, product, variant, deleted, formed_at, touched_at)
          SELECT $1, n.id, n.name, n.sku, coalesce(string_to_array(n.barcodes, E'\n'), '{}'),
                 n.product, n.variant,
                 n.deleted, $2, now()
          FROM UNNEST($3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[],
            $9::boolean[])
              AS n (id, name, sku, barcodes, product, variant, deleted)
          ORDER BY n.id
          ON CONFLICT (base, id) DO UPDATE
          SET name = coalesce(CASE WHEN excluded.product IS NULL THEN p.name END, excluded.name,
            p.name),
              sku = coalesce(excluded.sku, p.sku),
              barcodes = CASE WHEN excluded.barcodes = '{}' THEN p.barcodes
                ELSE excluded.barcodes END,
              product = coalesce(excluded.product, p.product),
              variant = coalesce(excluded.variant, p.variant),
              deleted = excluded.deleted, formed_at = excluded.formed_at, touched_at = now(),
              gone_at = NULL
          WHERE p.formed_at <= excluded.formed_at",
        base,
        formed_at,
        &ids as &[&str],
        &names as &[Option<&str>],
        &skus as &[Option<&str>],
        &barcodes as &[Option<&str>],
        &products as &[Option<&Value>],
        &variants as &[Option<&Value>],
        &deleted
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A price.
#[derive(Debug, Clone)]
pub struct PriceRow {
    /// The product.
    pub product: String,
    /// The price type; empty: none is named.
    pub price_type: String,
    /// The price of one unit.
    pub price: Decimal,
    /// The currency as 1C writes it.
    pub currency: Option<String>,
    /// The unit.
    pub unit: Option<String>,
}

/// Stores prices.
pub async fn prices(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[PriceRow],
) -> Result<(), Error> {
    let products: Vec<&str> = rows.iter().map(|row| &*row.product).collect();
    let types: Vec<&str> = rows.iter().map(|row| &*row.price_type).collect();
    let prices: Vec<Decimal> = rows.iter().map(|row| row.price).collect();
    let currencies: Vec<Option<&str>> = rows.iter().map(|row| row.currency.as_deref()).collect();
    let units: Vec<Option<&str>> = rows.iter().map(|row| row.unit.as_deref()).collect();
    sqlx::query!(
        "INSERT INTO bridge.onec_prices AS p
             (base, product, price_type, price, currency, unit, formed_at, touched_at)
         SELECT $1, n.product, n.price_type, n.price, n.currency, n.unit, $2, now()
         FROM UNNEST($3::text[], $4::text[], $5::numeric[], $6::text[], $7::text[])
             AS n (product, price_type, price, currency, unit)
         ORDER BY n.product, n.price_type
         ON CONFLICT (base, product, price_type) DO UPDATE
         SET price = excluded.price, currency = excluded.currency, unit = excluded.unit,
             formed_at = excluded.formed_at, touched_at = now()
         WHERE p.formed_at <= excluded.formed_at",
        base,
        formed_at,
        &products as &[&str],
        &types as &[&str],
        &prices,
        &currencies as &[Option<&str>],
        &units as &[Option<&str>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How much there is.
#[derive(Debug, Clone)]
pub struct CountRow {
    /// The product.
    pub product: String,
    /// The warehouse; empty: all together.
    pub store: String,
    /// How much.
    pub quantity: Decimal,
}

/// Stores counts.
pub async fn counts(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[CountRow],
) -> Result<(), Error> {
    let products: Vec<&str> = rows.iter().map(|row| &*row.product).collect();
    let stores: Vec<&str> = rows.iter().map(|row| &*row.store).collect();
    let quantities: Vec<Decimal> = rows.iter().map(|row| row.quantity).collect();
    sqlx::query!(
        "INSERT INTO bridge.onec_counts AS c (base, product, store, quantity, formed_at, touched_at)
         SELECT $1, n.product, n.store, n.quantity, $2, now()
         FROM UNNEST($3::text[], $4::text[], $5::numeric[]) AS n (product, store, quantity)
         ORDER BY n.product, n.store
         ON CONFLICT (base, product, store) DO UPDATE
         SET quantity = excluded.quantity, formed_at = excluded.formed_at, touched_at = now()
         WHERE c.formed_at <= excluded.formed_at",
        base,
        formed_at,
        &products as &[&str],
        &stores as &[&str],
        &quantities
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A group, a property, a price type or a warehouse.
#[derive(Debug, Clone)]
pub struct ListRow {
    /// What kind of thing it is.
    pub kind: ListKind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What else is said of it.
    pub detail: Value,
}

/// Stores what lists name.
pub async fn lists(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ListRow],
) -> Result<(), Error> {
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
    let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    let details: Vec<&Value> = rows.iter().map(|row| &row.detail).collect();
    sqlx::query!(
        "INSERT INTO bridge.onec_lists AS l (base, kind, id, name, detail, formed_at, touched_at)
         SELECT $1, n.kind, n.id, n.name, n.detail, $2, now()
         FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[]) AS n (kind, id, name, detail)
         ORDER BY n.kind, n.id
         ON CONFLICT (base, kind, id) DO UPDATE
         SET name = excluded.name, detail = excluded.detail, formed_at = excluded.formed_at,
             touched_at = now()
         WHERE l.formed_at <= excluded.formed_at",
        base,
        formed_at,
        &kinds as &[&str],
        &ids as &[&str],
        &names as &[&str],
        &details as &[&Value]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A full exchange that began at this time has ended: products that it did not speak of are gone.
pub async fn gone(
    db: &mut PgConnection,
    base: &str,
    began_at: DateTime<Utc>,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_products SET gone_at = now() WHERE base = $1 AND touched_at < $2
           AND gone_at IS NULL",
        base,
        began_at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The products that these articles name, where each names one alone: article and id.
pub async fn by_sku(
    db: &mut PgConnection,
    base: &str,
    skus: &[String],
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT sku AS "sku!", min(id) AS "id!" FROM bridge.onec_products
           WHERE base = $1 AND sku = ANY($2) AND NOT deleted AND gone_at IS NULL
           GROUP BY sku HAVING count(*) = 1"#,
        base,
        skus
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.sku, row.id)).collect())
}
