//! More is reserved than there is: what it takes to decide, and what was decided.

use super::levels::{LevelFigures, LevelKey};
use crate::{
    domain::{OrderKey, ShortageAct, ShortageCause},
    storage::{Error, Json, MoveCause, ShortageEnd},
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

/// Waits at most a second for each lock of this transaction.
pub async fn wait_briefly(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SET LOCAL lock_timeout = '1s'")
        .execute(db)
        .await?;
    Ok(())
}

/// Levels of a stock that are short and not judged as they are now: (product, store).
pub async fn unjudged(
    db: &mut PgConnection,
    stock: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query!(
        "SELECT l.product, l.store FROM bridge.stock_levels l
         LEFT JOIN bridge.shortages s ON (s.stock, s.product, s.store)
                                         = (l.stock, l.product, l.store) AND s.closed_at IS NULL
         WHERE l.stock = $1 AND l.short AND l.reserved > 0
           AND s.level_version IS DISTINCT FROM l.version
         ORDER BY l.product, l.store LIMIT $2",
        stock,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.product, row.store))
        .collect())
}

/// Closes the open shortages of a stock that are none any more; returns how many.
pub async fn close_ended(db: &mut PgConnection, stock: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.shortages s
         SET closed_at = clock_timestamp(),
             closed_how = CASE WHEN s.ruled_at IS NULL THEN 'vanished' ELSE 'ruled' END
         FROM bridge.stock_levels l
         WHERE s.stock = $1 AND s.closed_at IS NULL
           AND (l.stock, l.product, l.store) = (s.stock, s.product, s.store)
           AND NOT (l.short AND l.reserved > 0)",
        stock
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A reservation that holds some of a product in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// The shop's name in the settings.
    pub shop: String,
    /// The reservation's id in its shop.
    pub id: String,
    /// The order it is for.
    pub number: Option<String>,
    /// Whether its order is paid, by what the reservation or the order says.
    pub paid: bool,
    /// When it was first held.
    pub held_at: DateTime<Utc>,
    /// Whether it is picked up there.
    pub bound: bool,
    /// How much it holds of it there.
    pub quantity: Decimal,
}

/// Who holds a product in a store.
pub async fn holders(db: &mut PgConnection, level: LevelKey<'_>) -> Result<Vec<Holder>, Error> {
    Ok(sqlx::query_as!(
        Holder,
        r#"SELECT r.shop, r.id, r.number, r.held_at, r.store IS NOT NULL AS "bound!",
                  r.paid OR coalesce((o.said ->> 'paid')::boolean, false) AS "paid!",
                  sum(l.quantity - l.shipped) AS "quantity!"
           FROM bridge.reservation_lines l
           JOIN bridge.reservations r ON (r.shop, r.id) = (l.shop, l.id)
           LEFT JOIN bridge.orders o ON (o.shop, o.number) = (r.shop, r.number)
           WHERE (l.stock, l.product, l.store) = ($1, $2, $3) AND r.state = 'held'
             AND l.quantity > l.shipped
           GROUP BY r.shop, r.id, o.said ORDER BY r.held_at, r.shop, r.id"#,
        level.stock,
        level.product,
        level.store
    )
    .fetch_all(db)
    .await?)
}

/// What a reservation holds of a product in a store.
#[derive(Debug, Clone)]
pub struct HeldProduct {
    /// The shop of the reservation.
    pub shop: String,
    /// The reservation's id in its shop.
    pub id: String,
    /// The product, as the stock names it.
    pub product: String,
    /// How much of it is held, and not shipped yet.
    pub quantity: Decimal,
}

