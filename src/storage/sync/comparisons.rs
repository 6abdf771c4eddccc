//! Orders whose status and stage are to be compared.

use crate::{
    domain::{StageWriteInFlight, words},
    storage::{Error, Json, queue::lanes::Lease},
};
use serde::Serialize;
use sqlx::PgConnection;

words! {
    /// Who asked for a comparison: `bridge.comparisons.why`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum AskedBy {
        /// An event of the shop.
        Event = "event",
        /// A notification of the portal.
        Notification = "notification",
        /// The portal's stage history.
        History = "history",
        /// The deal was found to be the order's, or another's.
        Portal = "portal",
        /// What became of a message to the shop.
        Shop = "shop",
        /// A document of 1C.
        Onec = "onec",
        /// A person.
        Person = "person",
        /// A change of the table of statuses.
        Table = "table",
        /// A reconciliation.
        Reconcile = "reconcile",
    }
}

/// Puts these orders on the list, to be compared after this many milliseconds: (shop, number,
/// portal), no order twice.
pub async fn ask(
    db: &mut PgConnection,
    (shops, numbers, portals): (&[String], &[String], &[String]),
    why: AskedBy,
    delay_ms: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.comparisons AS c (shop, number, portal, due_at, why)
         SELECT shop, number, portal, now() + $4 * interval '1 millisecond', $5
         FROM UNNEST($1::text[], $2::text[], $3::text[]) AS n (shop, number, portal)
           ORDER BY shop, number
         ON CONFLICT (shop, number) DO UPDATE
         SET asked = c.asked + 1, due_at = least(c.due_at, excluded.due_at), why = excluded.why,
             portal = excluded.portal",
        shops,
        numbers,
        portals,
        f64_of(delay_ms),
        why as AskedBy
    )
    .execute(db)
    .await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a pause in milliseconds")]
fn f64_of(ms: i64) -> f64 {
    ms as f64
}

/// Puts the orders of these deals on the list; returns how many the bridge knows.
pub async fn ask_deals(
    db: &mut PgConnection,
    portal: &str,
    deals: &[i64],
    why: AskedBy,
    delay_ms: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.comparisons AS c (shop, number, portal, due_at, why)
         SELECT o.shop, o.number, o.portal, now() + $4 * interval '1 millisecond', $3
         FROM bridge.orders o WHERE o.portal = $1 AND o.deal_id = ANY($2) ORDER BY o.shop, o.number
           FOR UPDATE OF o
         ON CONFLICT (shop, number) DO UPDATE
         SET asked = c.asked + 1, due_at = least(c.due_at, excluded.due_at), why = excluded.why",
        portal,
        deals,
        why as AskedBy,
        f64_of(delay_ms)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Enqueues just-written orders for comparison, unless both sides are known to agree: shop, number,
/// and the stage that was read. An entry that is there keeps its `why`.
pub async fn ask_written(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
    stages: &[Option<String>],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.comparisons AS c (shop, number, portal, why)
         SELECT o.shop, o.number, o.portal, 'event'
         FROM UNNEST($1::text[], $2::text[], $3::text[]) AS k (shop, number, stage)
         JOIN bridge.orders o USING (shop, number) LEFT JOIN bridge.agreements a
           USING (shop, number)
         WHERE o.deal_id IS NOT NULL AND o.said ? 'status'
           AND NOT coalesce((o.said ->> 'deleted')::boolean, false)
           AND (a.agreed IS NULL OR a.agreed ->> 'status' <> o.said ->> 'status'
                OR jsonb_array_length(coalesce(a.agreed -> 'told', '[]')) > 0
                OR k.stage <> a.agreed -> 'stage' ->> 'id')
         ORDER BY o.shop, o.number
         ON CONFLICT (shop, number) DO UPDATE SET asked = c.asked + 1,
         due_at = least(c.due_at, now())",
        shops,
        numbers,
        stages as &[Option<String>]
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// An order that is to be compared.
#[derive(Debug, Clone)]
pub struct DueComparison {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Which request this answers.
    pub asked: i64,
    /// Who asked for it last.
    pub why: AskedBy,
    /// The id of its deal in the portal, if there is one.
    pub deal_id: Option<i64>,
    /// A stage that is being written.
    pub writing: Option<Json<StageWriteInFlight>>,
}

/// The due comparisons of a lane, the longest due first; none unless the lease is held.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    shops: &[String],
    limit: i64,
) -> Result<Vec<DueComparison>, Error> {
    Ok(sqlx::query_as!(
        DueComparison,
        r#"SELECT c.shop, c.number, c.asked, c.why AS "why: AskedBy", o.deal_id AS "deal_id?",
                  a.writing AS "writing?: Json<StageWriteInFlight>"
           FROM bridge.comparisons c
           LEFT JOIN bridge.orders o ON o.shop = c.shop AND o.number = c.number
           LEFT JOIN bridge.agreements a ON a.shop = c.shop AND a.number = c.number
           WHERE c.portal = $1 AND c.due_at <= now() AND c.shop = ANY($2)
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY c.due_at LIMIT $5"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Takes orders off the list, unless they were asked for again meanwhile: (shop, number, asked).
pub async fn done(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
    asked: &[i64],
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.comparisons c USING UNNEST($1::text[], $2::text[], $3::bigint[]) AS k
           (shop, number, asked)
         WHERE c.shop = k.shop AND c.number = k.number AND c.asked = k.asked",
        shops,
        numbers,
        asked
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes one order off the list, whoever asked for it.
pub async fn drop_one(db: &mut PgConnection, shop: &str, number: &str) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.comparisons WHERE shop = $1 AND number = $2",
        shop,
        number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts claimed comparisons off by this many milliseconds.
pub async fn postpone(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
    delay_ms: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.comparisons c SET due_at = now() + $3 * interval '1 millisecond'
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number) WHERE c.shop = k.shop
           AND c.number = k.number",
        shops,
        numbers,
        f64_of(delay_ms)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Seconds until the next comparison of these shops of a portal is due; none if none waits.
pub async fn next_due(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM due_at - now())::float8 AS "seconds!"
           FROM bridge.comparisons WHERE portal = $1 AND shop = ANY($2) ORDER BY due_at LIMIT 1"#,
        portal,
        shops
    )
    .fetch_optional(db)
    .await?)
}

/// How many comparisons of a portal wait.
pub async fn waiting(db: &mut PgConnection, portal: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bridge.comparisons WHERE portal = $1"#,
        portal
    )
    .fetch_one(db)
    .await?)
}
