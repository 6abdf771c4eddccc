//! Orders of a base: what it has of each, and what it is to get.

use crate::{
    domain::is_subject_key,
    storage::{Error, JsonText},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An order that a base is to get.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Its newest event, by its id in the outbox.
    pub head: i64,
    /// `Ид`, if it was offered before.
    pub doc_id: Option<String>,
    /// `Номер`, if it was offered before.
    pub doc_number: Option<String>,
    /// `Номер1С`, once 1C has told it.
    pub onec_number: Option<String>,
    /// What the base has confirmed.
    pub confirmed: Option<i64>,
    /// How often a person had it sent again.
    pub resends: i32,
    /// When the event came; none: it is gone.
    pub received_at: Option<DateTime<Utc>>,
    /// What it is: saved or deleted.
    pub kind: Option<String>,
    /// The newest event of the order; `None`: it is kept no longer.
    pub body: Option<JsonText>,
    /// The base's own contents of it, where they count.
    pub contents: Option<JsonText>,
    /// What its newest snapshot says: a [`ReportedStatus`](crate::domain::ReportedStatus).
    pub said: Option<JsonText>,
    /// What was last agreed with the portal, and what the shop is told: an
    /// [`Agreed`](crate::domain::Agreed).
    pub agreed: Option<JsonText>,
}

impl WaitingRow {
    /// Whether it is a till's receipt: no event of the shop's is behind it.
    pub fn is_receipt(&self) -> bool {
        self.kind.is_none() && is_subject_key(&self.number)
    }
}

/// Who carries orders to a base.
#[derive(Debug, Clone, Copy)]
pub enum Carrier {
    /// An exchange session; none: somebody who only looks.
    Session(Option<i64>),
    /// The bridge posts them to an HTTP service of the base.
    Push,
}

/// Orders that wait, the oldest event first, after this event; without those that this session
/// was offered already, those that are in another's hand, and those of which 1C has said
/// something that is still to be decided: what its people said would be overwritten there.
///
/// `OFFSET 0` keeps each part to the rows of the page: joined as a whole, all orders that wait
/// would be read with their events for every page.
pub async fn waiting(
    db: &mut PgConnection,
    base: &str,
    after: i64,
    carrier: Carrier,
    limit: i64,
) -> Result<Vec<WaitingRow>, Error> {
    let (session, pushed) = match carrier {
        Carrier::Session(id) => (id, false),
        Carrier::Push => (None, true),
    };
    Ok(sqlx::query_as!(
        WaitingRow,
        r#"WITH page AS MATERIALIZED (
               SELECT k.* FROM bridge.onec_orders k
               WHERE k.base = $1 AND k.waits AND k.head > $2
                 AND NOT EXISTS (SELECT FROM bridge.onec_documents d
                                 WHERE d.shop = k.shop AND d.order_number = k.number
                                   AND d.base = k.base
                                   AND (d.state = 'waiting'
                                        OR d.state = 'refused' AND d.code = 'ONEC-REVIEW')
                                 OFFSET 0)
                 AND NOT EXISTS (SELECT FROM bridge.onec_offers o
                                 WHERE o.session = $3 AND o.shop = k.shop AND o.number = k.number
                                   AND o.state <> 'cut' OFFSET 0)
                 AND NOT EXISTS (SELECT FROM bridge.onec_pushes p
                                 WHERE p.base = k.base AND p.shop = k.shop
                                   AND p.number = k.number AND p.state = 'sending'
                                   AND p.due_at > now() OFFSET 0)
                 AND (NOT $5 OR EXISTS (SELECT FROM bridge.onec_pushable p
                                        WHERE p.base = k.base AND p.shop = k.shop
                                          AND p.number = k.number OFFSET 0))
               ORDER BY k.head LIMIT $4)
           SELECT k.shop AS "shop!", k.number AS "number!", k.head AS "head!", k.doc_id,
                  k.doc_number, k.onec_number, k.confirmed, k.resends AS "resends!",
                  e.received_at AS "received_at?", e.kind AS "kind?", e.body AS "body?: JsonText",
                  m.data AS "contents?: JsonText",
                  s.said AS "said?: JsonText",
                  a.agreed AS "agreed?: JsonText"
           FROM page k
           LEFT JOIN LATERAL (SELECT * FROM bridge.outbox e
                              WHERE e.id = k.head OFFSET 0) e ON true
           LEFT JOIN LATERAL (SELECT * FROM bridge.orders s
                              WHERE s.shop = k.shop AND s.number = k.number OFFSET 0) s ON true
           LEFT JOIN LATERAL (SELECT * FROM bridge.agreements a
                              WHERE a.shop = k.shop AND a.number = k.number OFFSET 0) a ON true
           LEFT JOIN LATERAL (SELECT * FROM bridge.onec_contents m
                              WHERE m.shop = k.shop AND m.number = k.number
                                AND m.base = k.base OFFSET 0) m ON true
           ORDER BY k.head"#,
        base,
        after,
        session,
        limit,
        pushed
    )
    .fetch_all(db)
    .await?)
}

