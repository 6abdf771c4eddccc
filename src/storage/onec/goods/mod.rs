//! Products, prices and counts, as 1C's files say.
//!
//! An older file never overwrites what a newer one said, product by product and store by store.

pub mod lists;
pub mod prints;

use crate::storage::{Error, Json};
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
    /// Whether its card in the catalogue is withdrawn; `None`: this file does not say it.
    pub card_deleted: Option<bool>,
    /// Whether its offer is withdrawn; `None`: this file does not say it.
    pub offer_deleted: Option<bool>,
}

/// What became of a product that was stored.
#[derive(Debug, Clone)]
pub struct StoredRow {
    /// 1C's GUID, with the characteristic's.
    pub id: String,
    /// By which it stands in prints.
    pub number: i64,
    /// Whether it was there before.
    pub was_there: bool,
    /// Whether it was there before, and said something else.
    pub changed: bool,
}

/// Stores products, each of them once; new ones are numbered in this order. What a file leaves out
/// stays as it was, as do pictures of which it says nothing; what came in a newer file stays, too,
/// and is not among the stored ones.
pub async fn products(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ProductRow],
) -> Result<Vec<StoredRow>, Error> {
    let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| row.name.as_deref()).collect();
    let skus: Vec<Option<&str>> = rows.iter().map(|row| row.sku.as_deref()).collect();
    let barcodes: Vec<Option<&str>> = rows.iter().map(|row| row.barcodes.as_deref()).collect();
    let products: Vec<Option<&Value>> = rows.iter().map(|row| row.product.as_ref()).collect();
    let variants: Vec<Option<&Value>> = rows.iter().map(|row| row.variant.as_ref()).collect();
    let cards: Vec<Option<bool>> = rows.iter().map(|row| row.card_deleted).collect();
    let offers: Vec<Option<bool>> = rows.iter().map(|row| row.offer_deleted).collect();
    // Prices and stock alone do not take back what an offer is called.
    Ok(sqlx::query_as!(
        StoredRow,
        r#"WITH said AS MATERIALIZED (
              SELECT n.id, n.name, n.sku, coalesce(string_to_array(n.barcodes, E'\n'), '{}')
                         AS barcodes, n.product, n.variant, n.card_deleted, n.offer_deleted,
                     n.nth
              FROM UNNEST($3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                $8::jsonb[], $9::boolean[], $10::boolean[]) WITH ORDINALITY
                  AS n (id, name, sku, barcodes, product, variant, card_deleted, offer_deleted,
                        nth)
          ), before AS MATERIALIZED (
              SELECT p.id, p.name, p.sku, p.barcodes, p.product, p.variant, p.deleted,
                     p.offer_deleted
              FROM said n JOIN bridge.onec_products p ON (p.base, p.id) = ($1, n.id)
          ), stored AS (
              INSERT INTO bridge.onec_products AS p
                  (base, id, name, sku, barcodes, product, variant, deleted, offer_deleted,
                   formed_at, touched_at)
              SELECT $1, n.id, n.name, n.sku, n.barcodes, n.product, n.variant,
                     coalesce(n.card_deleted, false), n.offer_deleted, $2, now()
              FROM said n ORDER BY n.nth
              ON CONFLICT (base, id) DO UPDATE
              SET name = coalesce(CASE WHEN excluded.product IS NULL THEN p.name END,
                    excluded.name, p.name),
                  sku = coalesce(excluded.sku, p.sku),
                  barcodes = CASE WHEN excluded.barcodes = '{}' THEN p.barcodes
                    ELSE excluded.barcodes END,
                  product = CASE
                    WHEN excluded.product IS NULL THEN p.product
                    WHEN excluded.product ? 'pictures'
                        OR NOT coalesce(p.product ? 'pictures', false)
                      THEN excluded.product
                    ELSE excluded.product
                      || jsonb_build_object('pictures', p.product -> 'pictures')
                    END,
                  variant = CASE
                    WHEN excluded.variant = '{"name": null, "characteristics": []}'
                      THEN coalesce(p.variant, excluded.variant)
                    ELSE coalesce(excluded.variant, p.variant) END,
                  deleted = CASE WHEN excluded.product IS NULL THEN p.deleted
                    ELSE excluded.deleted END,
                  offer_deleted = coalesce(excluded.offer_deleted, p.offer_deleted),
                  formed_at = excluded.formed_at, touched_at = now(), gone_at = NULL
              WHERE p.formed_at <= excluded.formed_at
              RETURNING p.id, p.number, p.name, p.sku, p.barcodes, p.product, p.variant,
                        p.deleted, p.offer_deleted
          )
          SELECT s.id, s.number, b.id IS NOT NULL AS "was_there!",
                 b.id IS NOT NULL
                   AND (b.name, b.sku, b.barcodes, b.product, b.variant, b.deleted,
                        b.offer_deleted)
                     IS DISTINCT FROM
                     (s.name, s.sku, s.barcodes, s.product, s.variant, s.deleted,
                      s.offer_deleted) AS "changed!"
          FROM stored s LEFT JOIN before b ON b.id = s.id"#,
        base,
        formed_at,
        &ids as &[&str],
        &names as &[Option<&str>],
        &skus as &[Option<&str>],
        &barcodes as &[Option<&str>],
        &products as &[Option<&Value>],
        &variants as &[Option<&Value>],
        &cards as &[Option<bool>],
        &offers as &[Option<bool>]
    )
    .fetch_all(db)
    .await?)
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

