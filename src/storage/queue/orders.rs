//! Orders: the unit of the queue.

use super::lanes::Lease;
use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An order's newest event, as the queue knows it.
#[derive(Debug, Clone)]
pub struct QueueHead {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// Its newest event.
    pub head_id: Option<i64>,
    /// That event's version.
    pub head_version: Option<i64>,
    /// That event's `updated_at`.
    pub head_updated_at: Option<DateTime<Utc>>,
    /// Tries of it that the portal refused.
    pub attempts: i32,
    /// Tries of it that nobody judged.
    pub stalls: i32,
    /// How new it is known to be; of another event if a version before wrote the head.
    pub age: Option<Value>,
    /// What it says of the order's status.
    pub said: Option<Value>,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
    /// The portal that it was brought to.
    pub portal: String,
    /// The time of the transaction.
    pub now: DateTime<Utc>,
}

/// Locks these orders, making rows for the new ones: (shop, number, portal), no order twice. Those
/// that are there stay in their portal.
pub async fn lock_or_make(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
    portals: &[String],
) -> Result<Vec<QueueHead>, Error> {
    Ok(sqlx::query_as!(
        QueueHead,
        r#"INSERT INTO bridge.orders AS o (shop, number, portal)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[]) AS new (shop, number, portal) ORDER BY shop, number
         ON CONFLICT (shop, number) DO UPDATE SET portal = o.portal
         RETURNING o.shop, o.number, o.head_id, o.head_version, o.head_updated_at, o.attempts, o.stalls,
                   o.age, o.said, o.doubtful, o.portal, now() AS "now!""#,
        shops,
        numbers,
        portals
    )
    .fetch_all(db)
    .await?)
}

/// Locks these orders.
pub async fn lock(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<QueueHead>, Error> {
    Ok(sqlx::query_as!(
        QueueHead,
        r#"SELECT o.shop, o.number, o.head_id, o.head_version, o.head_updated_at, o.attempts, o.stalls,
                  o.age, o.said, o.doubtful, o.portal, now() AS "now!"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, number) JOIN bridge.orders o USING (shop, number)
           ORDER BY o.shop, o.number FOR UPDATE OF o"#,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// A new newest event of an order.
#[derive(Debug, Clone)]
pub struct NewQueueHead {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// The event.
    pub event: i64,
    /// Its version.
    pub version: Option<i64>,
    /// Its `updated_at`.
    pub updated_at: Option<DateTime<Utc>>,
    /// What it says of the order's status, laid over what was said before.
    pub said: Value,
    /// History: sent when nothing else is due.
    pub later: bool,
    /// How new the order is known to be.
    pub age: Value,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
}

/// Gives locked orders new heads, with all tries before them: due at once, or when nothing of an
/// older one can land any more.
pub async fn set_heads(db: &mut PgConnection, heads: &[NewQueueHead]) -> Result<(), Error> {
    let shops: Vec<String> = heads.iter().map(|h| h.shop.clone()).collect();
    let numbers: Vec<String> = heads.iter().map(|h| h.number.clone()).collect();
    let events: Vec<i64> = heads.iter().map(|h| h.event).collect();
    let versions: Vec<Option<i64>> = heads.iter().map(|h| h.version).collect();
    let updated: Vec<Option<DateTime<Utc>>> = heads.iter().map(|h| h.updated_at).collect();
    let said: Vec<Value> = heads.iter().map(|h| h.said.clone()).collect();
    let later: Vec<bool> = heads.iter().map(|h| h.later).collect();
    let ages: Vec<Value> = heads.iter().map(|h| h.age.clone()).collect();
    let doubtful: Vec<bool> = heads.iter().map(|h| h.doubtful).collect();
    sqlx::query!(
        "UPDATE bridge.orders o
         SET head_id = n.event, head_version = n.version, head_updated_at = n.updated_at,
             status = coalesce(n.said ->> 'status', o.status),
             said = coalesce(o.said, '{}') || n.said || jsonb_build_object('seen', now()),
             due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u WHERE u.shop = o.shop AND u.number = o.number)),
             waits_since = coalesce(o.waits_since, now()),
             attempts = 0, stalls = 0, first_failed_at = NULL, error_code = NULL, error_message = NULL, in_sync = false,
             later = n.later AND (o.later OR o.due_at IS NULL),
             age = n.age || jsonb_build_object('head', n.event), doubtful = n.doubtful
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::jsonb[], $7::bool[], $8::jsonb[],
                     $9::bool[])
              AS n (shop, number, event, version, updated_at, said, later, age, doubtful)
         WHERE o.shop = n.shop AND o.number = n.number",
        &shops,
        &numbers,
        &events,
        &versions as &[Option<i64>],
        &updated as &[Option<DateTime<Utc>>],
        &said,
        &later,
        &ages,
        &doubtful
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How new an order with an unchanged head is known to be.
#[derive(Debug, Clone)]
pub struct EventAgeRow {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// The head.
    pub head: i64,
    /// How new it is.
    pub age: Value,
    /// Whether a state that may be newer was left aside.
    pub doubtful: bool,
}

/// Stores what is known of the ages of locked orders.
pub async fn set_ages(db: &mut PgConnection, aged: &[EventAgeRow]) -> Result<(), Error> {
    if aged.is_empty() {
        return Ok(());
    }
    let shops: Vec<String> = aged.iter().map(|a| a.shop.clone()).collect();
    let numbers: Vec<String> = aged.iter().map(|a| a.number.clone()).collect();
    let heads: Vec<i64> = aged.iter().map(|a| a.head).collect();
    let ages: Vec<Value> = aged.iter().map(|a| a.age.clone()).collect();
    let doubtful: Vec<bool> = aged.iter().map(|a| a.doubtful).collect();
    sqlx::query!(
        "UPDATE bridge.orders o SET age = n.age || jsonb_build_object('head', n.head), doubtful = n.doubtful
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bool[]) AS n (shop, number, head, age, doubtful)
         WHERE o.shop = n.shop AND o.number = n.number",
        &shops,
        &numbers,
        &heads,
        &ages,
        &doubtful
    )
    .execute(db)
    .await?;
    Ok(())
}

/// New deals of these orders are to be imported, as long as nothing but history is to be sent for
/// them.
pub async fn set_by_import(
    db: &mut PgConnection,
    shop: &str,
    numbers: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET by_import = true WHERE shop = $1 AND number = ANY($2) AND later AND NOT by_import",
        shop,
        numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes an order due again, with all tries before it; not before nothing of it can land any more.
pub async fn wake(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    recreate: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders
         SET due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u WHERE u.shop = $1 AND u.number = $2)),
             waits_since = coalesce(waits_since, now()), attempts = 0, stalls = 0, first_failed_at = NULL,
             recreate = recreate OR $3
         WHERE shop = $1 AND number = $2",
        shop,
        number,
        recreate
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the event is still stored that was the order's newest.
pub async fn has_event(db: &mut PgConnection, shop: &str, number: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id
                          WHERE o.shop = $1 AND o.number = $2) AS "there!""#,
        shop,
        number
    )
    .fetch_one(db)
    .await?)
}

