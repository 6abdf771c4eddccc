//! Events about goods.

use crate::{
    domain::OrderKey,
    storage::{Error, StockEventKind},
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

/// An event about goods, on its way in.
#[derive(Debug, Clone)]
pub struct NewStockEvent {
    /// The stock's name in the settings.
    pub stock: String,
    /// Who tells it; empty: an operator.
    pub shop: String,
    /// `source` of the event: with the id its identity.
    pub source: String,
    /// `id` of the event, unique within the source.
    pub event_id: String,
    /// Tells a repetition from another event with the same identity.
    pub fingerprint: Vec<u8>,
    /// What it tells of goods.
    pub kind: StockEventKind,
    /// The store, as it was named.
    pub store: Option<String>,
    /// The time of which a count is true, or at which goods moved.
    pub as_of: Option<DateTime<Utc>>,
    /// Whether a count says what can be sold.
    pub available: bool,
    /// Whether what a count does not name is not there.
    pub complete: bool,
    /// Why goods moved, in the words of whoever moved them.
    pub reason: String,
    /// Products, as they were named.
    pub names: Vec<String>,
    /// How much of each.
    pub quantities: Vec<Decimal>,
    /// The unit of each, where it was said; none at all: of none it was.
    pub units: Vec<Option<String>>,
    /// When each moved, where it was said.
    pub times: Vec<Option<DateTime<Utc>>>,
    /// The ids of the lines.
    pub lines: Vec<String>,
}

/// The first line of an event whose unit is none in which its product is counted, and that in a
/// sentence; of an event that is stored already none.
pub async fn other_unit(
    db: &mut PgConnection,
    event: &NewStockEvent,
) -> Result<Option<(i64, String)>, Error> {
    if event.units.iter().all(Option::is_none) {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT n.nth - 1 AS "nth!", format('`%s` is counted in `%s`, and not in `%s`', n.name,
                      array_to_string(o.units, '` or `'), n.unit) AS "odd!"
           FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS n (name, unit, nth)
           LEFT JOIN bridge.stock_shops h ON h.shop = $2
           CROSS JOIN LATERAL (
               SELECT bridge.stock_named($1, coalesce(h.products_by,
                   ARRAY['product_id', 'xml_id', 'sku', 'barcode']), n.name) AS found) p
           CROSS JOIN LATERAL (
               SELECT bridge.stock_other_units($1, coalesce(p.found[1], n.name), n.unit)
                   AS units) o
           WHERE n.unit IS NOT NULL AND o.units IS NOT NULL
             AND NOT EXISTS (SELECT FROM bridge.stock_events e
                             WHERE (e.shop, e.source, e.event_id) = ($2, $5, $6))
           ORDER BY n.nth LIMIT 1"#,
        event.stock,
        event.shop,
        &event.names,
        &event.units as &[Option<String>],
        event.source,
        event.event_id
    );
    let row = row.fetch_optional(db).await?;
    Ok(row.map(|row| (row.nth, row.odd)))
}

/// Stores an event once, and applies moves. Says `queued`, `duplicate` or `conflict`; else what is
/// wrong: `store`, or a sentence about a product.
pub async fn insert(db: &mut PgConnection, event: &NewStockEvent) -> Result<String, Error> {
    let said = sqlx::query_scalar!(
        r#"SELECT bridge.stock_event(
               (0, $1::text, $2::text, $3::text, $4::text, $5::bytea, $6::text, '', now(),
                $7::timestamptz, $8::boolean, $9::boolean, 0, 0, NULL)::bridge.stock_events,
               $10, $11, $12, $13, $14, $15) AS "it!""#,
        event.stock,
        event.shop,
        event.source,
        event.event_id,
        event.fingerprint,
        event.kind.as_str(),
        event.as_of,
        event.available,
        event.complete,
        event.store,
        &event.names,
        &event.quantities,
        &event.times as &[Option<DateTime<Utc>>],
        &event.lines,
        event.reason
    );
    Ok(said.fetch_one(db).await?)
}

/// Applies a part of the oldest count of a stock, with at most so many lines where it is not in
/// parts already; false: there is none, or others are at it.
/// One that fails the same way each time is set aside with a letter.
pub async fn count_part(db: &mut PgConnection, stock: &str, most: i32) -> Result<bool, Error> {
    let done = sqlx::query_scalar!(
        r#"SELECT bridge.stock_count_part($1, $2) AS "it!""#,
        stock,
        most
    );
    Ok(done.fetch_one(db).await?)
}

