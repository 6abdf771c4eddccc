//! Levels, and the feed of those that changed.

use crate::storage::{Error, MoveCause};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

/// Which level: a product in a store of a stock.
#[derive(Debug, Clone, Copy)]
pub struct LevelKey<'a> {
    /// The stock's name in the settings.
    pub stock: &'a str,
    /// The product, as the stock names it.
    pub product: &'a str,
    /// The store, as the stock names it.
    pub store: &'a str,
}

/// What a level says.
#[derive(Debug, Clone, Copy)]
pub struct LevelFigures {
    /// How much is there.
    pub on_hand: Decimal,
    /// How much of it is held.
    pub reserved: Decimal,
    /// Grows with every change.
    pub version: i64,
}

/// What a store has of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The product, as the stock names it.
    pub product: String,
    /// The store, as the stock names it.
    pub store: String,
    /// What is on the shelf.
    pub on_hand: String,
    /// What of it is held.
    pub reserved: String,
    /// What can be sold.
    pub available: String,
    /// Grows with every change.
    pub version: i64,
    /// Its place in the feed.
    pub seq: i64,
}

/// The levels of these products, by any of their names.
pub async fn levels(
    db: &mut PgConnection,
    shop: &str,
    names: &[String],
) -> Result<Vec<Level>, Error> {
    let levels = sqlx::query_as!(
        Level,
        r#"SELECT l.product, l.store, trim_scale(l.on_hand)::text AS "on_hand!",
                  trim_scale(l.reserved)::text AS "reserved!",
                  trim_scale(l.on_hand - l.reserved)::text AS "available!", l.version,
                  coalesce(l.seq, 0) AS "seq!"
           FROM bridge.stock_shops s
           CROSS JOIN LATERAL (
               SELECT DISTINCT p.product FROM UNNEST($2::text[]) AS n (name)
               CROSS JOIN UNNEST(bridge.stock_named(s.stock, s.products_by, n.name))
                    AS p (product)) k
           JOIN bridge.stock_levels l ON (l.stock, l.product) = (s.stock, k.product)
           LEFT JOIN bridge.stock_stores t ON (t.stock, t.store) = (l.stock, l.store)
           WHERE s.shop = $1
           ORDER BY l.product, t.rank, l.store"#,
        shop,
        names
    );
    Ok(levels.fetch_all(db).await?)
}

