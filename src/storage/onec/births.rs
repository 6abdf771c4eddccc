//! Orders and customers that were made in 1C, and what the shop was told of them.

use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An order that was made in 1C, of which the shop is to be told.
#[derive(Debug, Clone, Copy)]
pub struct NewBirth<'a> {
    /// The base's name in the settings.
    pub base: &'a str,
    /// `Ид` there, else `Номер`.
    pub id: &'a str,
    /// The order's number in 1C: `Номер`.
    pub number: &'a str,
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// The order as it is told.
    pub snapshot: &'a Value,
    /// Its status as it is told.
    pub status: Option<&'a str>,
    /// Its status in 1C's words.
    pub said: Option<&'a str>,
    /// When 1C made the file.
    pub formed_at: Option<DateTime<Utc>>,
}

/// What is known of it.
#[derive(Debug, Clone)]
pub struct BirthRow {
    /// What it is known again by: `Ид` in 1C.
    pub id: String,
    /// The order's number in 1C: `Номер`.
    pub number: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order as it was last told.
    pub snapshot: Json,
    /// When 1C made the file in which that came.
    pub formed_at: Option<DateTime<Utc>>,
}

/// The order that was made in 1C with this `Ид`, or with this `Номер` where one of the two
/// documents has no `Ид`, and that the shop does not have yet; it is locked.
pub async fn lock(
    db: &mut PgConnection,
    base: &str,
    id: Option<&str>,
    number: Option<&str>,
) -> Result<Option<BirthRow>, Error> {
    Ok(sqlx::query_as!(
        BirthRow,
        r#"SELECT id, number, shop, snapshot AS "snapshot: Json", formed_at
           FROM bridge.onec_births
           WHERE base = $1 AND taken_as IS NULL
             AND (id = $2 OR number = $3 AND ($2::text IS NULL OR id = number))
           ORDER BY id = $2 DESC NULLS LAST LIMIT 1 FOR UPDATE"#,
        base,
        id,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// Whether a shop has an order of this number, though its base has never had it.
pub async fn is_order(
    db: &mut PgConnection,
    shops: &[String],
    number: &str,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.orders WHERE shop = ANY($1) AND number = $2)
           AS "is!""#,
        shops,
        number
    )
    .fetch_one(db)
    .await?)
}

/// Stores an order that was made in 1C; false: it is known.
pub async fn add(db: &mut PgConnection, new: &NewBirth<'_>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.onec_births
             (base, id, number, shop, snapshot, status, said, formed_at, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT coalesce(max(id), 0) FROM bridge.outbox))
         ON CONFLICT (base, id) DO NOTHING",
        new.base,
        new.id,
        new.number,
        new.shop,
        new.snapshot,
        new.status,
        new.said,
        new.formed_at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores what the shop is told of it now.
pub async fn tell(db: &mut PgConnection, new: &NewBirth<'_>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_births
         SET snapshot = $3, status = $4, said = $5, formed_at = $6
         WHERE base = $1 AND id = $2",
        new.base,
        new.id,
        new.snapshot,
        new.status,
        new.said,
        new.formed_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether there are orders of a base that the shop was told of and does not have yet.
pub async fn any_open(db: &mut PgConnection, base: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.onec_births WHERE base = $1 AND taken_as IS NULL)
           AS "any!""#,
        base
    )
    .fetch_one(db)
    .await?)
}

/// The bases that have such orders.
pub async fn open_bases(db: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(
        sqlx::query_scalar!("SELECT DISTINCT base FROM bridge.onec_births WHERE taken_as IS NULL")
            .fetch_all(db)
            .await?,
    )
}

/// An order of a shop that is one that was made in 1C.
#[derive(Debug)]
pub struct TakenRow {
    /// Its id in 1C.
    pub id: String,
    /// The order's number in 1C: `Номер`.
    pub doc_number: String,
    /// The order as it was told.
    pub snapshot: Json,
    /// Its status as it was told.
    pub status: Option<String>,
    /// Its status in 1C's words.
    pub said: Option<String>,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Its newest event, by its id in the outbox.
    pub head: i64,
    /// That event, as the shop sent it.
    pub body: Json,
}

