//! Incidents that the calls of each lane met lately.

use crate::storage::{Error, Reason};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An incident of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// The lane: a portal's name, or `shop:` and a shop's.
    pub lane: String,
    /// The code of what was met.
    pub code: String,
    /// In the words of the last time.
    pub message: String,
    /// How often it was met since it began.
    pub times: i64,
    /// When it was first met since it was last over.
    pub first_at: DateTime<Utc>,
    /// When it was last met.
    pub last_at: DateTime<Utc>,
    /// When it was over; none while it lasts.
    pub over_at: Option<DateTime<Utc>>,
}

/// Writes down an incident that was met so many times. One that comes back soon goes on; a later
/// one begins anew.
pub async fn note(
    db: &mut PgConnection,
    lane: &str,
    reason: Reason<'_>,
    times: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.troubles AS t (lane, code, message, times) VALUES ($1, $2, $3, $4)
         ON CONFLICT (lane, code) DO UPDATE
         SET message = excluded.message, last_at = now(), over_at = NULL,
             times = CASE WHEN t.over_at < now() - interval '15 minutes' THEN $4
               ELSE t.times + $4 END,
             first_at = CASE WHEN t.over_at < now() - interval '15 minutes' THEN now()
               ELSE t.first_at END",
        lane,
        reason.code.as_str(),
        reason.message,
        times
    )
    .execute(db)
    .await?;
    Ok(())
}

