//! Products, prices and counts, as 1C's files say.
//!
//! An older file never overwrites what a newer one said, product by product and store by store.

use crate::storage::{Error, Json, ListKind};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

/// A product, or what an offer says of it.
#[derive(Debug, Clone)]
pub struct ProductRow {
    /// 1C's GUID, with the characteristic's.
    pub id: String,
    /// `Наименование`; `None`: this file does not say it.
    pub name: Option<String>,
    /// `Артикул`; `None`: this file does not say it.
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

/// Stores products. What a file leaves out stays as it was, as do pictures of which it says
/// nothing; what came in a newer file stays, too.
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
              product = CASE
                WHEN excluded.product IS NULL THEN p.product
                WHEN excluded.product ? 'pictures' OR NOT coalesce(p.product ? 'pictures', false)
                  THEN excluded.product
                ELSE excluded.product || jsonb_build_object('pictures', p.product -> 'pictures')
                END,
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

/// What 1C asks for one unit of a product, by one price type.
#[derive(Debug, Clone)]
pub struct PriceRow {
    /// 1C's GUID of the product, with the characteristic's.
    pub product: String,
    /// The price type; empty: none is named.
    pub price_type: String,
    /// The price of one unit.
    pub price: Decimal,
    /// The currency as 1C writes it.
    pub currency: Option<String>,
    /// The unit of measure that the price is of.
    pub unit: Option<String>,
}

/// Stores prices; one that came in a newer file stays.
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
    /// 1C's GUID of the product, with the characteristic's.
    pub product: String,
    /// The warehouse; empty: all together.
    pub store: String,
    /// How much of it there is; 1C may say less than zero.
    pub quantity: Decimal,
}

/// Stores counts; one that came in a newer file stays.
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
    /// 1C's id of it: `Ид`.
    pub id: String,
    /// What people call it: `Наименование`.
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
        "UPDATE bridge.onec_products SET gone_at = now(), due = true
         WHERE base = $1 AND touched_at < $2 AND gone_at IS NULL",
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

/// Marks products as not told to the catalogue yet.
pub async fn mark_due(db: &mut PgConnection, base: &str, ids: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_products SET due = true
         WHERE base = $1 AND id = ANY($2) AND NOT due",
        base,
        ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks all products of a base as not told to the catalogue yet; how many.
pub async fn mark_all_due(db: &mut PgConnection, base: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_products SET due = true WHERE base = $1 AND NOT due",
        base
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Marks the products of a base of which a shop's catalogue knows nothing: they came before 1C was
/// declared to own it. `before`: what stands before a product's id in its key.
pub async fn mark_untold_due(
    db: &mut PgConnection,
    base: &str,
    (shop, before): (&str, &str),
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_products p SET due = true
         WHERE p.base = $1 AND NOT p.due
           AND NOT EXISTS (SELECT FROM bridge.subjects s
                           WHERE s.shop = $2 AND s.key = $3 || split_part(p.id, '#', 1))",
        base,
        shop,
        before
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Whether groups or types of prices in these rows are new, or called otherwise than before.
pub async fn are_lists_news(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ListRow],
) -> Result<bool, Error> {
    let told = |row: &&ListRow| [ListKind::Group, ListKind::PriceType].contains(&row.kind);
    let rows: Vec<&ListRow> = rows.iter().filter(told).collect();
    if rows.is_empty() {
        return Ok(false);
    }
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
    let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    let details: Vec<&Value> = rows.iter().map(|row| &row.detail).collect();
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[])
                   AS n (kind, id, name, detail)
               LEFT JOIN bridge.onec_lists l
                 ON l.base = $1 AND l.kind = n.kind AND l.id = n.id
               WHERE l.id IS NULL
                  OR l.formed_at <= $2 AND (l.name, l.detail) IS DISTINCT FROM (n.name, n.detail)
           ) AS "they_are!""#,
        base,
        formed_at,
        &kinds as &[&str],
        &ids as &[&str],
        &names as &[&str],
        &details as &[&Value]
    )
    .fetch_one(db)
    .await?)
}