/// Orders of shops that are ones that were made in a base: they name its `Ид` as `origin.onec`,
/// or have the number that 1C gave or that the shop answered. At most `limit`.
pub async fn taken(db: &mut PgConnection, base: &str, limit: i64) -> Result<Vec<TakenRow>, Error> {
    Ok(sqlx::query_as!(
        TakenRow,
        r#"SELECT b.id, b.number AS doc_number, b.snapshot AS "snapshot: Json", b.status, b.said,
                  k.shop, k.number, k.head, e.body AS "body: Json"
           FROM bridge.onec_births b
           JOIN bridge.onec_orders k ON k.base = b.base AND k.shop = b.shop
           JOIN bridge.outbox e ON e.id = k.head
           WHERE b.base = $1 AND b.taken_as IS NULL
             AND k.waits AND k.doc_id IS NULL AND k.head > b.after
             AND (k.number = b.number OR k.number = b.answered
                  OR e.body #>> '{data,origin,onec}' = b.id)
           ORDER BY b.id, k.head LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Gives an order of a shop the identity that it has in 1C. `is_same`: 1C has it as the shop does.
/// False: it has one by now, or another order has that one.
pub async fn adopt(
    db: &mut PgConnection,
    base: &str,
    row: &TakenRow,
    (status, is_same): (&str, bool),
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_orders k
         SET doc_id = $4, doc_number = $5, agreed = $6, said = $7, waits = NOT $8,
             given_at = '-infinity',
             confirmed = CASE WHEN $8 THEN head END, confirmed_at = CASE WHEN $8 THEN now() END
         WHERE k.base = $1 AND k.shop = $2 AND k.number = $3 AND k.doc_id IS NULL AND k.head = $9
           AND NOT EXISTS (SELECT FROM bridge.onec_orders o
                           WHERE o.base = $1 AND (o.doc_id = $4 OR o.doc_number = $5))",
        base,
        row.shop,
        row.number,
        row.id,
        row.doc_number,
        row.status.as_deref().unwrap_or(status),
        row.said,
        is_same,
        row.head
    )
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE bridge.onec_births SET taken_as = $3, taken_at = now()
         WHERE base = $1 AND id = $2",
        base,
        row.id,
        row.number
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// The shop answers which number it gives an order that was made in 1C.
pub async fn answered(
    db: &mut PgConnection,
    (shop, id): (&str, &str),
    number: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_births SET answered = $3
         WHERE shop = $1 AND id = $2 AND taken_as IS NULL",
        shop,
        id,
        number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many orders of a base the shop was told of and does not have yet, and since when.
pub async fn open(
    db: &mut PgConnection,
    base: &str,
) -> Result<(i64, Option<DateTime<Utc>>), Error> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "many!", min(made_at) AS oldest FROM bridge.onec_births
           WHERE base = $1 AND taken_as IS NULL"#,
        base
    )
    .fetch_one(db)
    .await?;
    Ok((row.many, row.oldest))
}

/// Stores a customer that was made in 1C; false: nothing about it is new, or an older file says it.
pub async fn save_customer(
    db: &mut PgConnection,
    (base, id): (&str, &str),
    data: &Value,
    formed_at: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.onec_customers AS c (base, id, data, formed_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (base, id) DO UPDATE
         SET data = excluded.data, formed_at = excluded.formed_at, changed_at = now()
         WHERE c.data <> excluded.data AND (c.formed_at <= excluded.formed_at) IS NOT FALSE",
        base,
        id,
        data,
        formed_at
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes orders that the shop has had for longer than this many seconds: what they are in 1C
/// stands with them. At most `batch`.
pub async fn prune(
    db: &mut PgConnection,
    base: &str,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_births WHERE (base, id) IN (
             SELECT base, id FROM bridge.onec_births
             WHERE base = $1 AND taken_at < now() - make_interval(secs => $2) LIMIT $3)",
        base,
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