/// These incidents of a lane are over; without codes all are.
pub async fn over(
    db: &mut PgConnection,
    lane: &str,
    codes: Option<&[String]>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.troubles SET over_at = now()
         WHERE lane = $1 AND over_at IS NULL AND ($2::text[] IS NULL OR code = ANY($2))",
        lane,
        codes
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What earlier owners of lanes left open is over: all incidents of these portals, and those of
/// this code of the other lanes. Whatever lasts is met again.
pub async fn over_of_taken(
    db: &mut PgConnection,
    portals: &[String],
    (others, code): (&[String], &str),
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.troubles SET over_at = now()
         WHERE over_at IS NULL AND (lane = ANY($1) OR lane = ANY($2) AND code = $3)",
        portals,
        others,
        code
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Incidents of these codes that last.
pub async fn lasting(db: &mut PgConnection, codes: &[String]) -> Result<Vec<IncidentRow>, Error> {
    Ok(sqlx::query_as!(
        IncidentRow,
        "SELECT lane, code, message, times, first_at, last_at, over_at FROM bridge.troubles
         WHERE over_at IS NULL AND code = ANY ($1) ORDER BY lane, code",
        codes
    )
    .fetch_all(db)
    .await?)
}

/// Incidents that last, or were over within this many seconds.
pub async fn lately(db: &mut PgConnection, seconds: f64) -> Result<Vec<IncidentRow>, Error> {
    Ok(sqlx::query_as!(
        IncidentRow,
        "SELECT lane, code, message, times, first_at, last_at, over_at FROM bridge.troubles
         WHERE over_at IS NULL OR over_at > now() - make_interval(secs => $1)
           ORDER BY lane, last_at DESC",
        seconds
    )
    .fetch_all(db)
    .await?)
}

/// Orders, or changes for a shop, that were refused for one reason and are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// Who refused: a portal's lane, or that of a shop's callback.
    pub lane: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The code of the refusals.
    pub code: String,
    /// How many orders or changes were refused so.
    pub count: i64,
    /// The number of one of the orders.
    pub number: String,
    /// The words of its last refusal.
    pub message: String,
}

/// What was refused and is tried again, by lane, shop and reason.
pub async fn refused(db: &mut PgConnection) -> Result<Vec<RefusedRow>, Error> {
    Ok(sqlx::query_as!(
        RefusedRow,
        r#"SELECT g.portal AS "lane!", g.shop AS "shop!", g.error_code AS "code!",
                  g.count AS "count!", g.number AS "number!",
                  coalesce(o.error_message, '') AS "message!"
           FROM (SELECT portal, shop, error_code, count(*), min(number) AS number
                 FROM bridge.orders WHERE due_at IS NOT NULL AND error_code IS NOT NULL
                   GROUP BY portal, shop, error_code) g
           JOIN bridge.orders o USING (shop, number)
           UNION ALL
           SELECT 'shop:' || shop, shop, error_code, count(*), min(number),
                  coalesce((array_agg(error_message ORDER BY number))[1], '')
           FROM bridge.status_changes WHERE state = 'waiting' AND error_code IS NOT NULL
             GROUP BY shop, error_code
           ORDER BY 1, 2, 3"#
    )
    .fetch_all(db)
    .await?)
}

/// Changes that a shop refused and that are tried again, the newest first.
#[derive(Debug, Clone)]
pub struct RefusedChange {
    /// The order's number in its shop.
    pub number: String,
    /// What the shop is to be told.
    pub status: String,
    /// The code of the refusal.
    pub code: String,
    /// What the shop answered, in its own words.
    pub message: String,
    /// When it is tried again.
    pub due_at: DateTime<Utc>,
}

/// What a shop refused and is told again.
pub async fn refused_by(
    db: &mut PgConnection,
    shop: &str,
    limit: i64,
) -> Result<Vec<RefusedChange>, Error> {
    Ok(sqlx::query_as!(
        RefusedChange,
        r#"SELECT number, status, error_code AS "code!", coalesce(error_message, '') AS "message!",
                  due_at
           FROM bridge.status_changes WHERE shop = $1 AND state = 'waiting'
             AND error_code IS NOT NULL
           ORDER BY seq DESC LIMIT $2"#,
        shop,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// How many differences wait for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingConflicts {
    /// The shop's name in the settings.
    pub shop: String,
    /// The code that tells why they wait.
    pub code: String,
    /// How many differences wait.
    pub count: i64,
    /// The first of them.
    pub id: i64,
    /// Whether an open letter about each of their orders says the same.
    pub in_letters: bool,
}

/// Open letters of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadRow {
    /// The portal; none where the letters are about none.
    pub portal: Option<String>,
    /// The shop; none where the letters are about none.
    pub shop: Option<String>,
    /// Whether it is the shop that could not be told.
    pub by_shop: bool,
    /// The code of the letters.
    pub code: String,
    /// How many of them are open.
    pub count: i64,
    /// The newest of them.
    pub id: i64,
    /// The order that the newest is about, if it is about one.
    pub number: Option<String>,
    /// What was said of it.
    pub message: String,
}

/// Open letters by portal, shop and reason.
pub async fn dead(db: &mut PgConnection) -> Result<Vec<DeadRow>, Error> {
    Ok(sqlx::query_as!(
        DeadRow,
        r#"SELECT g.portal, g.shop, g.by_shop AS "by_shop!", g.code AS "code!", g.count AS "count!",
                  d.id, d.number, d.message
           FROM (SELECT portal, shop, change_seq IS NOT NULL AS by_shop, code, count(*),
             max(id) AS id
                 FROM bridge.dead_letters WHERE closed_at IS NULL GROUP BY 1, 2, 3, 4) g
           JOIN bridge.dead_letters d USING (id) ORDER BY 1, 2, 3, 4"#
    )
    .fetch_all(db)
    .await?)
}

/// Differences that wait for a person, by shop and reason.
pub async fn conflicts(db: &mut PgConnection) -> Result<Vec<WaitingConflicts>, Error> {
    Ok(sqlx::query_as!(
        WaitingConflicts,
        r#"SELECT g.shop, g.code, g.count AS "count!", g.id AS "id!",
                  NOT EXISTS (SELECT FROM bridge.conflicts c
                              WHERE c.shop = g.shop AND c.code = g.code AND c.waits
                                AND NOT EXISTS (SELECT FROM bridge.dead_letters d
                                                WHERE d.shop = c.shop AND d.number = c.number
                                                  AND d.code = c.code AND d.closed_at IS NULL))
                      AS "in_letters!"
           FROM (SELECT shop, code, count(*) AS count, min(id) AS id FROM bridge.conflicts
                 WHERE waits GROUP BY shop, code) g
           ORDER BY g.shop, g.code"#
    )
    .fetch_all(db)
    .await?)
}
