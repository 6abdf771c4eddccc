//! Progress of each called shop in hearing of changed levels.

use crate::storage::Error;
use sqlx::PgConnection;

/// How far a shop has been told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The stock that it sells from.
    pub stock: String,
    /// The place in the feed that it has been told of.
    pub seq: i64,
    /// Seconds until the next message may be sent; below zero: now.
    pub due_in: f64,
    /// Refusals since the last that was taken.
    pub attempts: i32,
}

/// How far a shop has been told; none: it sells from no stock, or nothing has changed since.
pub async fn untold(db: &mut PgConnection, shop: &str) -> Result<Option<Told>, Error> {
    Ok(sqlx::query_as!(
        Told,
        r#"SELECT s.stock, coalesce(t.seq, 0) AS "seq!", coalesce(t.attempts, 0) AS "attempts!",
                  coalesce(extract(epoch FROM t.due_at - now())::float8, -1) AS "due_in!"
           FROM bridge.stock_shops s
           LEFT JOIN bridge.stock_told t ON (t.shop, t.stock) = (s.shop, s.stock)
           WHERE s.shop = $1 AND EXISTS (
               SELECT FROM bridge.stock_levels l
               WHERE l.stock = s.stock AND l.seq > coalesce(t.seq, 0))"#,
        shop
    )
    .fetch_optional(db)
    .await?)
}

/// The shop has been told up to this place; the next message waits for so many seconds.
pub async fn advance(
    db: &mut PgConnection,
    (shop, stock): (&str, &str),
    seq: i64,
    rest: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.stock_told AS t (shop, stock, seq, due_at)
         VALUES ($1, $2, $3, now() + make_interval(secs => $4))
         ON CONFLICT (shop) DO UPDATE
         SET stock = excluded.stock, due_at = excluded.due_at, attempts = 0,
             seq = CASE WHEN t.stock = excluded.stock THEN greatest(t.seq, excluded.seq)
                        ELSE excluded.seq END",
        shop,
        stock,
        seq,
        rest
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The next message waits for so many seconds.
pub async fn put_off(
    db: &mut PgConnection,
    (shop, stock): (&str, &str),
    attempts: i32,
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.stock_told AS t (shop, stock, due_at, attempts)
         VALUES ($1, $2, now() + make_interval(secs => $3), $4)
         ON CONFLICT (shop) DO UPDATE
         SET due_at = excluded.due_at, attempts = excluded.attempts, stock = excluded.stock,
             seq = CASE WHEN t.stock = excluded.stock THEN t.seq ELSE 0 END",
        shop,
        stock,
        seconds,
        attempts
    )
    .execute(db)
    .await?;
    Ok(())
}
