//! Receipts of tills that are documents of a base. How far each has gone stands in its row of
//! `bridge.onec_orders`, by a key in the place of a number.

mod written;

pub use written::{KnownRow, TillReceiptRow, documents, goods, sales};

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// How far the receipts of a base are looked through.
#[derive(Debug, Clone, Copy)]
pub struct CursorRow {
    /// When the base was first to get receipts.
    pub since: DateTime<Utc>,
    /// Receipts that changed before this time are taken up.
    pub cursor_at: DateTime<Utc>,
}

/// When a base was first to get receipts; none: never.
pub async fn since(db: &mut PgConnection, base: &str) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT since FROM bridge.onec_receipt_cursors WHERE base = $1",
        base
    )
    .fetch_optional(db)
    .await?)
}

/// How far a base's receipts are looked through, from this time on; none: from when the base was
/// first to get any. Where the time is an earlier one than before, they are looked through anew.
pub async fn open(
    db: &mut PgConnection,
    base: &str,
    from: Option<DateTime<Utc>>,
) -> Result<CursorRow, Error> {
    sqlx::query!(
        "INSERT INTO bridge.onec_receipt_cursors (base) VALUES ($1) ON CONFLICT (base) DO NOTHING",
        base
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.onec_receipt_cursors
         SET from_at = coalesce($2, since), cursor_at = coalesce($2, since)
         WHERE base = $1 AND coalesce($2, since) < from_at",
        base,
        from
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_as!(
        CursorRow,
        "SELECT since, cursor_at FROM bridge.onec_receipt_cursors WHERE base = $1",
        base
    )
    .fetch_one(db)
    .await?)
}

/// Whether any of these shops has a receipt.
pub async fn any(db: &mut PgConnection, shops: &[String]) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.receipts WHERE shop = ANY($1)) AS "there!""#,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// A receipt that changed.
#[derive(Debug, Clone)]
pub struct ChangedRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The till's name in the settings, or that and a part of it.
    pub till: String,
    /// The receipt's id in the till.
    pub receipt: String,
    /// When its newest version came.
    pub changed_at: DateTime<Utc>,
    /// Everything that changed before it is surely there.
    pub settled: bool,
    /// This version is taken up already.
    pub known: bool,
}

