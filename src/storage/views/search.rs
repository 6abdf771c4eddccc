//! Orders as people look for them.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// One order that was found.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// The id of its newest event; 0 where none is known.
    pub head: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The portal's name in the settings.
    pub portal: String,
    /// The id of its deal in the portal; none until it has one.
    pub deal_id: Option<i64>,
    /// The status that the shop last said, or was told since.
    pub status: Option<String>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// Whether both sides hold the same.
    pub in_sync: bool,
    /// Whether something waits to be sent.
    pub waits: bool,
    /// Whether a dead letter is open.
    pub dead: bool,
    /// When the newest event came; none if it is pruned.
    pub received_at: Option<DateTime<Utc>>,
    /// The customer's name, else the company's; none if the event is pruned.
    pub customer: Option<String>,
}

/// An order that may be wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The id of its newest event; 0 where none is known.
    pub head: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
}

/// Which of them are wanted. `None` wants all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Orders of these shops alone.
    pub shops: Vec<String>,
    /// Of deals of these portals, where a deal is looked for.
    pub portals: Vec<String>,
    /// Whether a dead letter is open.
    pub dead: Option<bool>,
    /// Whether something waits to be sent.
    pub waits: Option<bool>,
    /// Whether both sides hold the same.
    pub in_sync: Option<bool>,
    /// With this status of the shop.
    pub status: Option<String>,
    /// Whose newest event came then or later.
    pub since: Option<DateTime<Utc>>,
    /// Whose newest event came before then.
    pub until: Option<DateTime<Utc>>,
}

/// Ids of newest events: from the first on, without the second; at most so many, the newest.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// Not below this.
    pub floor: i64,
    /// Below this one.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// Orders by their newest event, the newest first.
pub async fn by_event(
    db: &mut PgConnection,
    range: Range,
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Error> {
    patiently(db).await?;
    // Each by itself: the planner would otherwise read all orders.
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT e.id AS head, e.shop, e.number FROM bridge.outbox e
           CROSS JOIN LATERAL (
               SELECT o.status FROM bridge.orders o
               WHERE o.shop = e.shop AND o.number = e.number AND o.head_id = e.id LIMIT 1) o
           WHERE e.id >= $1 AND e.id < $2 AND e.shop = ANY ($3)
             AND ($4::text IS NULL OR o.status = $4)
           ORDER BY e.id DESC LIMIT $5"#,
        range.floor,
        range.before,
        &wanted.shops,
        wanted.status,
        range.limit
    )
    .fetch_all(db)
    .await?)
}

/// Words of which parts are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns {
    /// All of these patterns of LIKE occur in its number, or in its customer's names or addresses.
    pub words: Vec<String>,
    /// Or this pattern occurs in the digits of its customer's phone numbers.
    pub digits: Option<String>,
}

/// Orders in which the words occur, the newest first.
pub async fn by_words(
    db: &mut PgConnection,
    range: Range,
    patterns: &Patterns,
) -> Result<Vec<Candidate>, Error> {
    patiently(db).await?;
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT w.event AS head, e.shop AS "shop!", e.number AS "number!"
           FROM bridge.order_words w
           CROSS JOIN LATERAL (
               SELECT shop, number FROM bridge.outbox WHERE id = w.event LIMIT 1) e
           WHERE w.event >= $1 AND w.event < $2
             AND (w.words LIKE ALL ($3) OR w.phones LIKE $4)
           ORDER BY w.event DESC LIMIT $5"#,
        range.floor,
        range.before,
        &patterns.words,
        patterns.digits,
        range.limit
    )
    .fetch_all(db)
    .await?)
}

/// Orders of which something waits to be sent, the newest first.
pub async fn waiting(
    db: &mut PgConnection,
    range: Range,
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Error> {
    patiently(db).await?;
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT head_id AS "head!", shop, number FROM bridge.orders
           WHERE due_at IS NOT NULL AND head_id >= $1 AND head_id < $2 AND shop = ANY ($3)
             AND ($4::text IS NULL OR status = $4)
           ORDER BY head_id DESC LIMIT $5"#,
        range.floor,
        range.before,
        &wanted.shops,
        wanted.status,
        range.limit
    )
    .fetch_all(db)
    .await?)
}