/// Lets a count wait again that was set aside; false: it is not known any more.
pub async fn revive_count(db: &mut PgConnection, count: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.stock_events SET done_at = NULL WHERE id = $1 AND kind = 'counted'",
        count
    );
    Ok(done.execute(db).await?.rows_affected() > 0)
}

/// Drops the lines of a count that was set aside: it is applied no more.
pub async fn drop_count(db: &mut PgConnection, count: i64) -> Result<(), Error> {
    let dropped = sqlx::query!(
        "WITH aside AS (SELECT e.id FROM bridge.stock_events e
                        WHERE e.id = $1 AND e.done_at IS NOT NULL),
              parts AS (DELETE FROM bridge.stock_count_parts p USING aside WHERE p.event = aside.id)
         DELETE FROM bridge.stock_count_lines l USING aside WHERE l.event = aside.id",
        count
    );
    dropped.execute(db).await?;
    Ok(())
}

/// Hands some of what a 1C base has counted in these warehouses, and no stock has taken, to a stock
/// as a count that waits; says how many lines. An empty warehouse is all of them together.
pub async fn count_of_onec(
    db: &mut PgConnection,
    (stock, shop, base): (&str, &str, &str),
    warehouses: &[String],
    available: bool,
    most: i32,
) -> Result<i32, Error> {
    let taken = sqlx::query_scalar!(
        r#"SELECT bridge.stock_count_of_onec($1, $2, $3, $4, $5, $6) AS "it!""#,
        stock,
        shop,
        base,
        warehouses,
        available,
        most
    );
    Ok(taken.fetch_one(db).await?)
}

/// A warehouse of 1C whose counts no stock has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntakenWarehouse {
    /// Its id in 1C; empty: counts that name no warehouse.
    pub id: String,
    /// What 1C calls it, where its files have said so.
    pub name: Option<String>,
    /// How many products were counted there.
    pub products: i64,
}

/// The warehouses of a base whose counts no stock has taken, the largest first.
pub async fn untaken_warehouses(
    db: &mut PgConnection,
    base: &str,
) -> Result<Vec<UntakenWarehouse>, Error> {
    let rows = sqlx::query_as!(
        UntakenWarehouse,
        r#"SELECT c.store AS id, l.name AS "name?", count(*) AS "products!"
           FROM bridge.onec_counts c
           LEFT JOIN bridge.onec_lists l
               ON (l.base, l.kind, l.id) = (c.base, 'warehouse', c.store)
           WHERE c.base = $1 AND c.counted_at IS DISTINCT FROM c.formed_at
           GROUP BY c.store, l.name ORDER BY count(*) DESC, c.store LIMIT 20"#,
        base
    );
    Ok(rows.fetch_all(db).await?)
}

/// A product that 1C counts in another unit than the shop sells it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddUnit {
    /// The product, as the shop names it.
    pub product: String,
    /// The unit in 1C's catalogue.
    pub onec: String,
    /// The unit of the shop's product.
    pub shop: String,
}

/// Products that a base counts in another unit than the shops of a stock say: some of them.
pub async fn odd_units(
    db: &mut PgConnection,
    stock: &str,
    base: &str,
) -> Result<Vec<OddUnit>, Error> {
    let rows = sqlx::query_as!(
        OddUnit,
        r#"SELECT DISTINCT k.product, p.product ->> 'unit' AS "onec!",
                  s.body #>> '{data,unit}' AS "shop!"
           FROM bridge.onec_counts c
           JOIN bridge.onec_products p
               ON p.base = c.base AND p.id IN (c.product, split_part(c.product, '#', 1))
           JOIN bridge.stock_product_keys k
               ON (k.stock, k.value, k.kind) = ($1, c.product, 'xml_id')
           JOIN bridge.stock_shops h ON h.stock = k.stock
           LEFT JOIN bridge.product_variations v ON v.shop = h.shop AND v.id = k.product
           JOIN bridge.subjects s ON s.shop = h.shop AND s.kind = 'product'
               AND s.key IN ('product:' || k.product, v.key)
           WHERE c.base = $2
             AND bridge.unit_code(p.product ->> 'unit')
                 <> bridge.unit_code(s.body #>> '{data,unit}')
           ORDER BY k.product LIMIT 20"#,
        stock,
        base
    );
    Ok(rows.fetch_all(db).await?)
}

/// A product that 1C counts by its own id alone: what else it is known by is that of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclearCount {
    /// Its id in 1C, which is its product in the stock.
    pub id: String,
    /// The article or barcode of others.
    pub name: String,
    /// Those products, with commas between.
    pub products: String,
}