/// Takes the turn to tell the catalogue of a base's products, until the transaction ends; false:
/// another process has it.
pub async fn take_turn(db: &mut PgConnection, base: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtext('bridge.onec_products'), hashtext($1))
               AS "mine!""#,
        base
    )
    .fetch_one(db)
    .await?)
}

/// Takes some products that are due, each with its variations: ids of products. What a file is
/// just being read into is left for later.
pub async fn take_due(db: &mut PgConnection, base: &str, limit: i64) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH few AS MATERIALIZED (
               SELECT id FROM bridge.onec_products WHERE base = $1 AND due
               ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
           ), taken AS (
               UPDATE bridge.onec_products p SET due = false FROM few f
               WHERE p.base = $1 AND p.id = f.id
           )
           SELECT DISTINCT split_part(id, '#', 1) AS "id!" FROM few"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A product, or a variation of one, as 1C's files said so far.
#[derive(Debug, Clone)]
pub struct GoodsRow {
    /// 1C's GUID, with the characteristic's.
    pub id: String,
    /// `Наименование`, by the newest file that says it.
    pub name: Option<String>,
    /// `Артикул`, by the newest file that says it.
    pub sku: Option<String>,
    /// Every `Штрихкод` of it.
    pub barcodes: Vec<String>,
    /// What the catalogue says.
    pub product: Option<Json>,
    /// Whether an offer spoke of it.
    pub offered: bool,
    /// Whether it is withdrawn, or a full exchange ended without it.
    pub withdrawn: bool,
}

/// These products and their variations, by id.
pub async fn with_variations(
    db: &mut PgConnection,
    base: &str,
    products: &[String],
) -> Result<Vec<GoodsRow>, Error> {
    Ok(sqlx::query_as!(
        GoodsRow,
        r#"SELECT id AS "id!", name, sku, barcodes AS "barcodes!", product AS "product: Json",
                  variant IS NOT NULL AS "offered!", deleted OR gone_at IS NOT NULL AS "withdrawn!"
           FROM bridge.onec_products WHERE base = $1 AND id = ANY($2)
           UNION ALL
           SELECT id, name, sku, barcodes, product, variant IS NOT NULL,
                  deleted OR gone_at IS NOT NULL
           FROM bridge.onec_products
           WHERE base = $1 AND strpos(id, '#') > 0 AND split_part(id, '#', 1) = ANY($2)
           ORDER BY 1"#,
        base,
        products
    )
    .fetch_all(db)
    .await?)
}

/// The prices of products and variations.
pub async fn prices_of(
    db: &mut PgConnection,
    base: &str,
    ids: &[String],
) -> Result<Vec<PriceRow>, Error> {
    Ok(sqlx::query_as!(
        PriceRow,
        "SELECT product, price_type, price, currency, unit FROM bridge.onec_prices
         WHERE base = $1 AND product = ANY($2) ORDER BY product, price_type",
        base,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// A group or a type of prices, as 1C's files said so far.
#[derive(Debug, Clone)]
pub struct NamedRow {
    /// A group or a type of prices.
    pub kind: ListKind,
    /// Its id.
    pub id: String,
    /// What people call it: `Наименование`.
    pub name: String,
    /// What else is said of it.
    pub detail: Json,
}

/// The groups and the types of prices of a base.
pub async fn named(db: &mut PgConnection, base: &str) -> Result<Vec<NamedRow>, Error> {
    Ok(sqlx::query_as!(
        NamedRow,
        r#"SELECT kind AS "kind: ListKind", id, name, detail AS "detail: Json"
           FROM bridge.onec_lists
           WHERE base = $1 AND kind IN ('group', 'price_type')"#,
        base
    )
    .fetch_all(db)
    .await?)
}