/// Orders with an open dead letter, the newest first.
pub async fn dead(
    db: &mut PgConnection,
    range: Range,
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Error> {
    patiently(db).await?;
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT o.head_id AS "head!", d.shop AS "shop!", d.number AS "number!"
           FROM (SELECT DISTINCT shop, number FROM bridge.dead_letters
                 WHERE closed_at IS NULL AND shop = ANY ($3)) d
           CROSS JOIN LATERAL (
               SELECT head_id, status FROM bridge.orders
               WHERE shop = d.shop AND number = d.number LIMIT 1) o
           WHERE o.head_id >= $1 AND o.head_id < $2 AND ($4::text IS NULL OR o.status = $4)
           ORDER BY o.head_id DESC LIMIT $5"#,
        range.floor,
        range.before,
        &wanted.shops,
        wanted.status,
        range.limit
    )
    .fetch_all(db)
    .await?)
}

/// Whether no more than so many orders may differ from their deals: then [`differing`] finds them
/// at once.
pub async fn few_differ(db: &mut PgConnection, most: i64) -> Result<bool, Error> {
    patiently(db).await?;
    let few = sqlx::query_scalar!(
        r#"SELECT count(*) <= $1::bigint AS "few!" FROM (
               (SELECT FROM bridge.orders WHERE due_at IS NULL AND (NOT in_sync OR doubtful)
                  AND head_id IS NOT NULL LIMIT $1::bigint + 1)
               UNION ALL (SELECT FROM bridge.comparisons LIMIT $1::bigint + 1)
               UNION ALL (SELECT FROM bridge.status_changes WHERE state = 'waiting'
                          LIMIT $1::bigint + 1)
               UNION ALL (SELECT FROM bridge.status_changes WHERE state = 'dead'
                          LIMIT $1::bigint + 1)
               UNION ALL (SELECT FROM bridge.agreements WHERE standing IS NOT NULL
                          OR waiting IS NOT NULL OR writing IS NOT NULL OR gone_at IS NOT NULL
                          LIMIT $1::bigint + 1)) AS differing"#,
        most
    );
    Ok(few.fetch_one(db).await?)
}

/// Orders that may differ from their deals, the newest first: all those of which
/// `bridge.order_states` can say that they are not in sync, and that do not wait.
pub async fn differing(
    db: &mut PgConnection,
    range: Range,
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Error> {
    patiently(db).await?;
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT o.head_id AS "head!", k.shop AS "shop!", k.number AS "number!"
           FROM (SELECT shop, number FROM bridge.orders
                 WHERE due_at IS NULL AND (NOT in_sync OR doubtful) AND head_id IS NOT NULL
                 UNION SELECT shop, number FROM bridge.comparisons
                 UNION SELECT shop, number FROM bridge.status_changes WHERE state = 'waiting'
                 UNION SELECT shop, number FROM bridge.status_changes WHERE state = 'dead'
                 UNION SELECT shop, number FROM bridge.agreements WHERE standing IS NOT NULL
                   OR waiting IS NOT NULL OR writing IS NOT NULL OR gone_at IS NOT NULL) k
           CROSS JOIN LATERAL (
               SELECT head_id, status FROM bridge.orders
               WHERE shop = k.shop AND number = k.number LIMIT 1) o
           WHERE o.head_id >= $1 AND o.head_id < $2 AND k.shop = ANY ($3)
             AND ($4::text IS NULL OR o.status = $4)
           ORDER BY o.head_id DESC LIMIT $5"#,
        range.floor,
        range.before,
        &wanted.shops,
        wanted.status,
        range.limit
    )
    .fetch_all(db)
    .await?)
}

/// Orders with this number, or with this deal.
pub async fn by_number(
    db: &mut PgConnection,
    (number, deal): (&str, Option<i64>),
    wanted: &Wanted,
) -> Result<Vec<Candidate>, Error> {
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT coalesce(n.head_id, 0) AS "head!", n.shop AS "shop!", n.number AS "number!" FROM (
               SELECT o.head_id, o.shop, o.number FROM bridge.orders o
               WHERE o.shop = ANY ($2) AND o.number = $1
               UNION
               SELECT o.head_id, o.shop, o.number FROM bridge.orders o
               WHERE o.portal = ANY ($3) AND o.deal_id = $4) n
           ORDER BY 1 DESC, n.shop, n.number"#,
        number,
        &wanted.shops,
        &wanted.portals,
        deal
    )
    .fetch_all(db)
    .await?)
}