/// Whether anything waits for a base.
pub async fn any_waits(db: &mut PgConnection, base: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM bridge.onec_orders k
               WHERE k.base = $1 AND k.waits
                 AND NOT EXISTS (SELECT FROM bridge.onec_documents d
                                 WHERE d.shop = k.shop AND d.order_number = k.number
                                   AND d.base = k.base
                                   AND (d.state = 'waiting'
                                        OR d.state = 'refused' AND d.code = 'ONEC-REVIEW'))
                 AND NOT EXISTS (SELECT FROM bridge.onec_pushes p
                                 WHERE p.base = k.base AND p.shop = k.shop
                                   AND p.number = k.number AND p.state = 'sending'
                                   AND p.due_at > now()))
           AS "waits!""#,
        base
    )
    .fetch_one(db)
    .await?)
}

/// How many orders wait for each base.
#[derive(Debug, Clone)]
pub struct BaseWaitsRow {
    /// The base's name in the settings.
    pub base: String,
    /// How many orders wait for it.
    pub waiting: i64,
    /// For how long the oldest does, in seconds.
    pub oldest_seconds: f64,
}

/// How many orders wait for each base; bases for which none does are not among them.
pub async fn waiting_by_base(db: &mut PgConnection) -> Result<Vec<BaseWaitsRow>, Error> {
    Ok(sqlx::query_as!(
        BaseWaitsRow,
        r#"SELECT base, count(*) AS "waiting!",
                  extract(epoch FROM now() - min(waits_since))::float8 AS "oldest_seconds!"
           FROM bridge.onec_orders WHERE waits GROUP BY base"#
    )
    .fetch_all(db)
    .await?)
}

/// How many wait for a base, and since when.
#[derive(Debug, Clone)]
pub struct CountRow {
    /// How many orders wait to be fetched.
    pub waiting: i64,
    /// Since when the oldest of them.
    pub oldest: Option<DateTime<Utc>>,
    /// How many the base has confirmed.
    pub confirmed: i64,
    /// How many are held back by the filter.
    pub held: i64,
    /// How many cannot be written.
    pub refused: i64,
    /// When 1C last confirmed an order.
    pub last_confirmed_at: Option<DateTime<Utc>>,
}

/// How many wait for a base, and since when.
pub async fn count(db: &mut PgConnection, base: &str) -> Result<CountRow, Error> {
    Ok(sqlx::query_as!(
        CountRow,
        r#"SELECT count(*) FILTER (WHERE waits) AS "waiting!",
                  min(waits_since) FILTER (WHERE waits) AS oldest,
                  count(*) FILTER (WHERE confirmed IS NOT NULL) AS "confirmed!",
                  count(*) FILTER (WHERE held_by IS NOT NULL AND held_code IS NULL) AS "held!",
                  count(*) FILTER (WHERE held_code IS NOT NULL) AS "refused!",
                  max(confirmed_at) AS last_confirmed_at
           FROM bridge.onec_orders WHERE base = $1"#,
        base
    )
    .fetch_one(db)
    .await?)
}

/// By what a base knows an order.
#[derive(Debug, Clone)]
pub struct NamedRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The order's id in 1C: `Ид`.
    pub doc_id: String,
    /// The order's number in 1C: `Номер`.
    pub doc_number: String,
}