/// What these reservations hold in a store.
pub async fn held_in(
    db: &mut PgConnection,
    (shops, ids): (&[String], &[String]),
    store: &str,
) -> Result<Vec<HeldProduct>, Error> {
    let held = sqlx::query_as!(
        HeldProduct,
        r#"SELECT l.shop, l.id, l.product, sum(l.quantity - l.shipped) AS "quantity!"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, id)
           JOIN bridge.reservation_lines l USING (shop, id)
           WHERE l.store = $3 AND l.quantity > l.shipped
           GROUP BY l.shop, l.id, l.product ORDER BY l.shop, l.id, l.product"#,
        shops,
        ids,
        store
    );
    Ok(held.fetch_all(db).await?)
}

/// Keeps others from changing these reservations until the end of the transaction.
pub async fn lock_reservations(
    db: &mut PgConnection,
    shops: &[String],
    ids: &[String],
) -> Result<(), Error> {
    sqlx::query!("SELECT bridge.stock_lock_reservations($1, $2)", shops, ids)
        .fetch_one(db)
        .await?;
    Ok(())
}

/// Locks the levels of these products in all stores of a stock.
pub async fn lock_levels(
    db: &mut PgConnection,
    stock: &str,
    products: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "SELECT bridge.stock_lock_levels(array_agg(l.stock), array_agg(l.product),
                                         array_agg(l.store))
         FROM bridge.stock_levels l WHERE l.stock = $1 AND l.product = ANY ($2)",
        stock,
        products
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// What a level says; none: there is no such level.
pub async fn figures(
    db: &mut PgConnection,
    level: LevelKey<'_>,
) -> Result<Option<LevelFigures>, Error> {
    Ok(sqlx::query_as!(
        LevelFigures,
        "SELECT on_hand, reserved, version FROM bridge.stock_levels
         WHERE (stock, product, store) = ($1, $2, $3)",
        level.stock,
        level.product,
        level.store
    )
    .fetch_optional(db)
    .await?)
}

/// The cause of the last move that lowered what is on hand.
pub async fn cause(db: &mut PgConnection, level: LevelKey<'_>) -> Result<Option<MoveCause>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT cause AS "cause: MoveCause" FROM bridge.stock_moves
           WHERE (stock, product, store) = ($1, $2, $3) AND on_hand < 0
           ORDER BY id DESC LIMIT 1"#,
        level.stock,
        level.product,
        level.store
    )
    .fetch_optional(db)
    .await?)
}

/// What another store can sell of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Elsewhere {
    /// The store, as the stock names it.
    pub store: String,
    /// Whether it sells online.
    pub online: bool,
    /// The product, as the stock names it.
    pub product: String,
    /// How much of it that store can sell.
    pub available: Decimal,
}

/// What the other stores of a stock can sell of these products, by rank.
pub async fn elsewhere(
    db: &mut PgConnection,
    stock: &str,
    products: &[String],
    but: &str,
) -> Result<Vec<Elsewhere>, Error> {
    Ok(sqlx::query_as!(
        Elsewhere,
        r#"SELECT s.store, s.online, l.product, l.on_hand - l.reserved AS "available!"
           FROM bridge.stock_stores s JOIN bridge.stock_levels l USING (stock, store)
           WHERE s.stock = $1 AND s.active AND s.store <> $3 AND l.product = ANY ($2)
           ORDER BY s.rank, s.store"#,
        stock,
        products,
        but
    )
    .fetch_all(db)
    .await?)
}

/// What these reservations hold is lost; their locks are held.
pub async fn lose(db: &mut PgConnection, shop: &str, id: &str) -> Result<i64, Error> {
    let lost = sqlx::query_scalar!(
        r#"SELECT bridge.stock_end(ARRAY[$1::text], ARRAY[$2::text], 'short', NULL) AS "it!""#,
        shop,
        id
    );
    Ok(lost.fetch_one(db).await?)
}