/// What became of prices or of counts that were stored.
#[derive(Debug, Clone, Default)]
pub struct StoredRows {
    /// How many were: one that came in a newer file stays as it is.
    pub count: i64,
    /// Products of which one was said in another channel last.
    pub moved: Vec<String>,
}

/// Stores prices, each with the channel of the element that says it, if that can be known again;
/// one that came in a newer file stays.
pub async fn prices(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[(&PriceRow, Option<i16>)],
) -> Result<StoredRows, Error> {
    if rows.is_empty() {
        return Ok(StoredRows::default());
    }
    let channels: Vec<Option<i16>> = rows.iter().map(|row| row.1).collect();
    let rows = || rows.iter().map(|row| row.0);
    let products: Vec<&str> = rows().map(|row| &*row.product).collect();
    let types: Vec<&str> = rows().map(|row| &*row.price_type).collect();
    let prices: Vec<Decimal> = rows().map(|row| row.price).collect();
    let currencies: Vec<Option<&str>> = rows().map(|row| row.currency.as_deref()).collect();
    let units: Vec<Option<&str>> = rows().map(|row| row.unit.as_deref()).collect();
    Ok(sqlx::query_as!(
        StoredRows,
        r#"WITH said AS MATERIALIZED (
              SELECT * FROM UNNEST($3::text[], $4::text[], $5::numeric[], $6::text[], $7::text[],
                $8::smallint[]) AS n (product, price_type, price, currency, unit, channel)
          ), before AS MATERIALIZED (
              SELECT x.product FROM said n JOIN bridge.onec_prices x
                  ON (x.base, x.product, x.price_type) = ($1, n.product, n.price_type)
              WHERE x.channel <> n.channel
          ), stored AS (
              INSERT INTO bridge.onec_prices AS p
                  (base, product, price_type, price, currency, unit, channel, formed_at,
                   touched_at)
              SELECT $1, n.product, n.price_type, n.price, n.currency, n.unit, n.channel, $2,
                     now()
              FROM said n ORDER BY n.product, n.price_type
              ON CONFLICT (base, product, price_type) DO UPDATE
              SET price = excluded.price, currency = excluded.currency, unit = excluded.unit,
                  channel = excluded.channel, formed_at = excluded.formed_at, touched_at = now()
              WHERE p.formed_at <= excluded.formed_at
              RETURNING 1
          )
          SELECT (SELECT count(*) FROM stored) AS "count!",
                 ARRAY(SELECT DISTINCT product FROM before) AS "moved!""#,
        base,
        formed_at,
        &products as &[&str],
        &types as &[&str],
        &prices,
        &currencies as &[Option<&str>],
        &units as &[Option<&str>],
        &channels as &[Option<i16>]
    )
    .fetch_one(db)
    .await?)
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

/// Stores counts, each with the channel of the element that says it, if that can be known again;
/// one that came in a newer file stays.
pub async fn counts(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[(&CountRow, Option<i16>)],
) -> Result<StoredRows, Error> {
    if rows.is_empty() {
        return Ok(StoredRows::default());
    }
    let channels: Vec<Option<i16>> = rows.iter().map(|row| row.1).collect();
    let rows = || rows.iter().map(|row| row.0);
    let products: Vec<&str> = rows().map(|row| &*row.product).collect();
    let stores: Vec<&str> = rows().map(|row| &*row.store).collect();
    let quantities: Vec<Decimal> = rows().map(|row| row.quantity).collect();
    Ok(sqlx::query_as!(
        StoredRows,
        r#"WITH said AS MATERIALIZED (
              SELECT * FROM UNNEST($3::text[], $4::text[], $5::numeric[], $6::smallint[])
                  AS n (product, store, quantity, channel)
          ), before AS MATERIALIZED (
              SELECT x.product FROM said n JOIN bridge.onec_counts x
                  ON (x.base, x.product, x.store) = ($1, n.product, n.store)
              WHERE x.channel <> n.channel
          ), stored AS (
              INSERT INTO bridge.onec_counts AS c
                  (base, product, store, quantity, channel, formed_at, touched_at)
              SELECT $1, n.product, n.store, n.quantity, n.channel, $2, now()
              FROM said n ORDER BY n.product, n.store
              ON CONFLICT (base, product, store) DO UPDATE
              SET quantity = excluded.quantity, channel = excluded.channel,
                  formed_at = excluded.formed_at, touched_at = now(),
                  -- Of two files of one second the later is a count of its own.
                  counted_at = CASE WHEN c.quantity = excluded.quantity THEN c.counted_at END
              WHERE c.formed_at <= excluded.formed_at
              RETURNING 1
          )
          SELECT (SELECT count(*) FROM stored) AS "count!",
                 ARRAY(SELECT DISTINCT product FROM before) AS "moved!""#,
        base,
        formed_at,
        &products as &[&str],
        &stores as &[&str],
        &quantities,
        &channels as &[Option<i16>]
    )
    .fetch_one(db)
    .await?)
}