/// Gives orders that were never offered their identity, and returns what each of them has now. One
/// whose identity is another order's gets none, and is not among them.
pub async fn name(
    db: &mut PgConnection,
    base: &str,
    given: &[NamedRow],
) -> Result<Vec<NamedRow>, Error> {
    let column = |of: fn(&NamedRow) -> &String| given.iter().map(of).cloned().collect::<Vec<_>>();
    let (shops, numbers) = (column(|one| &one.shop), column(|one| &one.number));
    // The keys alone find what is to be read. `doc_id IS NULL` would be looked up by its own index,
    // which shows every order that has no name yet, once for each that gets one.
    sqlx::query!(
        "WITH given AS (
             SELECT * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
                 AS g (shop, number, doc_id, doc_number, nth)),
         first AS (
             SELECT g.*, row_number() OVER (PARTITION BY g.doc_id ORDER BY g.nth) AS of_id,
                    row_number() OVER (PARTITION BY g.doc_number ORDER BY g.nth) AS of_number
             FROM given g),
         taken AS MATERIALIZED (
             SELECT k.doc_id, k.doc_number FROM bridge.onec_orders k
             WHERE k.base = $1 AND k.doc_id = ANY($4)
             UNION ALL
             SELECT k.doc_id, k.doc_number FROM bridge.onec_orders k
             WHERE k.base = $1 AND k.doc_number = ANY($5))
         UPDATE bridge.onec_orders k SET doc_id = f.doc_id, doc_number = f.doc_number
         FROM first f WHERE k.base = $1 AND k.shop = f.shop AND k.number = f.number
           AND num_nulls(k.doc_id) = 1 AND f.of_id = 1 AND f.of_number = 1
           AND NOT EXISTS (SELECT FROM taken t WHERE t.doc_id = f.doc_id)
           AND NOT EXISTS (SELECT FROM taken t WHERE t.doc_number = f.doc_number)",
        base,
        &shops,
        &numbers,
        &column(|one| &one.doc_id),
        &column(|one| &one.doc_number)
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_as!(
        NamedRow,
        r#"SELECT k.shop, k.number, k.doc_id AS "doc_id!", k.doc_number AS "doc_number!"
           FROM bridge.onec_orders k JOIN UNNEST($2::text[], $3::text[]) AS g (shop, number)
             USING (shop, number)
           WHERE k.base = $1 AND k.doc_id IS NOT NULL"#,
        base,
        &shops,
        &numbers
    )
    .fetch_all(db)
    .await?)
}

/// An order that does not go now.
#[derive(Debug, Clone)]
pub struct Held {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The event that does not go.
    pub head: i64,
    /// The code, where it cannot be written.
    pub code: Option<String>,
    /// Why, in one sentence.
    pub why: String,
}

/// Holds orders back until they change, or this filter does.
pub async fn hold(
    db: &mut PgConnection,
    base: &str,
    filter: &str,
    held: &[Held],
) -> Result<(), Error> {
    let shops: Vec<&str> = held.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = held.iter().map(|one| &*one.number).collect();
    let heads: Vec<i64> = held.iter().map(|one| one.head).collect();
    let codes: Vec<Option<&str>> = held.iter().map(|one| one.code.as_deref()).collect();
    let whys: Vec<&str> = held.iter().map(|one| &*one.why).collect();
    sqlx::query!(
        "UPDATE bridge.onec_orders k SET waits = false, held_by = $2, held_code = h.code,
         held_why = h.why
         FROM UNNEST($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[]) AS h
           (shop, number, head, code, why)
         WHERE k.base = $1 AND k.shop = h.shop AND k.number = h.number AND k.head = h.head",
        base,
        filter,
        &shops as &[&str],
        &numbers as &[&str],
        &heads,
        &codes as &[Option<&str>],
        &whys as &[&str]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order of a base, as people look at it.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// The base's name in the settings.
    pub base: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The order's id in 1C: `Ид`.
    pub doc_id: Option<String>,
    /// The order's number in 1C: `Номер`.
    pub doc_number: Option<String>,
    /// `НомерВерсии` as last confirmed.
    pub version: Option<String>,
    /// When it was last offered.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was last confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether the base is to get something newer.
    pub waits: bool,
    /// The code, where it cannot be written.
    pub held_code: Option<String>,
    /// Why it does not go.
    pub held_why: Option<String>,
    /// The status that 1C last said.
    pub said: Option<String>,
    /// The status that 1C is last known to have had, in the shop's words.
    pub agreed: Option<String>,
}

/// One order in a base; none: the base knows nothing of it.
pub async fn of_order(
    db: &mut PgConnection,
    base: &str,
    shop: &str,
    number: &str,
) -> Result<Option<OrderRow>, Error> {
    Ok(sqlx::query_as!(
        OrderRow,
        "SELECT base, shop, number, doc_id, doc_number, sent_version AS version, sent_at,
                confirmed_at, waits, held_code, held_why, said, agreed
         FROM bridge.onec_orders WHERE base = $1 AND shop = $2 AND number = $3",
        base,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// Orders of a base that cannot be written, at most so many.
pub async fn refused(
    db: &mut PgConnection,
    base: &str,
    limit: i64,
) -> Result<Vec<OrderRow>, Error> {
    Ok(sqlx::query_as!(
        OrderRow,
        "SELECT base, shop, number, doc_id, doc_number, sent_version AS version, sent_at,
                confirmed_at, waits, held_code, held_why, said, agreed
         FROM bridge.onec_orders WHERE base = $1 AND held_code IS NOT NULL ORDER BY shop, number
           LIMIT $2",
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Has an order sent again whatever the base has; false: no such order is known there.
pub async fn resend(
    db: &mut PgConnection,
    base: &str,
    shop: &str,
    number: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_orders SET waits = true, waits_since = now(), resends = resends + 1,
                held_by = NULL, held_code = NULL, held_why = NULL
         WHERE base = $1 AND shop = $2 AND number = $3",
        base,
        shop,
        number
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
