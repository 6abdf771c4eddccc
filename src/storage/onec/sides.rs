//! 1C's side of orders, and the order that a document of 1C is about.

use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An order that a document may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// By what it was found: `number`, `plain` (the number without a prefix) or `id`.
    pub by: String,
}

/// The orders of a base that a document with this `Номер` and `Ид` may be about.
pub async fn find(
    db: &mut PgConnection,
    base: &str,
    number: Option<&str>,
    id: Option<&str>,
) -> Result<Vec<FoundRow>, Error> {
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT shop AS "shop!", number AS "number!", 'number' AS "by!"
           FROM bridge.onec_orders WHERE base = $1 AND doc_number = $2
           UNION ALL
           SELECT shop, number, 'plain' FROM bridge.onec_orders
           WHERE base = $1 AND number = $2 AND doc_number IS DISTINCT FROM $2
           UNION ALL
           SELECT shop, number, 'id' FROM bridge.onec_orders WHERE base = $1 AND doc_id = $3
           UNION ALL
           SELECT shop, number, 'id' FROM bridge.onec_orders
           WHERE base = $1 AND onec_id = $3 AND doc_id IS DISTINCT FROM $3
           ORDER BY 1, 2, 3"#,
        base,
        number,
        id
    )
    .fetch_all(db)
    .await?)
}

/// What 1C says of an order.
#[derive(Debug, Clone)]
pub struct SideRow {
    /// The order's id in 1C: `Ид`.
    pub doc_id: Option<String>,
    /// The order's number in 1C: `Номер`.
    pub doc_number: Option<String>,
    /// `Номер1С`: by what people of 1C know it.
    pub onec_number: Option<String>,
    /// 1C's own GUID of it.
    pub onec_id: Option<String>,
    /// The shop's newest event.
    pub head: i64,
    /// The newest that 1C has confirmed.
    pub confirmed: Option<i64>,
    /// 1C is to get something newer.
    pub waits: bool,
    /// `НомерВерсии` of the document whose contents were last compared.
    pub version: Option<String>,
    /// A print of 1C's contents, where they are others than the shop's.
    pub contents: Option<String>,
    /// The status that it last said.
    pub said: Option<String>,
    /// It has cancelled the order.
    pub cancelled: bool,
    /// The order's status before that.
    pub before_cancel: Option<String>,
    /// The order's status that it is last known to have had.
    pub agreed: Option<String>,
    /// The status that the order got by its word.
    pub won: Option<String>,
    /// When it says that the order was paid.
    pub paid_on: Option<String>,
    /// When it says that the order was shipped.
    pub shipped_on: Option<String>,
    /// The last document that was applied.
    pub document: Option<i64>,
    /// When 1C made the file in which that came.
    pub document_at: Option<DateTime<Utc>>,
    /// When it last confirmed the order.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// Locks what 1C says of an order that is locked. Where an earlier version exchanged it, 1C had the
/// status of the snapshot that it confirmed.
pub async fn side(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
) -> Result<Option<SideRow>, Error> {
    Ok(sqlx::query_as!(
        SideRow,
        r#"SELECT doc_id, doc_number, onec_number, onec_id, head, confirmed, waits, version,
                  contents, said, cancelled, before_cancel, won, paid_on, shipped_on, document,
                  document_at, confirmed_at,
                  coalesce(agreed, (SELECT btrim(e.body #>> '{data,status}') FROM bridge.outbox e
                                    WHERE e.id = onec_orders.confirmed)) AS "agreed?"
           FROM bridge.onec_orders WHERE base = $1 AND shop = $2 AND number = $3 FOR UPDATE"#,
        base,
        shop,
        number
    )
    .fetch_optional(db)
    .await?)
}

/// The statuses that 1C has said of its orders.
pub async fn said(db: &mut PgConnection, base: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT said AS "said!" FROM bridge.onec_orders
           WHERE base = $1 AND said IS NOT NULL ORDER BY 1"#,
        base
    )
    .fetch_all(db)
    .await?)
}

/// Stores what 1C says of an order.
pub async fn save_side(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    side: &SideRow,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_orders
         SET said = $4, cancelled = $5, before_cancel = $6, agreed = $7, won = $8, paid_on = $9,
             shipped_on = $10,
             document = $11, document_at = $12, version = $13, contents = $14,
             onec_number = $15, onec_id = $16
         WHERE base = $1 AND shop = $2 AND number = $3",
        base,
        shop,
        number,
        side.said,
        side.cancelled,
        side.before_cancel,
        side.agreed,
        side.won,
        side.paid_on,
        side.shipped_on,
        side.document,
        side.document_at,
        side.version,
        side.contents,
        side.onec_number,
        side.onec_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// 1C says that an order is paid, or takes that back.
pub async fn set_paid(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    is_paid: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_orders SET paid_heard_at = CASE WHEN $4 THEN now() END
         WHERE base = $1 AND shop = $2 AND number = $3",
        base,
        shop,
        number,
        is_paid
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An event of an order.
#[derive(Debug)]
pub struct EventRow {
    /// The event as it was accepted.
    pub body: Json,
    /// When it was accepted, by the database's clock.
    pub received_at: DateTime<Utc>,
}

/// An event; none: it is kept no longer.
pub async fn event(db: &mut PgConnection, id: i64) -> Result<Option<EventRow>, Error> {
    Ok(sqlx::query_as!(
        EventRow,
        r#"SELECT body AS "body: Json", received_at FROM bridge.outbox WHERE id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?)
}
