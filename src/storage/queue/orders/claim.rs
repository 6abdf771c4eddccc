//! Due orders: claimed, and when the next one is due.

use super::super::lanes::Lease;
use crate::{
    domain::OrderKey,
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An order that is due.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column that says one independent thing"
)]
pub struct DueOrder {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The row id of its newest event.
    pub event: i64,
    /// That event as it was sent.
    pub body: Json,
    /// What 1C has of the order's contents, where that is kept.
    pub contents: Option<Json>,
    /// What the planner knows of the order.
    pub known: Json,
    /// Make a new deal if the known one is gone.
    pub recreate: bool,
    /// History that is loaded.
    pub later: bool,
    /// History whose new deals are to be imported.
    pub import: bool,
    /// When the event was made, by the shop's clock.
    pub occurred_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// W3C trace context of the request that brought it.
    pub traceparent: Option<String>,
    /// What was under way when it was last worked on, if nobody heard how that ended.
    pub under_way: Option<Json>,
    /// Whether that can no longer land.
    pub landed: bool,
    /// The status that is agreed with its deal; none where the deal was found to be missing.
    pub agreed: Option<String>,
    /// Where the next claim may start: no older order is due, except rows that a long
    /// transaction commits late. A while before now at the latest.
    pub low: DateTime<Utc>,
}

/// The due orders of a lane, of those that happen now or of history (`later`): the first of each
/// shop, then the second of each, and so on; of one shop the longest due first, from a time on.
/// None unless the lease is held. No order of these shops is walked past for another shop's.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    (shops, from): (&[String], &[Option<DateTime<Utc>>]),
    later: bool,
    limit: i64,
) -> Result<Vec<DueOrder>, Error> {
    Ok(sqlx::query_as!(
        DueOrder,
        r#"SELECT o.shop, o.number, e.id AS event, e.body AS "body: Json", o.known AS "known: Json",
                  m.data AS "contents?: Json",
                  o.recreate, e.occurred_at, e.received_at,
                  e.traceparent, o.later, o.later AND o.by_import AS "import!",
                  least(o.due_at, now() - interval '10 seconds') AS "low!",
                  u.what AS "under_way?: Json", coalesce(u.lands_until <= now(), true) AS "landed!",
                  CASE WHEN a.gone_at IS NULL THEN a.agreed ->> 'status' END AS "agreed?"
           FROM (SELECT d.*, row_number() OVER (PARTITION BY d.shop ORDER BY d.due_at) AS nth
                 FROM UNNEST($2::text[], $7::timestamptz[]) AS s (shop, since)
                 CROSS JOIN LATERAL (
                     SELECT * FROM bridge.orders
                     WHERE portal = $1 AND shop = s.shop AND later = $6 AND due_at <= now()
                       AND due_at >= coalesce(s.since, '-infinity')
                       AND head_id IS NOT NULL
                     ORDER BY due_at LIMIT $5) AS d
                 WHERE EXISTS (SELECT FROM bridge.lanes l
                               WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                                 AND l.lease_until > now() AND l.paused_at IS NULL)
                 ORDER BY nth, d.due_at LIMIT $5) AS o
           CROSS JOIN LATERAL (
               SELECT id, body, occurred_at, received_at, traceparent FROM bridge.outbox
                 WHERE id = o.head_id OFFSET 0) AS e
           LEFT JOIN bridge.under_way u ON u.shop = o.shop AND u.number = o.number
           LEFT JOIN bridge.agreements a ON a.shop = o.shop AND a.number = o.number
           LEFT JOIN bridge.onec_contents m ON m.shop = o.shop AND m.number = o.number
           ORDER BY o.nth, o.due_at"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit,
        later,
        from as &[Option<DateTime<Utc>>]
    )
    .fetch_all(db)
    .await?)
}

/// Seconds until the next order of these shops of a portal is due; none if nothing waits.
pub async fn next_due(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM min(d.due_at) - now())::float8
           FROM unnest($2::text[]) AS s (shop) CROSS JOIN unnest(ARRAY[false, true]) AS h (later)
           CROSS JOIN LATERAL (
               SELECT due_at FROM bridge.orders
               WHERE portal = $1 AND shop = s.shop AND later = h.later AND due_at IS NOT NULL
                 ORDER BY due_at LIMIT 1) AS d"#,
        portal,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// Whether an order of these shops of a portal is due that is not history.
pub async fn live_due(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM unnest($2::text[]) AS s (shop)
                          WHERE EXISTS (SELECT FROM bridge.orders
                                        WHERE portal = $1 AND shop = s.shop AND NOT later
                                          AND due_at <= now())) AS "due!""#,
        portal,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// Ends orders that are due though the event that is to be sent is not there any more: there is
/// nothing to do. Returns them.
pub async fn rest_without_event(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
    limit: i64,
) -> Result<Vec<OrderKey>, Error> {
    let ended = sqlx::query_as!(
        OrderKey,
        r#"WITH gone AS MATERIALIZED (
               SELECT d.shop, d.number
               FROM unnest($2::text[]) AS s (shop) CROSS
                 JOIN unnest(ARRAY[false, true]) AS h (later)
               CROSS JOIN LATERAL (
                   SELECT shop, number, head_id FROM bridge.orders
                   WHERE portal = $1 AND shop = s.shop AND later = h.later AND due_at <= now()
                     ORDER BY due_at LIMIT $3) AS d
               WHERE NOT EXISTS (SELECT FROM bridge.outbox e WHERE e.id = d.head_id)),
           locked AS MATERIALIZED (
               SELECT o.shop, o.number FROM bridge.orders o JOIN gone USING (shop, number)
               ORDER BY o.shop, o.number FOR UPDATE OF o)
           UPDATE bridge.orders o SET due_at = NULL, waits_since = NULL, attempts = 0, stalls = 0
           FROM locked l WHERE o.shop = l.shop AND o.number = l.number AND o.due_at <= now()
             AND NOT EXISTS (SELECT FROM bridge.outbox e WHERE e.id = o.head_id)
           RETURNING o.shop, o.number"#,
        portal,
        shops,
        limit
    );
    Ok(ended.fetch_all(db).await?)
}