/// A full exchange that began at this time has ended: products that it did not speak of are gone,
/// and of them nothing is there. The caller has the turn, with this generation.
pub async fn gone(
    db: &mut PgConnection,
    generation: i64,
    base: &str,
    began_at: DateTime<Utc>,
) -> Result<u64, Error> {
    let many = sqlx::query_scalar!(
        r#"WITH spoken AS MATERIALIZED (
               SELECT DISTINCT s.number FROM bridge.onec_repeats r
               JOIN bridge.onec_products s
                   ON s.base = r.base AND s.number BETWEEN r.first AND r.last
               WHERE r.base = $1 AND r.touched_at >= $2
           ), out AS (
               UPDATE bridge.onec_products p SET gone_at = now(), due = true
               WHERE p.base = $1 AND p.touched_at < $2 AND p.gone_at IS NULL
                 AND NOT EXISTS (SELECT FROM spoken s WHERE s.number = p.number)
               RETURNING p.number, p.id
           ), forgotten AS (
               UPDATE bridge.onec_prints e SET print = NULL, written = $3 FROM out o
               WHERE e.number = o.number AND e.print IS NOT NULL
           ), sold_out AS (
               UPDATE bridge.onec_counts c SET quantity = 0, formed_at = $2, touched_at = now()
               FROM out o
               WHERE c.base = $1 AND c.product = o.id AND c.quantity <> 0 AND c.formed_at < $2
           )
           SELECT count(*) AS "many!" FROM out"#,
        base,
        began_at,
        generation
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(many).unwrap_or_default())
}

/// The products that these articles name, where each names one alone: article and id.
pub async fn by_sku(
    db: &mut PgConnection,
    base: &str,
    skus: &[String],
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT sku AS "sku!", min(id) AS "id!" FROM bridge.onec_products
           WHERE base = $1 AND sku = ANY($2) AND gone_at IS NULL
             AND NOT deleted AND offer_deleted IS NOT TRUE
           GROUP BY sku HAVING count(*) = 1"#,
        base,
        skus
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.sku, row.id)).collect())
}

/// Marks products as not told to the catalogue yet.
pub async fn mark_due(db: &mut PgConnection, base: &str, ids: &[&str]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE bridge.onec_products SET due = true
         WHERE base = $1 AND id = ANY($2) AND NOT due",
        base,
        ids as &[&str]
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

/// Products that were taken.
#[derive(Debug, Clone)]
pub struct TakenGoods {
    /// The ids of the products.
    pub products: Vec<String>,
    /// The greatest id that was taken; `None`: none is due after the one that was named.
    pub last: Option<String>,
}

/// Takes some products that are due with ids after this one, each with its variations. What a file
/// is just being read into is left for later.
pub async fn take_due(
    db: &mut PgConnection,
    base: &str,
    after: &str,
    limit: i64,
) -> Result<TakenGoods, Error> {
    Ok(sqlx::query_as!(
        TakenGoods,
        r#"WITH few AS MATERIALIZED (
               SELECT id FROM bridge.onec_products WHERE base = $1 AND due AND id > $2
               ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
           ), taken AS (
               UPDATE bridge.onec_products p SET due = false FROM few f
               WHERE p.base = $1 AND p.id = f.id
           )
           SELECT coalesce(array_agg(DISTINCT split_part(id, '#', 1)), '{}') AS "products!",
                  max(id) AS last
           FROM few"#,
        base,
        after,
        limit
    )
    .fetch_one(db)
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
                  variant IS NOT NULL AS "offered!",
                  deleted OR offer_deleted IS TRUE OR gone_at IS NOT NULL AS "withdrawn!"
           FROM bridge.onec_products WHERE base = $1 AND id = ANY($2)
           UNION ALL
           SELECT id, name, sku, barcodes, product, variant IS NOT NULL,
                  deleted OR offer_deleted IS TRUE OR gone_at IS NOT NULL
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
