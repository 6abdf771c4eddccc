//! Writes in flight for orders, and until when they may still land.

use super::lanes::Lease;
use crate::storage::Error;
use serde_json::Value;
use sqlx::PgConnection;

/// What is about to be written for an order, or may still land.
#[derive(Debug, Clone)]
pub struct WriteInFlight {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What is about to be written, as JSON.
    pub what: Value,
}

/// Stores what is about to be written for these orders and may land for so many seconds from now;
/// an earlier time never becomes an earlier one. False if the lease is lost: then nothing may be
/// sent.
pub async fn begin(
    db: &mut PgConnection,
    lease: &Lease,
    orders: &[WriteInFlight],
    seconds: f64,
) -> Result<bool, Error> {
    let shops: Vec<&str> = orders.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = orders.iter().map(|one| &*one.number).collect();
    let what: Vec<&Value> = orders.iter().map(|one| &one.what).collect();
    let held = sqlx::query_scalar!(
        r#"WITH held AS (
             SELECT FROM bridge.lanes
             WHERE portal = $1 AND owner = $2 AND epoch = $3 AND lease_until > now()),
         stored AS (
             INSERT INTO bridge.under_way AS u (shop, number, portal, epoch, what, lands_until)
             SELECT n.shop, n.number, $1, $3, n.what, now() + make_interval(secs => $7)
             FROM UNNEST($4::text[], $5::text[], $6::jsonb[]) AS n (shop, number, what), held
             ORDER BY n.shop, n.number
             ON CONFLICT (shop, number) DO UPDATE
             SET portal = excluded.portal, epoch = excluded.epoch, what = excluded.what,
                 lands_until = greatest(u.lands_until, excluded.lands_until))
         SELECT EXISTS (SELECT FROM held) AS "held!""#,
        lease.portal,
        lease.owner,
        lease.epoch,
        &shops as &[&str],
        &numbers as &[&str],
        &what as &[&Value],
        seconds
    )
    .fetch_one(db)
    .await?;
    Ok(held)
}

/// Keeps what of these orders may still land: for so many seconds from now each, and never for less
/// than it was said before.
pub async fn keep(
    db: &mut PgConnection,
    lease: &Lease,
    orders: &[WriteInFlight],
    seconds: &[f64],
) -> Result<(), Error> {
    if orders.is_empty() {
        return Ok(());
    }
    let shops: Vec<&str> = orders.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = orders.iter().map(|one| &*one.number).collect();
    let what: Vec<&Value> = orders.iter().map(|one| &one.what).collect();
    sqlx::query!(
        "INSERT INTO bridge.under_way AS u (shop, number, portal, epoch, what, lands_until)
         SELECT n.shop, n.number, $1, $2, n.what, now() + make_interval(secs => n.seconds)
         FROM UNNEST($3::text[], $4::text[], $5::jsonb[], $6::float8[])
              AS n (shop, number, what, seconds)
         ORDER BY n.shop, n.number
         ON CONFLICT (shop, number) DO UPDATE
         SET what = excluded.what, lands_until = greatest(u.lands_until, excluded.lands_until)",
        lease.portal,
        lease.epoch,
        &shops as &[&str],
        &numbers as &[&str],
        &what as &[&Value],
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what of these orders was under way: all of it was answered.
pub async fn end(db: &mut PgConnection, shops: &[String], numbers: &[String]) -> Result<(), Error> {
    if shops.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM bridge.under_way u USING UNNEST($1::text[], $2::text[]) AS k (shop, number)
         WHERE u.shop = k.shop AND u.number = k.number",
        shops,
        numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What tells the customers of a portal whom calls may still make or complete.
pub async fn customers(db: &mut PgConnection, portal: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT w.who AS "who!"
           FROM bridge.under_way u, jsonb_array_elements_text(u.what -> 'who') AS w (who)
           WHERE u.portal = $1 AND u.lands_until > now()"#,
        portal
    )
    .fetch_all(db)
    .await?)
}

/// Forgets what can no longer land of orders that have nothing to do: what they hold was settled
/// since.
pub async fn prune(db: &mut PgConnection, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.under_way u USING (
             SELECT k.shop, k.number FROM bridge.under_way k LEFT JOIN bridge.orders o
               USING (shop, number)
             WHERE k.lands_until < now() AND o.due_at IS NULL
               AND NOT EXISTS (SELECT FROM bridge.subjects s
                               WHERE s.shop = k.shop AND s.key = k.number AND s.due_at IS NOT NULL)
             LIMIT $1) AS over
         WHERE u.shop = over.shop AND u.number = over.number",
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