/// Receipts that changed at this time or later, the oldest change first.
pub async fn changed(
    db: &mut PgConnection,
    base: &str,
    (shops, after): (&[String], DateTime<Utc>),
    limit: i64,
) -> Result<Vec<ChangedRow>, Error> {
    Ok(sqlx::query_as!(
        ChangedRow,
        r#"SELECT r.shop, r.till, r.receipt, r.changed_at,
                  r.changed_at < now() - interval '5 minutes' AS "settled!",
                  EXISTS (SELECT FROM bridge.onec_receipts k
                          WHERE k.base = $1 AND k.shop = r.shop AND k.till = r.till
                            AND k.receipt = r.receipt AND k.changed_at >= r.changed_at) AS "known!"
           FROM bridge.receipts r
           WHERE r.shop = ANY($2) AND r.changed_at >= $3
           ORDER BY r.changed_at LIMIT $4"#,
        base,
        shops,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Moves a base's cursor on; never back.
pub async fn move_cursor(
    db: &mut PgConnection,
    base: &str,
    to: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_receipt_cursors SET cursor_at = $2 WHERE base = $1 AND cursor_at < $2",
        base,
        to
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes up receipts, each with its key: the base is to get them. Each version counts as an event
/// of its own among those of orders.
pub async fn take_up(
    db: &mut PgConnection,
    base: &str,
    found: &[(String, ChangedRow)],
) -> Result<(), Error> {
    let column = |of: fn(&(String, ChangedRow)) -> &String| {
        found.iter().map(of).cloned().collect::<Vec<_>>()
    };
    let times: Vec<DateTime<Utc>> = found.iter().map(|(_, row)| row.changed_at).collect();
    sqlx::query!(
        "WITH given AS (
             SELECT * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[],
                                  $6::timestamptz[]) AS g (shop, number, till, receipt, changed_at)
             ORDER BY shop, number),
         news AS (
             INSERT INTO bridge.onec_receipts AS k (base, shop, number, till, receipt, changed_at)
             SELECT $1, shop, number, till, receipt, changed_at FROM given
             ON CONFLICT (base, shop, number) DO UPDATE SET changed_at = excluded.changed_at
             WHERE k.changed_at < excluded.changed_at
             RETURNING k.shop, k.number)
         INSERT INTO bridge.onec_orders AS k (base, shop, number, head)
         SELECT $1, n.shop, n.number, nextval(pg_get_serial_sequence('bridge.outbox', 'id'))
         FROM (SELECT shop, number FROM news ORDER BY shop, number) n
         ON CONFLICT (base, shop, number) DO UPDATE
         SET head = excluded.head, waits = true, held_by = NULL, held_code = NULL,
             held_why = NULL,
             waits_since = CASE WHEN k.waits THEN k.waits_since ELSE now() END",
        base,
        &column(|(_, row)| &row.shop),
        &column(|(key, _)| key),
        &column(|(_, row)| &row.till),
        &column(|(_, row)| &row.receipt),
        &times
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Looks again at receipts that were refused as pick-ups of unknown orders, where the shop has sent
/// the order by now.
pub async fn look_again(db: &mut PgConnection, base: &str, code: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_orders k
         SET waits = true, held_by = NULL, held_code = NULL, held_why = NULL
         FROM bridge.onec_receipts c JOIN bridge.receipts r USING (shop, till, receipt)
         WHERE k.base = $1 AND k.held_by IS NOT NULL AND k.held_code = $2
           AND c.base = k.base AND c.shop = k.shop AND c.number = k.number
           AND r.kind = 'sale' AND NOT r.cancelled
           AND EXISTS (SELECT FROM bridge.orders o WHERE o.shop = r.shop AND o.number = r.number)",
        base,
        code
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A receipt that a document of 1C is about.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The key under which the base's queue has the receipt.
    pub number: String,
    /// `Ид` under which the base was offered it.
    pub doc_id: String,
    /// `Номер` under which the base was offered it.
    pub doc_number: String,
    /// When 1C made the file in which it last spoke of it.
    pub document_at: Option<DateTime<Utc>>,
}

/// The receipts of a base with one of these `Номер` or `Ид`, locked.
pub async fn find(
    db: &mut PgConnection,
    base: &str,
    numbers: &[String],
    ids: &[String],
) -> Result<Vec<FoundRow>, Error> {
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT c.shop, c.number, k.doc_id AS "doc_id!", k.doc_number AS "doc_number!",
                  c.document_at
           FROM bridge.onec_receipts c JOIN bridge.onec_orders k USING (base, shop, number)
           WHERE k.base = $1 AND (k.doc_number = ANY($2) OR k.doc_id = ANY($3))
           ORDER BY c.shop, c.number FOR UPDATE OF c"#,
        base,
        numbers,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// What 1C says of a receipt's document; what it does not say stays.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The document's number in 1C.
    pub onec_number: Option<&'a str>,
    /// The document's status, as 1C writes it.
    pub status: Option<&'a str>,
    /// Whether it is posted.
    pub posted: Option<bool>,
    /// Whether it is cancelled, or marked for deletion.
    pub cancelled: Option<bool>,
    /// The id of the document that says so.
    pub document: i64,
    /// When its file was made.
    pub at: Option<DateTime<Utc>>,
}

/// Stores what 1C says of a receipt's document.
pub async fn say(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    said: &Said<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH numbered AS (
             UPDATE bridge.onec_orders SET onec_number = coalesce($4, onec_number)
             WHERE base = $1 AND shop = $2 AND number = $3)
         UPDATE bridge.onec_receipts
         SET status = coalesce($5, status), posted = coalesce($6, posted),
             cancelled = coalesce($7, cancelled), document = $8,
             document_at = coalesce($9, document_at)
         WHERE base = $1 AND shop = $2 AND number = $3",
        base,
        shop,
        number,
        said.onec_number,
        said.status,
        said.posted,
        said.cancelled,
        said.document,
        said.at
    )
    .execute(db)
    .await?;
    Ok(())
}