/// Orders whose customer has this key; the number stands for it in `bridge.order_words`, the text
/// in `bridge.contacts`, where earlier versions put it.
pub async fn by_key(
    db: &mut PgConnection,
    (key, number): (&str, i64),
    limit: i64,
) -> Result<Vec<Candidate>, Error> {
    Ok(sqlx::query_as!(
        Candidate,
        r#"SELECT e.id AS "head!", e.shop AS "shop!", e.number AS "number!"
           FROM (SELECT event FROM bridge.order_words WHERE keys @> ARRAY[$2::bigint]
                 UNION SELECT event FROM bridge.contacts WHERE key = $1) k
           CROSS JOIN LATERAL (
               SELECT id, shop, number FROM bridge.outbox WHERE id = k.event LIMIT 1) e
           ORDER BY e.id DESC LIMIT $3"#,
        key,
        number,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// What is known of candidates that are wanted, the newest first. One whose newest event is another
/// is none.
pub async fn known(
    db: &mut PgConnection,
    candidates: &[Candidate],
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    patiently(db).await?;
    let heads: Vec<i64> = candidates.iter().map(|one| one.head).collect();
    let shops: Vec<&str> = candidates.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = candidates.iter().map(|one| &*one.number).collect();
    // Each by itself: the planner would otherwise read all orders.
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT hit.head AS "head!", o.shop AS "shop!", o.number AS "number!",
                  o.portal AS "portal!", o.deal_id, o.status, o.stage, o.in_sync AS "in_sync!",
                  o.waits AS "waits!", o.dead AS "dead!", e.received_at AS "received_at?",
                  coalesce(nullif(e.person, ''), e.company) AS customer
           FROM UNNEST($1::bigint[], $2::text[], $3::text[]) AS hit (head, shop, number)
           CROSS JOIN LATERAL (
               SELECT * FROM bridge.order_states o
               WHERE o.shop = hit.shop AND o.number = hit.number
                 AND coalesce(o.head_id, 0) = hit.head LIMIT 1
           ) o LEFT JOIN LATERAL (
               SELECT received_at,
                      concat_ws(' ', customer ->> 'name', customer ->> 'second_name',
                                customer ->> 'last_name') AS person,
                      customer #>> '{company,title}' AS company
               FROM (SELECT received_at, body #> '{data,customer}' AS customer
                     FROM bridge.outbox WHERE id = hit.head LIMIT 1) newest
           ) e ON true
           WHERE o.shop = ANY ($4)
             AND ($5::boolean IS NULL OR o.dead = $5) AND ($6::boolean IS NULL OR o.waits = $6)
             AND ($7::boolean IS NULL OR o.in_sync = $7)
             AND ($8::text IS NULL OR o.status = $8)
             AND ($9::timestamptz IS NULL OR e.received_at >= $9)
             AND ($10::timestamptz IS NULL OR e.received_at < $10)
           ORDER BY hit.head DESC, o.shop, o.number LIMIT $11"#,
        &heads,
        &shops as &[&str],
        &numbers as &[&str],
        &wanted.shops,
        wanted.dead,
        wanted.waits,
        wanted.in_sync,
        wanted.status,
        wanted.since,
        wanted.until,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The id of an event from which on all came at that time or later, or nearly so: found by halving,
/// for ids follow the times. None where there is no event.
pub async fn first_since(
    db: &mut PgConnection,
    since: DateTime<Utc>,
) -> Result<Option<i64>, Error> {
    let found = sqlx::query_scalar!(
        r#"WITH RECURSIVE halves (low, high) AS (
               SELECT 0::bigint, (SELECT max(id) + 1 FROM bridge.outbox)
               UNION ALL
               SELECT CASE WHEN e.late THEN h.low ELSE h.middle END,
                      CASE WHEN e.late THEN h.middle ELSE h.high END
               FROM (SELECT low, high, low + (high - low) / 2 AS middle FROM halves
                     WHERE high - low > 1) AS h
               CROSS JOIN LATERAL (
                   SELECT coalesce((SELECT received_at >= $1 FROM bridge.outbox
                                    WHERE id <= h.middle ORDER BY id DESC LIMIT 1), false) AS late
               ) AS e)
           SELECT high AS "high!" FROM halves WHERE high - low <= 1"#,
        since
    );
    Ok(found.fetch_optional(db).await?)
}

/// The newest event at or below an id: its id, and when it came.
pub async fn newest_upto(
    db: &mut PgConnection,
    id: i64,
) -> Result<Option<(i64, DateTime<Utc>)>, Error> {
    let row = sqlx::query!(
        "SELECT id, received_at FROM bridge.outbox WHERE id <= $1 ORDER BY id DESC LIMIT 1",
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.id, row.received_at)))
}

/// A person waits for a few seconds at most, and the database works no longer for them.
async fn patiently(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SET LOCAL statement_timeout = '5s'")
        .execute(db)
        .await?;
    Ok(())
}