/// Completes the message about a reservation that was lost in this transaction.
pub async fn explain(
    db: &mut PgConnection,
    (shop, id): (&str, &str),
    (rule, reason): (Option<&str>, Option<&str>),
    wanted: Option<&Value>,
) -> Result<(), Error> {
    sqlx::query!(
        "SELECT bridge.stock_explain($1, $2, $3, $4, $5)",
        shop,
        id,
        rule,
        reason,
        wanted
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// What a reservation holds of a product in a store is held in another from now on.
pub async fn carry(
    db: &mut PgConnection,
    (shop, id): (&str, &str),
    product: &str,
    (from, to): (&str, &str),
) -> Result<bool, Error> {
    let carried = sqlx::query_scalar!(
        r#"SELECT bridge.stock_carry($1, $2, $3, $4, $5) AS "it!""#,
        shop,
        id,
        product,
        from,
        to
    );
    Ok(carried.fetch_one(db).await?)
}

/// A decision about a shortage, on its way in.
#[derive(Debug, Clone)]
pub struct NewShortage<'a> {
    /// The level that is short.
    pub level: LevelKey<'a>,
    /// What took the goods.
    pub cause: Option<ShortageCause>,
    /// What was done about it, or `review`: a person has to say.
    pub rule: ShortageAct,
    /// What was met and what was done, in one English sentence.
    pub sentence: &'a str,
    /// The figures and the reservations.
    pub inputs: &'a Value,
    /// Who lost or moved.
    pub outcome: &'a Value,
    /// The version of the level that was judged.
    pub version: i64,
    /// Whether nothing is left to be decided.
    pub closed: bool,
}

/// Puts a decision on record: the open shortage of the level is brought up to date.
pub async fn write(db: &mut PgConnection, new: &NewShortage<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.shortages AS s
                (stock, product, store, cause, rule, sentence, inputs, outcome, level_version,
                 closed_at, closed_how)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                 CASE WHEN $10 THEN clock_timestamp() END, CASE WHEN $10 THEN 'rule' END)
         ON CONFLICT (stock, product, store) WHERE closed_at IS NULL DO UPDATE
         SET cause = excluded.cause, rule = excluded.rule, sentence = excluded.sentence,
             inputs = excluded.inputs, level_version = excluded.level_version,
             outcome = CASE WHEN $10 THEN excluded.outcome ELSE s.outcome END,
             closed_at = CASE WHEN $10 THEN clock_timestamp() END,
             closed_how = CASE WHEN $10 THEN 'rule' END
         RETURNING id",
        new.level.stock,
        new.level.product,
        new.level.store,
        new.cause as Option<ShortageCause>,
        new.rule as ShortageAct,
        new.sentence,
        new.inputs,
        new.outcome,
        new.version,
        new.closed
    )
    .fetch_one(db)
    .await?)
}

/// A decision about a shortage, open or closed.
#[derive(Debug, Clone)]
pub struct ShortageRow {
    /// Its id, in one row of numbers with conflicts of statuses.
    pub id: i64,
    /// The stock's name in the settings.
    pub stock: String,
    /// The product, as the stock names it.
    pub product: String,
    /// The store, as the stock names it.
    pub store: String,
    /// What took the goods.
    pub cause: Option<ShortageCause>,
    /// What was done, or `review`.
    pub rule: ShortageAct,
    /// What was met and what was done, in one English sentence.
    pub sentence: String,
    /// The figures and the reservations.
    pub inputs: Json,
    /// When it was seen.
    pub opened_at: DateTime<Utc>,
    /// When a person last decided about it.
    pub ruled_at: Option<DateTime<Utc>>,
    /// The operator who decided, by name; none until one has.
    pub ruled_by: Option<String>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// How it was over; none while it is open.
    pub closed_how: Option<ShortageEnd>,
}

/// Which shortages to list.
#[derive(Debug, Clone, Default)]
pub struct ShortageFilter<'a> {
    /// Only where a reservation of this shop is concerned.
    pub shop: Option<&'a str>,
    /// Only where a reservation of this order is.
    pub number: Option<&'a str>,
    /// Whether those that are over are listed, too.
    pub closed: bool,
    /// Only with ids above this.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