/// What is known of an order whose cards an operator judges; locked.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The portal.
    pub portal: String,
    /// What the planner knows of the order.
    pub known: Json,
    /// Its newest event as it was sent; none if that was pruned.
    pub body: Option<Json>,
}

/// Locks one order and reads what is known of it.
pub async fn keep(db: &mut PgConnection, shop: &str, number: &str) -> Result<Option<Kept>, Error> {
    Ok(sqlx::query_as!(
        Kept,
        r#"SELECT o.portal, o.known AS "known: Json",
                  (SELECT e.body FROM bridge.outbox e WHERE e.id = o.head_id) AS "body: Json"
           FROM bridge.orders o WHERE o.shop = $1 AND o.number = $2 FOR UPDATE"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// Stores what is known of a locked order after a card was taken from it.
pub async fn take_card(
    db: &mut PgConnection,
    (shop, number): (&str, &str),
    known: &Value,
    contact_id: Option<i64>,
    company_id: Option<i64>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET known = $3, contact_id = $4, company_id = $5
         WHERE shop = $1 AND number = $2",
        shop,
        number,
        known,
        contact_id,
        company_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the status that the shop was told and has.
pub async fn set_status(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    status: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET status = $3 WHERE shop = $1 AND number = $2",
        shop,
        number,
        status
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order that is due.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column that says one independent thing"
)]
pub struct DueOrder {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// Its newest event.
    pub event: i64,
    /// That event as it was sent.
    pub body: Json,
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
    /// Nothing that was due before this waits behind the first order of a look, but for what long
    /// transactions bring: a while before now at the latest.
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
        r#"SELECT o.shop, o.number, e.id AS event, e.body AS "body: Json", o.known AS "known: Json", o.recreate, e.occurred_at, e.received_at,
                  e.traceparent, o.later, o.later AND o.by_import AS "import!", least(o.due_at, now() - interval '10 seconds') AS "low!",
                  u.what AS "under_way?: Json", coalesce(u.lands_until <= now(), true) AS "landed!",
                  CASE WHEN a.gone_at IS NULL THEN a.agreed ->> 'status' END AS "agreed?"
           FROM (SELECT d.*, row_number() OVER (PARTITION BY d.shop ORDER BY d.due_at) AS nth
                 FROM UNNEST($2::text[], $7::timestamptz[]) AS s (shop, since)
                 CROSS JOIN LATERAL (
                     SELECT * FROM bridge.orders
                     WHERE portal = $1 AND shop = s.shop AND later = $6 AND due_at <= now() AND due_at >= coalesce(s.since, '-infinity')
                       AND head_id IS NOT NULL
                     ORDER BY due_at LIMIT $5) AS d
                 WHERE EXISTS (SELECT FROM bridge.lanes l
                               WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4 AND l.lease_until > now() AND l.paused_at IS NULL)
                 ORDER BY nth, d.due_at LIMIT $5) AS o
           CROSS JOIN LATERAL (
               SELECT id, body, occurred_at, received_at, traceparent FROM bridge.outbox WHERE id = o.head_id OFFSET 0) AS e
           LEFT JOIN bridge.under_way u ON u.shop = o.shop AND u.number = o.number
           LEFT JOIN bridge.agreements a ON a.shop = o.shop AND a.number = o.number
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
               WHERE portal = $1 AND shop = s.shop AND later = h.later AND due_at IS NOT NULL ORDER BY due_at LIMIT 1) AS d"#,
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
                                        WHERE portal = $1 AND shop = s.shop AND NOT later AND due_at <= now())) AS "due!""#,
        portal,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// Ends orders that are due though the event that is to be sent is not there any more: there is
/// nothing to do. Returns them: (shop, number).
pub async fn rest_without_event(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
    limit: i64,
) -> Result<Vec<(String, String)>, Error> {
    let ended = sqlx::query!(
        r#"WITH gone AS MATERIALIZED (
               SELECT d.shop, d.number
               FROM unnest($2::text[]) AS s (shop) CROSS JOIN unnest(ARRAY[false, true]) AS h (later)
               CROSS JOIN LATERAL (
                   SELECT shop, number, head_id FROM bridge.orders
                   WHERE portal = $1 AND shop = s.shop AND later = h.later AND due_at <= now() ORDER BY due_at LIMIT $3) AS d
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
    let ended = ended.fetch_all(db).await?;
    Ok(ended
        .into_iter()
        .map(|row| (row.shop, row.number))
        .collect())
}

/// What a try of an order came to.
#[derive(Debug, Clone)]
pub struct AttemptResult {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// What the queue does with the order.
    pub then: Disposition,
    /// What the planner knows of the order now.
    pub known: Value,
    /// Whether all that was sent is known to have arrived.
    pub whole: bool,
    /// The deal.
    pub deal_id: Option<i64>,
    /// The lead.
    pub lead_id: Option<i64>,
    /// The contact.
    pub contact_id: Option<i64>,
    /// The company.
    pub company_id: Option<i64>,
    /// The stage, if it was read or written.
    pub stage: Option<String>,
}

/// What the queue does with an order that was tried.
#[derive(Debug, Clone)]
pub enum Disposition {
    /// A newer event came meanwhile: the order stays as it is in the queue.
    Keep,
    /// The portal holds the newest snapshot.
    Done,
    /// Dead: the order waits for a person or a newer event.
    Dead {
        /// Tries that were judged.
        attempts: i32,
        /// Why.
        code: String,
        /// In whose words.
        message: String,
    },
    /// Refused: another try later.
    Retry {
        /// Tries that were judged.
        attempts: i32,
        /// Why.
        code: String,
        /// In whose words.
        message: String,
        /// How long to wait.
        delay_ms: i64,
    },
    /// Nobody judged it: another try soon.
    Stall {
        /// Tries that were not judged.
        stalls: i32,
        /// How long to wait; what may still land is looked for until it has.
        delay_ms: i64,
        /// Whether nothing can be done until then.
        waits: bool,
    },
}

/// One column for each field of [`Disposition`].
#[derive(Default)]
pub(in crate::storage) struct Columns {
    pub(in crate::storage) verbs: Vec<String>,
    pub(in crate::storage) counts: Vec<i32>,
    pub(in crate::storage) codes: Vec<Option<String>>,
    pub(in crate::storage) messages: Vec<Option<String>>,
    pub(in crate::storage) delays: Vec<i64>,
}

impl Columns {
    fn push(&mut self, verb: &str, count: i32, why: Option<(&String, &String)>, delay: i64) {
        self.verbs.push(verb.to_owned());
        self.counts.push(count);
        self.codes.push(why.map(|(code, _)| code.clone()));
        self.messages.push(why.map(|(_, message)| message.clone()));
        self.delays.push(delay);
    }

    pub(in crate::storage) fn of(tried: &[AttemptResult]) -> Self {
        let mut columns = Self::default();
        for one in tried {
            match &one.then {
                Disposition::Keep => columns.push("keep", 0, None, 0),
                Disposition::Done => columns.push("done", 0, None, 0),
                Disposition::Dead {
                    attempts,
                    code,
                    message,
                } => {
                    columns.push("dead", *attempts, Some((code, message)), 0);
                }
                Disposition::Retry {
                    attempts,
                    code,
                    message,
                    delay_ms,
                } => {
                    columns.push("retry", *attempts, Some((code, message)), *delay_ms);
                }
                Disposition::Stall {
                    stalls,
                    delay_ms,
                    waits,
                } => {
                    let verb = if *waits { "wait" } else { "stall" };
                    columns.push(verb, *stalls, None, *delay_ms);
                }
            }
        }
        columns
    }
}

/// Records what tries came to; the orders are locked, and what may still land of them is stored.
pub async fn record(db: &mut PgConnection, tried: &[AttemptResult]) -> Result<(), Error> {
    let then = Columns::of(tried);
    let shops: Vec<String> = tried.iter().map(|t| t.shop.clone()).collect();
    let numbers: Vec<String> = tried.iter().map(|t| t.number.clone()).collect();
    let known: Vec<Value> = tried.iter().map(|t| t.known.clone()).collect();
    let whole: Vec<bool> = tried.iter().map(|t| t.whole).collect();
    let ids = |get: fn(&AttemptResult) -> Option<i64>| tried.iter().map(get).collect::<Vec<_>>();
    let (deals, leads) = (ids(|t| t.deal_id), ids(|t| t.lead_id));
    let (contacts, companies) = (ids(|t| t.contact_id), ids(|t| t.company_id));
    let stages: Vec<Option<String>> = tried.iter().map(|t| t.stage.clone()).collect();
    sqlx::query!(
        "UPDATE bridge.orders o
         SET known = n.known, deal_id = n.deal_id, lead_id = n.lead_id, contact_id = n.contact_id, company_id = n.company_id,
             stage = coalesce(n.stage, o.stage),
             in_sync = (n.verb = 'done' AND n.whole),
             due_at = CASE WHEN n.verb = 'keep' THEN CASE WHEN o.due_at IS NOT NULL THEN greatest(least(o.due_at, now()), u.lands_until) END
                           WHEN n.verb = 'wait' THEN greatest(now() + n.delay * interval '1 millisecond', u.lands_until)
                           WHEN n.verb = 'stall' AND u.lands_until IS NOT NULL
                           THEN least(now() + n.delay * interval '1 millisecond', greatest(u.lands_until, now() + interval '200 milliseconds'))
                           WHEN n.verb IN ('retry', 'stall') THEN now() + n.delay * interval '1 millisecond' END,
             waits_since = CASE WHEN n.verb = 'keep' THEN o.waits_since
                                WHEN n.verb IN ('retry', 'stall', 'wait') THEN coalesce(o.waits_since, now()) END,
             attempts = CASE WHEN n.verb IN ('retry', 'dead') THEN n.count WHEN n.verb = 'done' THEN 0 ELSE o.attempts END,
             stalls = CASE WHEN n.verb IN ('stall', 'wait') THEN n.count WHEN n.verb = 'keep' THEN o.stalls ELSE 0 END,
             first_failed_at = CASE WHEN n.verb IN ('retry', 'dead') THEN coalesce(o.first_failed_at, now())
                                    WHEN n.verb = 'done' THEN NULL ELSE o.first_failed_at END,
             error_code = CASE WHEN n.verb IN ('retry', 'dead') THEN n.code WHEN n.verb = 'done' THEN NULL ELSE o.error_code END,
             error_message = CASE WHEN n.verb IN ('retry', 'dead') THEN n.message WHEN n.verb = 'done' THEN NULL
                                  ELSE o.error_message END,
             recreate = CASE WHEN n.verb = 'done' THEN false ELSE o.recreate END
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[],
                     $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bool[])
              AS n (shop, number, verb, count, code, message, delay, known, deal_id, lead_id, contact_id, company_id, stage, whole)
              LEFT JOIN bridge.under_way u USING (shop, number)
         WHERE o.shop = n.shop AND o.number = n.number",
        &shops,
        &numbers,
        &then.verbs,
        &then.counts,
        &then.codes as &[Option<String>],
        &then.messages as &[Option<String>],
        &then.delays,
        &known,
        &deals as &[Option<i64>],
        &leads as &[Option<i64>],
        &contacts as &[Option<i64>],
        &companies as &[Option<i64>],
        &stages as &[Option<String>],
        &whole
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives up an order's newest event, whatever is known of the order; tries that were judged, none
/// if it is not the newest any more.
pub async fn give_up(
    db: &mut PgConnection,
    (shop, number, event): (&str, &str, i64),
    (code, message): (&str, &str),
) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.orders
         SET due_at = NULL, waits_since = NULL, attempts = attempts + 1, stalls = 0, in_sync = false,
             first_failed_at = coalesce(first_failed_at, now()), error_code = $4, error_message = $5
         WHERE shop = $1 AND number = $2 AND head_id = $3 RETURNING attempts",
        shop,
        number,
        event,
        code,
        message
    )
    .fetch_optional(db)
    .await?)
}