/// Levels that changed after this place, in the order of their places, with their newest figures.
pub async fn changes(
    db: &mut PgConnection,
    stock: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Level>, Error> {
    let levels = sqlx::query_as!(
        Level,
        r#"SELECT l.product, l.store, trim_scale(l.on_hand)::text AS "on_hand!",
                  trim_scale(l.reserved)::text AS "reserved!",
                  trim_scale(l.on_hand - l.reserved)::text AS "available!", l.version,
                  l.seq AS "seq!"
           FROM bridge.stock_levels l WHERE l.stock = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3"#,
        stock,
        after,
        limit
    );
    Ok(levels.fetch_all(db).await?)
}

/// Gives changed levels their places in the feed; returns how many. 0 also while another process
/// does it.
pub async fn tell(db: &mut PgConnection, stock: &str, most: i32) -> Result<i64, Error> {
    let told = sqlx::query_scalar!(r#"SELECT bridge.stock_tell($1, $2) AS "it!""#, stock, most);
    Ok(told.fetch_one(db).await?)
}

/// Those of these stocks where something is to be done: a count to be applied, a level to be told,
/// a shortage to be judged or closed, and, where the portal shows quantities (`shows`, side by
/// side), a told level to be shown.
pub async fn busy(
    db: &mut PgConnection,
    stocks: &[String],
    shows: &[bool],
) -> Result<Vec<String>, Error> {
    let busy = sqlx::query_scalar!(
        r#"SELECT w.stock AS "stock!" FROM unnest($1::text[], $2::bool[]) AS w (stock, shows)
           WHERE EXISTS (SELECT FROM bridge.stock_events e
                         WHERE e.stock = w.stock AND e.done_at IS NULL)
              OR EXISTS (SELECT FROM bridge.stock_levels l WHERE l.stock = w.stock AND l.untold)
              OR EXISTS (SELECT FROM bridge.stock_levels l WHERE l.stock = w.stock AND l.short)
              OR EXISTS (SELECT FROM bridge.shortages s
                         WHERE s.stock = w.stock AND s.closed_at IS NULL)
              OR w.shows AND EXISTS (SELECT FROM bridge.stocks c
                                     WHERE c.stock = w.stock AND c.told > c.shown)"#,
        stocks,
        shows
    );
    Ok(busy.fetch_all(db).await?)
}

/// All levels of a stock after this product and store, in their order.
pub async fn all_levels(
    db: &mut PgConnection,
    stock: &str,
    (product, store): (&str, &str),
    limit: i64,
) -> Result<Vec<Level>, Error> {
    let levels = sqlx::query_as!(
        Level,
        r#"SELECT l.product, l.store, trim_scale(l.on_hand)::text AS "on_hand!",
                  trim_scale(l.reserved)::text AS "reserved!",
                  trim_scale(l.on_hand - l.reserved)::text AS "available!", l.version,
                  coalesce(l.seq, 0) AS "seq!"
           FROM bridge.stock_levels l WHERE l.stock = $1 AND (l.product, l.store) > ($2, $3)
           ORDER BY l.product, l.store LIMIT $4"#,
        stock,
        product,
        store,
        limit
    );
    Ok(levels.fetch_all(db).await?)
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveRow {
    /// Its place in the ledger: later rows have higher ones.
    pub id: i64,
    /// The store, as the stock names it.
    pub store: String,
    /// By how much it changed what is on hand.
    pub on_hand: String,
    /// By how much it changed what is reserved.
    pub reserved: String,
    /// Goods that came or went, as stated.
    pub stated: Option<String>,
    /// What kind of thing moved it.
    pub cause: MoveCause,
    /// The shop that it was for; empty: an operator did it.
    pub shop: String,
    /// The reservation, order or event.
    pub cause_id: String,
    /// The line of it that moved these goods.
    pub line: String,
    /// The moment at which it happened, which may be long before the bridge was told of it.
    pub at: DateTime<Utc>,
    /// What was done, in a word of the database (`held`, `released`, `expired`); of goods that were
    /// moved by hand, the reason that was given.
    pub note: String,
    /// What is on hand in the store after it.
    pub stands: String,
    /// Of a count: how much was there at its time, as it said.
    pub counted: Option<String>,
    /// Of a count: the source of its event.
    pub source: Option<String>,
}

/// Rows of a product's ledger above and below these places: as many as asked for, the oldest of
/// them first, or the newest.
pub async fn ledger(
    db: &mut PgConnection,
    (stock, product): (&str, &str),
    (after, before): (Option<i64>, Option<i64>),
    newest: bool,
    limit: i64,
) -> Result<Vec<MoveRow>, Error> {
    let rows = sqlx::query_as!(
        MoveRow,
        r#"WITH page AS MATERIALIZED (
               SELECT v.* FROM bridge.stock_moves v
               WHERE v.stock = $1 AND v.product = $2
                 AND ($3::bigint IS NULL OR v.id > $3) AND ($4::bigint IS NULL OR v.id < $4)
               ORDER BY CASE WHEN $5 THEN -v.id ELSE v.id END LIMIT $6),
           before AS (
               SELECT v.store, sum(v.on_hand) AS on_hand FROM bridge.stock_moves v
               WHERE v.stock = $1 AND v.product = $2 AND v.id < (SELECT min(p.id) FROM page p)
               GROUP BY v.store),
           m AS (
               SELECT p.*, c.count_tolerance,
                      coalesce(b.on_hand, 0)
                          + sum(p.on_hand) OVER (PARTITION BY p.store ORDER BY p.id) AS stands
               FROM page p
               LEFT JOIN bridge.stocks c USING (stock) LEFT JOIN before b USING (store))
           SELECT m.id AS "id!", m.store AS "store!", trim_scale(m.on_hand)::text AS "on_hand!",
                  trim_scale(m.reserved)::text AS "reserved!",
                  trim_scale(m.stated)::text AS stated, m.cause AS "cause!: MoveCause",
                  m.shop AS "shop!", m.cause_id AS "cause_id!", m.line AS "line!", m.at AS "at!",
                  m.note AS "note!",
                  trim_scale(m.stands)::text AS "stands!",
                  CASE WHEN m.cause = 'count' AND m.note = 'counted' THEN trim_scale(
                      m.stands - coalesce((
                          SELECT sum(e.stated) FROM bridge.stock_moves e
                          WHERE (e.stock, e.product, e.store) = (m.stock, m.product, m.store)
                            AND e.id < m.id AND e.stated IS NOT NULL
                            AND e.at > m.at - m.count_tolerance), 0))::text
                       -- A count that says it itself: 1C's holds less than all of before.
                       WHEN m.cause = 'count' AND starts_with(m.note, 'counted ')
                       THEN substr(m.note, 9) END AS counted,
                  CASE WHEN m.cause = 'count' THEN (
                      SELECT v.source FROM bridge.stock_events v WHERE v.id = m.cause_id::bigint)
                  END AS source
           FROM m ORDER BY CASE WHEN $5 THEN -m.id ELSE m.id END"#,
        stock,
        product,
        after,
        before,
        newest,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// The levels of a product, by its `product_id`, in the order of the stores.
pub async fn of_product(
    db: &mut PgConnection,
    stock: &str,
    product: &str,
) -> Result<Vec<Level>, Error> {
    let levels = sqlx::query_as!(
        Level,
        r#"SELECT l.product, l.store, trim_scale(l.on_hand)::text AS "on_hand!",
                  trim_scale(l.reserved)::text AS "reserved!",
                  trim_scale(l.on_hand - l.reserved)::text AS "available!", l.version,
                  coalesce(l.seq, 0) AS "seq!"
           FROM bridge.stock_levels l WHERE l.stock = $1 AND l.product = $2 ORDER BY l.store"#,
        stock,
        product
    );
    Ok(levels.fetch_all(db).await?)
}

/// A reservation that runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The reservation's id in its shop.
    pub id: String,
    /// The order it is for.
    pub number: Option<String>,
    /// When it runs out.
    pub expires_at: DateTime<Utc>,
    /// What it holds, in words.
    pub goods: String,
}

/// The reservations of a stock that run out next.
pub async fn expiring(
    db: &mut PgConnection,
    stock: &str,
    limit: i64,
) -> Result<Vec<ExpiringRow>, Error> {
    let rows = sqlx::query_as!(
        ExpiringRow,
        r#"SELECT r.shop, r.id, r.number, r.expires_at AS "expires_at!",
                  coalesce((SELECT string_agg(trim_scale(l.quantity - l.shipped)::text || ' × '
                                              || l.product || ', ' || l.store, '; ' ORDER BY l.nth)
                            FROM bridge.reservation_lines l
                            WHERE (l.shop, l.id) = (r.shop, r.id) AND l.quantity > l.shipped),
                           '') AS "goods!"
           FROM bridge.reservations r
           WHERE r.stock = $1 AND r.expires_at IS NOT NULL
           ORDER BY r.expires_at LIMIT $2"#,
        stock,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// A level that is not what its moves come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproved {
    /// The product, as the stock names it.
    pub product: String,
    /// The store, as the stock names it.
    pub store: String,
    /// What the level says is on hand.
    pub on_hand: String,
    /// What the moves come to.
    pub on_hand_moved: String,
    /// What the level says is reserved.
    pub reserved: String,
    /// What the moves come to.
    pub reserved_moved: String,
    /// What held reservations come to.
    pub held: String,
}

/// Levels of a stock that are not what their moves, or the held reservations, come to; with how
/// many were proved.
pub async fn check(
    db: &mut PgConnection,
    stock: &str,
    most: i64,
) -> Result<(i64, Vec<Unproved>), Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "it!" FROM bridge.stock_levels WHERE stock = $1"#,
        stock
    );
    let count = count.fetch_one(&mut *db).await?;
    let odd = sqlx::query_as!(
        Unproved,
        r#"WITH moved AS (
               SELECT product, store, sum(on_hand) AS on_hand, sum(reserved) AS reserved
               FROM bridge.stock_moves WHERE stock = $1 GROUP BY product, store),
           held AS (
               SELECT l.product, l.store, sum(l.quantity - l.shipped) AS held
               FROM bridge.reservation_lines l JOIN bridge.reservations r USING (shop, id)
               WHERE l.stock = $1 AND r.state = 'held' GROUP BY l.product, l.store)
           SELECT product AS "product!", store AS "store!",
                  coalesce(l.on_hand, 0)::text AS "on_hand!",
                  coalesce(m.on_hand, 0)::text AS "on_hand_moved!",
                  coalesce(l.reserved, 0)::text AS "reserved!",
                  coalesce(m.reserved, 0)::text AS "reserved_moved!",
                  coalesce(h.held, 0)::text AS "held!"
           FROM (SELECT * FROM bridge.stock_levels WHERE stock = $1) l
           FULL JOIN moved m USING (product, store)
           FULL JOIN held h USING (product, store)
           WHERE coalesce(l.on_hand, 0) <> coalesce(m.on_hand, 0)
              OR coalesce(l.reserved, 0) <> coalesce(m.reserved, 0)
              OR coalesce(l.reserved, 0) <> coalesce(h.held, 0)
           ORDER BY 1, 2 LIMIT $2"#,
        stock,
        most
    );
    Ok((count, odd.fetch_all(db).await?))
}
