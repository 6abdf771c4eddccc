//! Receipts and tills, as people look at them.

use super::receipts::Meant;
use crate::{
    domain::ReceiptKind,
    storage::{Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A receipt, as it is listed.
#[derive(Debug, Clone)]
pub struct ReceiptRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The till that closed it.
    pub till: String,
    /// The receipt's id at its till.
    pub receipt: String,
    /// The store; none: not known.
    pub store: Option<String>,
    /// The store, as it was named.
    pub store_named: Option<String>,
    /// Which way its goods went.
    pub kind: ReceiptKind,
    /// The order that was picked up.
    pub number: Option<String>,
    /// Whether it was annulled.
    pub cancelled: bool,
    /// When it was closed, by the till's clock.
    pub closed_at: DateTime<Utc>,
    /// When its newest version came.
    pub changed_at: DateTime<Utc>,
    /// What was paid, as the till told it; none if it told no sum.
    pub total: Option<String>,
    /// Its goods: line, names, quantity.
    pub lines: Json,
    /// How many lines are parked.
    pub parked: i32,
    /// The 1C base that gets it; none: none does.
    pub base: Option<String>,
    /// `Номер` there, once it was offered.
    pub document: Option<String>,
    /// The document's number in 1C, once it has told it.
    pub onec_number: Option<String>,
    /// When the base confirmed it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether the base is to get something newer.
    pub waits: Option<bool>,
    /// Why it does not go.
    pub held: Option<String>,
    /// 1C has cancelled it, or marked it for deletion.
    pub undone: Option<bool>,
}

/// Which receipts are listed.
#[derive(Debug, Clone, Default)]
pub struct ReceiptFilter {
    /// Only receipts of this shop.
    pub shop: Option<String>,
    /// Only this till's, or those of its parts.
    pub till: Option<String>,
    /// Only those with parked lines.
    pub parked: bool,
    /// Only those whose newest version came before.
    pub before: Option<DateTime<Utc>>,
}

/// Receipts, the newest change first.
pub async fn newest_receipts(
    db: &mut PgConnection,
    filter: &ReceiptFilter,
    limit: i64,
) -> Result<Vec<ReceiptRow>, Error> {
    let rows = sqlx::query_as!(
        ReceiptRow,
        r#"SELECT r.shop, r.till, r.receipt, r.store, r.store_named,
                  r.kind AS "kind: ReceiptKind", r.number,
                  r.cancelled, r.closed_at, r.changed_at, r.body ->> 'total' AS total,
                  r.lines AS "lines: Json", jsonb_array_length(r.parked) AS "parked!",
                  d.base AS "base?", d.doc_number AS "document?", d.onec_number AS "onec_number?",
                  d.confirmed_at AS "confirmed_at?", d.waits AS "waits?", d.held_why AS "held?",
                  d.cancelled AS "undone?"
           FROM bridge.receipts r
           LEFT JOIN LATERAL (
               SELECT c.base, k.doc_number, k.onec_number, k.confirmed_at, k.waits, k.held_why,
                      c.cancelled
               FROM bridge.onec_receipts c JOIN bridge.onec_orders k USING (base, shop, number)
               WHERE (c.shop, c.till, c.receipt) = (r.shop, r.till, r.receipt)
               ORDER BY k.confirmed_at DESC NULLS LAST, c.base LIMIT 1) d ON true
           WHERE ($1::text IS NULL OR r.shop = $1)
             AND ($2::text IS NULL OR r.till = $2 OR starts_with(r.till, $2 || '/'))
             AND (NOT $3::boolean OR r.parked <> '[]')
             AND r.changed_at < coalesce($4::timestamptz, 'infinity')
           ORDER BY r.changed_at DESC LIMIT $5"#,
        filter.shop.as_deref(),
        filter.till.as_deref(),
        filter.parked,
        filter.before,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// What a till has sent.
#[derive(Debug, Clone)]
pub struct TillFigures {
    /// Receipts that came or were changed within a day.
    pub received: i64,
    /// When the newest came, within a month.
    pub newest: Option<DateTime<Utc>>,
    /// Receipts with parked lines.
    pub parked: i64,
    /// Of these, those whose store is not known.
    pub storeless: i64,
    /// Of the others, those that wait for nothing but a unit.
    pub in_other_units: i64,
    /// When its vendor's API was last read to its end.
    pub read_at: Option<DateTime<Utc>>,
    /// Since when that was tried in vain, in seconds; none: it was read, or never tried.
    pub unread_for: Option<f64>,
}

/// What these tills have sent, each with its shop, their parts included; in their order. All of
/// them together are one look at a month's receipts.
pub async fn till_figures(
    db: &mut PgConnection,
    shops: &[String],
    tills: &[String],
) -> Result<Vec<TillFigures>, Error> {
    let figures = sqlx::query_as!(
        TillFigures,
        r#"WITH came AS MATERIALIZED (
               SELECT r.shop, r.till, max(r.changed_at) AS newest,
                      count(*) FILTER (WHERE r.changed_at > now() - interval '1 day') AS received
               FROM bridge.receipts r
               WHERE r.changed_at > now() - interval '30 days' AND r.shop = ANY ($1)
               GROUP BY r.shop, r.till),
           parked AS MATERIALIZED (
               SELECT p.shop, p.till, count(*) AS parked,
                      count(*) FILTER (WHERE p.store IS NULL) AS storeless,
                      count(*) FILTER (WHERE p.store IS NOT NULL AND NOT EXISTS (
                          SELECT FROM jsonb_array_elements(p.parked) AS l (line)
                          WHERE l.line -> 'products' <> '[]')) AS in_other_units
               FROM bridge.receipts p
               WHERE p.parked <> '[]' AND p.shop = ANY ($1) GROUP BY p.shop, p.till)
           SELECT coalesce(c.received, 0)::bigint AS "received!", c.newest AS "newest?",
                  coalesce(p.parked, 0)::bigint AS "parked!",
                  coalesce(p.storeless, 0)::bigint AS "storeless!",
                  coalesce(p.in_other_units, 0)::bigint AS "in_other_units!",
                  u.read_at AS "read_at?",
                  extract(epoch FROM now() - coalesce(u.read_at, u.cursor_at))::float8
                      AS "unread_for?"
           FROM UNNEST($1::text[], $2::text[]) WITH ORDINALITY AS t (shop, till, nth)
           LEFT JOIN LATERAL (
               SELECT sum(e.received) AS received, max(e.newest) AS newest FROM came e
               WHERE e.shop = t.shop
                 AND (e.till = t.till OR starts_with(e.till, t.till || '/'))) c ON true
           LEFT JOIN LATERAL (
               SELECT sum(e.parked) AS parked, sum(e.storeless) AS storeless,
                      sum(e.in_other_units) AS in_other_units FROM parked e
               WHERE e.shop = t.shop
                 AND (e.till = t.till OR starts_with(e.till, t.till || '/'))) p ON true
           LEFT JOIN bridge.till_cursors u ON u.till = t.till
           ORDER BY t.nth"#,
        shops,
        tills
    );
    Ok(figures.fetch_all(db).await?)
}

/// For how many seconds the APIs of these tills were not read to their end.
pub async fn unread_tills(
    db: &mut PgConnection,
    tills: &[String],
) -> Result<Vec<(String, f64)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT till, extract(epoch FROM now() - coalesce(read_at, cursor_at))::float8
                        AS "seconds!"
           FROM bridge.till_cursors WHERE till = ANY ($1) ORDER BY till"#,
        tills
    );
    let rows = rows.fetch_all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.till, row.seconds))
        .collect())
}

