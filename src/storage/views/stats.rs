//! Figures for people and meters.

use crate::storage::Error;
use sqlx::PgConnection;

/// What waits for one shop.
#[derive(Debug, Clone)]
pub struct WaitingCount {
    /// The portal's name in the settings.
    pub portal: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// How many orders wait to be sent.
    pub pending: i64,
    /// Age of the oldest, in seconds.
    pub oldest_seconds: i64,
}

/// What waits, by portal and shop.
pub async fn waiting(db: &mut PgConnection) -> Result<Vec<WaitingCount>, Error> {
    Ok(sqlx::query_as!(
        WaitingCount,
        r#"SELECT portal, shop, count(*) AS "pending!",
                  extract(epoch FROM now() - min(waits_since))::bigint AS "oldest_seconds!"
           FROM bridge.orders WHERE due_at IS NOT NULL GROUP BY portal, shop"#
    )
    .fetch_all(db)
    .await?)
}

/// What was settled of one shop in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledMinute {
    /// The minute, counted from 1970.
    pub minute: i64,
    /// The portal's name in the settings.
    pub portal: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// How many events were done.
    pub done: i64,
    /// How many events became dead letters.
    pub dead: i64,
}

/// The minute that runs by the clock of the database, counted from 1970.
pub async fn this_minute(db: &mut PgConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::bigint AS "minute!""#
    )
    .fetch_one(db)
    .await?)
}

/// What was settled from this minute on, by minute, portal and shop.
pub async fn settled_since(
    db: &mut PgConnection,
    minute: i64,
) -> Result<Vec<SettledMinute>, Error> {
    Ok(sqlx::query_as!(
        SettledMinute,
        r#"SELECT floor(extract(epoch FROM settled_at) / 60)::bigint AS "minute!", portal, shop,
                  count(*) FILTER (WHERE state = 'done') AS "done!",
                  count(*) FILTER (WHERE state = 'dead') AS "dead!"
           FROM bridge.outbox
           WHERE settled_at >= to_timestamp($1::bigint * 60) GROUP BY 1, portal, shop"#,
        minute
    )
    .fetch_all(db)
    .await?)
}

/// How many letters are open for one reason.
#[derive(Debug, Clone)]
pub struct DeadCountRow {
    /// The portal; none where the letters are about none.
    pub portal: Option<String>,
    /// The shop; none where the letters are about none.
    pub shop: Option<String>,
    /// The code of the letters.
    pub code: String,
    /// How many of them are open.
    pub count: i64,
}

/// Open letters, by portal, shop and code.
pub async fn dead(db: &mut PgConnection) -> Result<Vec<DeadCountRow>, Error> {
    Ok(sqlx::query_as!(
        DeadCountRow,
        r#"SELECT portal, shop, code, count(*) AS "count!" FROM bridge.dead_letters
           WHERE closed_at IS NULL GROUP BY portal, shop, code ORDER BY portal, shop, code"#
    )
    .fetch_all(db)
    .await?)
}

/// What one shop was not told, and what waits for a person.
#[derive(Debug, Clone)]
pub struct ChangeBacklog {
    /// The shop's name in the settings.
    pub shop: String,
    /// Changes that it was not told yet.
    pub untold: i64,
    /// Changes that it is not told: they died, or were let go.
    pub given_up: i64,
    /// Conflicts that wait for a person.
    pub conflicts: i64,
}

/// What comes back, by shop.
pub async fn back(db: &mut PgConnection) -> Result<Vec<ChangeBacklog>, Error> {
    Ok(sqlx::query_as!(
        ChangeBacklog,
        r#"SELECT shop AS "shop!", sum(untold)::bigint AS "untold!",
                  sum(given_up)::bigint AS "given_up!",
                  sum(conflicts)::bigint AS "conflicts!"
           FROM (SELECT shop, count(*) AS untold, 0 AS given_up, 0 AS conflicts
                 FROM bridge.status_changes WHERE state = 'waiting' GROUP BY shop
                 UNION ALL
                 SELECT shop, 0, count(*), 0 FROM bridge.status_changes WHERE state = 'dead'
                   GROUP BY shop
                 UNION ALL
                 SELECT shop, 0, 0, count(*) FROM bridge.conflicts WHERE waits
                   GROUP BY shop) AS both_sides
           GROUP BY shop"#
    )
    .fetch_all(db)
    .await?)
}

/// Events from SQL that wait to be taken up.
pub async fn published(db: &mut PgConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bridge.published WHERE taken_at IS NULL"#
    )
    .fetch_one(db)
    .await?)
}

/// What waits in one lane in one state.
#[derive(Debug, Clone)]
pub struct Depth {
    /// The lane: a portal's name, or `shop:` and a shop's.
    pub lane: String,
    /// `new`, `retrying` or `dead`.
    pub state: String,
    /// How many things wait there in that state.
    pub count: i64,
    /// Age of the oldest, in seconds.
    pub oldest_seconds: f64,
}

/// What waits, by lane and state: orders, other subjects, status changes for shops, open letters.
pub async fn depths(db: &mut PgConnection) -> Result<Vec<Depth>, Error> {
    Ok(sqlx::query_as!(
        Depth,
        r#"SELECT lane AS "lane!", state AS "state!", count(*) AS "count!",
                  greatest(0, extract(epoch FROM now() - min(since)))::float8 AS "oldest_seconds!"
           FROM (SELECT portal, CASE WHEN attempts + stalls = 0 THEN 'new'
             ELSE 'retrying' END, waits_since
                 FROM bridge.orders WHERE due_at IS NOT NULL
                 UNION ALL
                 SELECT portal, CASE WHEN attempts + stalls = 0 THEN 'new' ELSE 'retrying' END,
                        waits_since
                 FROM bridge.subjects WHERE due_at IS NOT NULL
                   AND (kind NOT IN ('note', 'activity', 'picture')
                        OR NOT bridge.subject_waits(kind, shop, order_number, received_at))
                 UNION ALL
                 SELECT 'shop:' || shop, CASE WHEN attempts = 0 THEN 'new'
                   ELSE 'retrying' END, decided_at
                 FROM bridge.status_changes WHERE state = 'waiting'
                 UNION ALL
                 SELECT CASE WHEN change_seq IS NULL THEN coalesce(portal, '')
                   ELSE 'shop:' || shop END, 'dead', first_failed_at
                 FROM bridge.dead_letters WHERE closed_at IS NULL) AS waiting (lane, state, since)
           GROUP BY lane, state"#
    )
    .fetch_all(db)
    .await?)
}

/// How many conflicts of a shop wait for a person.
#[derive(Debug, Clone)]
pub struct OpenConflicts {
    /// The shop's name in the settings.
    pub shop: String,
    /// How many of its conflicts wait for a person.
    pub count: i64,
}

/// Conflicts that wait for a person, by shop.
pub async fn open_conflicts(db: &mut PgConnection) -> Result<Vec<OpenConflicts>, Error> {
    Ok(sqlx::query_as!(
        OpenConflicts,
        r#"SELECT shop, count(*) AS "count!" FROM bridge.conflicts WHERE waits GROUP BY shop"#
    )
    .fetch_all(db)
    .await?)
}