/// Products that a base counts by its own ids alone, while their articles or barcodes are those of
/// other products of a stock, and no shop knows them by that id: some of them.
pub async fn unclear_counts(
    db: &mut PgConnection,
    stock: &str,
    base: &str,
) -> Result<Vec<UnclearCount>, Error> {
    let rows = sqlx::query_as!(
        UnclearCount,
        r#"SELECT c.product AS "id!", f.name AS "name!", f.products AS "products!"
           FROM (SELECT DISTINCT product FROM bridge.onec_counts WHERE base = $2) c
           JOIN bridge.onec_products p ON (p.base, p.id) = ($2, c.product)
           JOIN bridge.stock_product_keys o ON (o.stock, o.value, o.kind, o.product)
                                             = ($1, c.product, 'xml_id', c.product)
           CROSS JOIN LATERAL (
               SELECT k.value AS name, string_agg(k.product, ', ' ORDER BY k.product) AS products
               FROM (SELECT 'sku' AS kind, p.sku AS value
                     UNION SELECT 'barcode', b.code FROM unnest(p.barcodes) AS b (code)) v
               JOIN bridge.stock_product_keys k ON (k.stock, k.value, k.kind)
                                                 = ($1, v.value, v.kind)
               WHERE EXISTS (SELECT FROM bridge.stock_shops h
                             WHERE h.stock = $1 AND k.kind = ANY (h.products_by))
               GROUP BY k.kind, k.value
               HAVING NOT bool_or(k.product = c.product)
               ORDER BY k.kind DESC, k.value LIMIT 1) f
           WHERE NOT EXISTS (SELECT FROM bridge.stock_shops h
                             JOIN bridge.subjects s ON s.shop = h.shop AND s.kind = 'product'
                                 AND s.key = 'product:' || c.product
                             WHERE h.stock = $1)
           ORDER BY c.product LIMIT 20"#,
        stock,
        base
    );
    Ok(rows.fetch_all(db).await?)
}

/// A line of an order whose unit is none in which its product is counted.
#[derive(Debug, Clone)]
pub struct OddLine {
    /// Its place among the order's lines that are goods, from 1.
    pub nth: i64,
    /// The unit, as the shop wrote it.
    pub unit: String,
    /// The product, as the stock names it.
    pub product: String,
    /// The units in which it is counted, with commas between.
    pub counted: String,
    /// How much of the product is held for the order, or was shipped; none: nothing is, or another
    /// line stands for it.
    pub held: Option<String>,
}

/// The lines of an order that are in another unit than their products are counted in.
pub async fn lines_in_other_units(
    db: &mut PgConnection,
    order: &serde_json::Value,
) -> Result<Vec<OddLine>, Error> {
    let rows = sqlx::query_as!(
        OddLine,
        r#"WITH lines AS (
               SELECT l.nth, l.line ->> 'unit' AS unit, s.shop, p.product, o.units,
                      count(*) FILTER (WHERE o.units IS NULL) OVER of_product AS usual,
                      row_number() OVER (PARTITION BY p.product ORDER BY l.nth) AS place
               FROM bridge.stock_shops s
               CROSS JOIN LATERAL jsonb_array_elements($1::jsonb -> 'lines')
                          WITH ORDINALITY AS l (line, nth)
               CROSS JOIN LATERAL (SELECT l.line -> 'names' AS it) n
               CROSS JOIN LATERAL (
                   SELECT coalesce((
                       SELECT k.product FROM bridge.stock_product_keys k
                       WHERE k.stock = s.stock
                         AND k.value IN (n.it ->> 'product_id', n.it ->> 'xml_id', n.it ->> 'sku')
                         AND k.value = n.it ->> k.kind AND k.kind = ANY (s.products_by)
                       ORDER BY array_position(s.products_by, k.kind) LIMIT 1),
                       n.it ->> 'product_id') AS product) p
               CROSS JOIN LATERAL (
                   SELECT bridge.stock_other_units(s.stock, p.product, l.line ->> 'unit')
                              AS units) o
               WHERE s.shop = $1::jsonb ->> 'shop'
               WINDOW of_product AS (PARTITION BY p.product))
           SELECT n.nth AS "nth!", n.unit AS "unit!", n.product AS "product!",
                  array_to_string(n.units, ', ') AS "counted!",
                  CASE WHEN n.usual = 0 AND n.place = 1 THEN (
                      SELECT trim_scale(sum(g.quantity))::text
                      FROM bridge.reservations r JOIN bridge.reservation_lines g USING (shop, id)
                      WHERE r.shop = n.shop AND r.state IN ('held', 'shipped')
                        AND (r.number = $1::jsonb ->> 'number' OR r.id = $1::jsonb ->> 'number')
                        AND g.product = n.product) END AS held
           FROM lines n WHERE n.units IS NOT NULL ORDER BY n.nth"#,
        order
    );
    Ok(rows.fetch_all(db).await?)
}