/// Shortages that the filter lets through, by id: the oldest first.
pub async fn list(
    db: &mut PgConnection,
    filter: &ShortageFilter<'_>,
) -> Result<Vec<ShortageRow>, Error> {
    Ok(sqlx::query_as!(
        ShortageRow,
        r#"SELECT id, stock, product, store, cause AS "cause: ShortageCause",
                rule AS "rule: ShortageAct", sentence, inputs AS "inputs: Json",
                opened_at, ruled_at, ruled_by, closed_at,
                closed_how AS "closed_how: ShortageEnd"
         FROM bridge.shortages
         WHERE ($1::text IS NULL
                OR inputs -> 'reservations' @> jsonb_build_array(jsonb_build_object('shop', $1)))
           AND ($2::text IS NULL
                OR inputs -> 'reservations' @> jsonb_build_array(jsonb_build_object('number', $2)))
           AND ($3 OR closed_at IS NULL) AND id > $4
         ORDER BY id LIMIT $5"#,
        filter.shop,
        filter.number,
        filter.closed,
        filter.after,
        filter.limit
    )
    .fetch_all(db)
    .await?)
}

/// What was decided lately, the newest first.
pub async fn latest(db: &mut PgConnection, limit: i64) -> Result<Vec<ShortageRow>, Error> {
    Ok(sqlx::query_as!(
        ShortageRow,
        r#"SELECT id, stock, product, store, cause AS "cause: ShortageCause",
                rule AS "rule: ShortageAct", sentence, inputs AS "inputs: Json",
                opened_at, ruled_at, ruled_by, closed_at,
                closed_how AS "closed_how: ShortageEnd"
         FROM bridge.shortages WHERE closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT $1"#,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The open shortages of a stock, oldest first.
pub async fn open_of(
    db: &mut PgConnection,
    stock: &str,
    limit: i64,
) -> Result<Vec<ShortageRow>, Error> {
    Ok(sqlx::query_as!(
        ShortageRow,
        r#"SELECT id, stock, product, store, cause AS "cause: ShortageCause",
                rule AS "rule: ShortageAct", sentence, inputs AS "inputs: Json",
                opened_at, ruled_at, ruled_by, closed_at,
                closed_how AS "closed_how: ShortageEnd"
         FROM bridge.shortages WHERE stock = $1 AND closed_at IS NULL ORDER BY id LIMIT $2"#,
        stock,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// How many wait for a person: (stock, how many), of every stock.
pub async fn open_by_stock(db: &mut PgConnection) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT c.stock, count(s.id) AS "count!" FROM bridge.stocks c
           LEFT JOIN bridge.shortages s ON s.stock = c.stock AND s.closed_at IS NULL
           GROUP BY c.stock"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stock, row.count)).collect())
}

/// Stores a person's act in an open shortage; false if it is closed.
pub async fn rule(db: &mut PgConnection, id: i64, who: &str, act: &Value) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.shortages
         SET ruled_at = clock_timestamp(), ruled_by = $2, outcome = outcome || $3
         WHERE id = $1 AND closed_at IS NULL",
        id,
        who,
        act
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes shortages closed longer ago than this many seconds, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.shortages WHERE id IN (
             SELECT id FROM bridge.shortages
             WHERE closed_at < now() - make_interval(secs => $1) ORDER BY closed_at LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// By which rule this transaction has lost goods of an order, as its shop is told; none: it has
/// lost none.
pub async fn lost_now(db: &mut PgConnection, order: &OrderKey) -> Result<Option<String>, Error> {
    let lost = sqlx::query_scalar!(
        r#"SELECT coalesce(body ->> 'rule', '') AS "it!" FROM bridge.shop_messages
           WHERE shop = $1 AND number = $2 AND seq IS NULL AND made_at >= now()
             AND kind = 'bridge.reservation.short.v1'
           ORDER BY id DESC LIMIT 1"#,
        order.shop,
        order.number
    );
    Ok(lost.fetch_optional(db).await?)
}