/// What the names of a line mean, by how its shop names products.
pub async fn products_named(
    db: &mut PgConnection,
    shop: &str,
    names: &serde_json::Value,
) -> Result<Meant, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT bridge.stock_receipt_products(s.stock, s.products_by, $2) AS "it"
           FROM bridge.stock_shops s WHERE s.shop = $1"#,
        shop,
        names
    );
    Ok(found.fetch_optional(db).await?.flatten().into())
}

/// Forgets what receipts said, beside their goods, when they last changed longer ago than so many
/// seconds: who bought and what was paid; not of those that a 1C base is still to get. Their goods
/// and identities stay with the ledger. At most `batch`.
pub async fn forget_receipts(
    db: &mut PgConnection,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.receipts r SET body = '{}'
         FROM (SELECT shop, till, receipt FROM bridge.receipts
               WHERE body <> '{}' AND changed_at < now() - make_interval(secs => $1)
                 AND NOT EXISTS (SELECT FROM bridge.onec_receipts c
                                 JOIN bridge.onec_orders k USING (base, shop, number)
                                 WHERE (c.shop, c.till, c.receipt)
                                     = (receipts.shop, receipts.till, receipts.receipt)
                                   AND (k.waits OR k.held_code IS NOT NULL))
               ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED) old
         WHERE (r.shop, r.till, r.receipt) = (old.shop, old.till, old.receipt)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the identities of events about receipts that came longer ago than so many seconds: a
/// receipt has one of its own. At most `batch`.
pub async fn prune_receipt_events(
    db: &mut PgConnection,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.stock_events WHERE id IN (
             SELECT id FROM bridge.stock_events
             WHERE kind = 'receipt' AND received_at < now() - make_interval(secs => $1)
             ORDER BY received_at LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