/// An order as people see it.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// The portal.
    pub portal: String,
    /// The deal.
    pub deal_id: Option<i64>,
    /// The lead.
    pub lead_id: Option<i64>,
    /// The contact.
    pub contact_id: Option<i64>,
    /// The company.
    pub company_id: Option<i64>,
    /// The shop's status: what it said, or was told since.
    pub status: Option<String>,
    /// The stage.
    pub stage: Option<String>,
    /// Whether both sides hold the same, and nothing is on its way.
    pub in_sync: bool,
    /// Events that wait.
    pub pending: i64,
    /// Open dead letters.
    pub dead: i64,
    /// How its contact and company were recognised.
    pub recognised: Option<Value>,
}

/// One order.
pub async fn view(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
) -> Result<Option<OrderRow>, Error> {
    Ok(sqlx::query_as!(
        OrderRow,
        r#"SELECT o.portal AS "portal!", o.deal_id, o.lead_id, o.contact_id, o.company_id, o.status, o.stage, o.in_sync AS "in_sync!",
                  o.waits::int::bigint AS "pending!",
                  (SELECT count(*) FROM bridge.dead_letters d
                   WHERE d.shop = o.shop AND d.number = o.number AND d.closed_at IS NULL) AS "dead!",
                  (SELECT r.known -> 'recognised' FROM bridge.orders r WHERE r.shop = $1 AND r.number = $2) AS recognised
           FROM bridge.order_states o WHERE o.shop = $1 AND o.number = $2"#,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// An order that has a deal, with what was agreed.
#[derive(Debug, Clone)]
pub struct WithDeal {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// Its deal.
    pub deal_id: i64,
    /// The shop's status.
    pub status: Option<String>,
    /// What was last agreed.
    pub agreed: Option<Json>,
    /// The status that the shop is not told, because the message died or was let go.
    pub untold: Option<String>,
}

/// The next orders of a portal that have a deal, by (shop, number); those that the shop deleted are
/// left out.
pub async fn with_deals(
    db: &mut PgConnection,
    portal: &str,
    (shop, number): &(String, String),
    limit: i64,
) -> Result<Vec<WithDeal>, Error> {
    Ok(sqlx::query_as!(
        WithDeal,
        r#"SELECT o.shop, o.number, o.deal_id AS "deal_id!", o.status, a.agreed AS "agreed?: Json",
                  (SELECT c.status FROM bridge.status_changes c
                   WHERE c.shop = o.shop AND c.number = o.number AND c.state = 'dead' ORDER BY c.seq DESC LIMIT 1) AS untold
           FROM bridge.orders o LEFT JOIN bridge.agreements a USING (shop, number)
           WHERE o.portal = $1 AND o.deal_id IS NOT NULL AND (o.shop, o.number) > ($2, $3)
             AND NOT coalesce((o.said ->> 'deleted')::boolean, false)
           ORDER BY o.shop, o.number LIMIT $4"#,
        portal,
        shop,
        number,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// How many orders of a portal have a deal.
pub async fn count_with_deals(db: &mut PgConnection, portal: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bridge.orders WHERE portal = $1 AND deal_id IS NOT NULL"#,
        portal
    )
    .fetch_one(db)
    .await?)
}