/// A line of an order that fits no product, or several.
#[derive(Debug, Clone)]
pub struct UnclearLine {
    /// Its place among the order's lines that are goods, from 1.
    pub nth: i64,
    /// What it names its product by.
    pub name: String,
    /// The products that are known by that; `None`: the stock knows products by something else.
    pub products: Option<Vec<String>>,
    /// The one of them that is held for the order, or was shipped for it, if it is one.
    pub had: Option<String>,
    /// Whether that has a name that is its alone: else what is held of it cannot be changed.
    pub is_named: bool,
}

/// The lines of an order that fit no product, or several.
pub async fn lines_of_no_product(
    db: &mut PgConnection,
    order: &serde_json::Value,
) -> Result<Vec<UnclearLine>, Error> {
    let rows = sqlx::query_as!(
        UnclearLine,
        r#"SELECT l.nth AS "nth!",
                  coalesce(f.name, l.names ->> 'product_id', l.names ->> 'xml_id',
                           l.names ->> 'sku', '') AS "name!",
                  f.products AS "products?", h.product AS "had?",
                  coalesce(bridge.stock_named(s.stock, s.products_by, bridge.stock_name_of(
                      s.stock, s.products_by, h.product, NULL)) = ARRAY[h.product], false)
                      AS "is_named!"
           FROM bridge.stock_shops s
           CROSS JOIN LATERAL (
               SELECT e.nth, e.line -> 'names' AS names
               FROM jsonb_array_elements($1::jsonb -> 'lines') WITH ORDINALITY AS e (line, nth)
           ) l
           LEFT JOIN LATERAL (
               SELECT k.value AS name, array_agg(k.product ORDER BY k.product) AS products
               FROM bridge.stock_product_keys k
               WHERE k.stock = s.stock
                 AND k.value IN (l.names ->> 'product_id', l.names ->> 'xml_id',
                                 l.names ->> 'sku')
                 AND k.value = l.names ->> k.kind AND k.kind = ANY (s.products_by)
               GROUP BY k.kind, k.value
               ORDER BY array_position(s.products_by, k.kind) LIMIT 1) f ON true
           LEFT JOIN LATERAL (
               SELECT min(g.product) AS product
               FROM bridge.reservations r JOIN bridge.reservation_lines g USING (shop, id)
               WHERE r.shop = s.shop AND r.state IN ('held', 'shipped')
                 AND (r.number = $1::jsonb ->> 'number' OR r.id = $1::jsonb ->> 'number')
                 AND g.product = ANY (f.products)
               HAVING count(DISTINCT g.product) = 1) h ON cardinality(f.products) > 1
           WHERE s.shop = $1::jsonb ->> 'shop'
             AND (cardinality(f.products) > 1
                  OR NOT EXISTS (SELECT FROM unnest(s.products_by) AS k (kind)
                                 WHERE l.names ->> k.kind IS NOT NULL))
           ORDER BY l.nth"#,
        order
    );
    Ok(rows.fetch_all(db).await?)
}

/// Takes what a 1C base has shipped of an order from the shelf: so much of each of its products, of
/// all shipments together. False: that had left already.
pub async fn ship_of_onec(
    db: &mut PgConnection,
    base: &str,
    order: &OrderKey,
    (ids, quantities): (&[String], &[Decimal]),
    at: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let left = sqlx::query_scalar!(
        r#"SELECT bridge.stock_ship_of_onec($1, $2, $3, $4, $5, $6) AS "it!""#,
        order.shop,
        order.number,
        base,
        ids,
        quantities,
        at
    );
    Ok(left.fetch_one(db).await?)
}

/// Does what the newest snapshot of an order means for goods; says what was done: `held`, `kept`,
/// `short`, `shipped` or `released`.
pub async fn order(
    db: &mut PgConnection,
    order: &serde_json::Value,
) -> Result<Option<String>, Error> {
    let did = sqlx::query_scalar!("SELECT bridge.stock_order($1)", order);
    Ok(did.fetch_one(db).await?)
}
