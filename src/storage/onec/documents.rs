//! Documents from 1C: as they came, and what became of each.

use crate::{
    domain::happening::{DocumentReason, Stored},
    storage::{DocumentKind, DocumentState, Error, json::stored},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A document as it came.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// What kind of element it is.
    pub kind: DocumentKind,
    /// `Номер`: of an order that the bridge wrote, the number that it gave it.
    pub number: Option<String>,
    /// `Ид`: of an order that the bridge wrote, the id that it gave it; else 1C's own.
    pub doc_id: Option<String>,
    /// The number that 1C gave it: `Номер1С`.
    pub onec_number: Option<String>,
    /// `НомерВерсии`: another one with each change in 1C.
    pub version: Option<String>,
    /// SHA-256 of its contents.
    pub print: Vec<u8>,
    /// The element as XML.
    pub raw: String,
    /// When the file was made, on the bridge's clock.
    pub formed_at: Option<DateTime<Utc>>,
    /// The login by which it was sent.
    pub login: Option<String>,
    /// It holds payments or shipments without their order.
    pub beside: bool,
    /// The order that these name.
    pub basis: Option<String>,
}

/// A document that is kept.
#[derive(Debug, Clone)]
pub struct KeptRow {
    /// The document's id, by which pages and commands name it.
    pub id: i64,
    /// Whether its contents came before.
    pub repeated: bool,
    /// What became of it then; [`DocumentState::Waiting`] if it is new.
    pub state: DocumentState,
}

/// Keeps a document; the same contents again are counted only.
pub async fn keep(
    db: &mut PgConnection,
    (base, import): (&str, i64),
    new: &NewDocument,
) -> Result<KeptRow, Error> {
    Ok(sqlx::query_as!(
        KeptRow,
        r#"INSERT INTO bridge.onec_documents AS d
               (base, import, kind, number, doc_id, onec_number, version, formed_at, print, raw,
                message, state, beside, basis, login)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', 'waiting', $11, $12,
                   $13)
           ON CONFLICT (base, print) DO UPDATE
           SET repeats = d.repeats + 1, repeated_at = now(), import = excluded.import,
               login = excluded.login,
               formed_at = greatest(d.formed_at, excluded.formed_at)
           RETURNING id, (repeats > 0) AS "repeated!", state AS "state: DocumentState""#,
        base,
        import,
        new.kind as DocumentKind,
        new.number,
        new.doc_id,
        new.onec_number,
        new.version,
        new.formed_at,
        new.print,
        new.raw,
        new.beside,
        new.basis,
        new.login
    )
    .fetch_one(db)
    .await?)
}

/// What became of a document.
#[derive(Debug, Clone)]
pub struct Became<'a> {
    /// Whether it is taken in.
    pub state: DocumentState,
    /// Why it is refused.
    pub code: Option<&'a str>,
    /// Why it is not carried out, in one English sentence; empty: it is.
    pub message: &'a str,
    /// The same as data; none: there is none.
    pub what: Option<&'a DocumentReason>,
    /// The shop of its order.
    pub shop: Option<&'a str>,
    /// The number of its order there.
    pub number: Option<&'a str>,
}

impl Became<'_> {
    /// It has this state, and there is nothing more to say of it.
    pub fn new(state: DocumentState) -> Self {
        Self {
            state,
            code: None,
            message: "",
            what: None,
            shop: None,
            number: None,
        }
    }
}

/// Stores what became of a document.
pub async fn became(db: &mut PgConnection, id: i64, of: &Became<'_>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_documents
         SET state = $2, code = $3, message = $4, shop = coalesce($5, shop),
             order_number = coalesce($6, order_number), what = $7,
             decided_at = now()
         WHERE id = $1",
        id,
        of.state as DocumentState,
        of.code,
        of.message,
        of.shop,
        of.number,
        of.what.map(stored)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Older documents of an order that are open are overtaken by this one; their letters are closed.
/// Payments and shipments beside it are not among them: it does not say what they do.
pub async fn overtake(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    id: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_documents SET state = 'overtaken', decided_at = now()
         WHERE base = $1 AND shop = $2 AND order_number = $3 AND id <> $4
           AND NOT beside AND state IN ('waiting', 'refused')",
        base,
        shop,
        number,
        id
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.dead_letters l
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'a newer document of 1C stands for it'
         FROM bridge.onec_documents d
         WHERE l.about = 'document' AND l.closed_at IS NULL AND l.shop = $2 AND l.number = $3
           AND d.base = $1 AND d.state = 'overtaken' AND l.payload ->> 'document' = d.id::text",
        base,
        shop,
        number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Closes the letter of a document that is applied by now.
pub async fn close_letter(db: &mut PgConnection, id: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.dead_letters
         SET closed_at = now(), closed_how = 'retried', closed_by = 'bridge',
             reason = 'the document is taken in by now'
         WHERE about = 'document' AND closed_at IS NULL AND payload ->> 'document' = $1",
        id.to_string()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A document that is to be decided once more.
#[derive(Debug, Clone)]
pub struct AgainRow {
    /// The document's id, by which pages and commands name it.
    pub id: i64,
    /// The base's name in the settings.
    pub base: String,
    /// Why it is refused.
    pub code: Option<String>,
    /// The element as XML.
    pub raw: String,
    /// When the file was made, on the bridge's clock.
    pub formed_at: Option<DateTime<Utc>>,
    /// Who sent it; none: that is not known.
    pub login: Option<String>,
    /// When the bridge received it.
    pub received_at: DateTime<Utc>,
}

/// One document that waits, or is refused.
pub async fn again(db: &mut PgConnection, id: i64) -> Result<Option<AgainRow>, Error> {
    Ok(sqlx::query_as!(
        AgainRow,
        r#"SELECT id, base, code AS "code?", raw, formed_at, login,
                  coalesce(repeated_at, received_at) AS "received_at!"
           FROM bridge.onec_documents WHERE id = $1 AND state IN ('waiting', 'refused')"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// Documents that wait and were not looked at for some seconds, the longest ago first; without
/// those of orders that the shop was told of and has not sent yet.
pub async fn waiting(db: &mut PgConnection, limit: i64) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT d.id FROM bridge.onec_documents d
         WHERE d.state = 'waiting'
           AND (d.decided_at IS NULL OR d.decided_at < now() - interval '2 seconds')
           AND NOT EXISTS (SELECT FROM bridge.onec_births b
                           WHERE b.base = d.base AND b.number = d.order_number
                             AND b.shop = d.shop AND b.taken_as IS NULL)
         ORDER BY d.decided_at NULLS FIRST, d.id LIMIT $1",
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Documents that were refused for these codes wait again: what they missed may be there by now.
pub async fn reopen(db: &mut PgConnection, codes: &[String]) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_documents SET state = 'waiting', decided_at = NULL
         WHERE id IN (SELECT id FROM bridge.onec_documents
                      WHERE state = 'refused' AND code = ANY($1)
                      FOR UPDATE SKIP LOCKED)",
        codes
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Documents of unknown orders wait again once an order of their number or id has gone to the
/// base.
pub async fn reopen_known(db: &mut PgConnection) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_documents SET state = 'waiting', decided_at = NULL
         WHERE id IN (
             SELECT d.id FROM bridge.onec_documents d
             WHERE d.state = 'refused' AND d.code = 'ONEC-UNKNOWN'
               AND d.decided_at < now() - interval '5 seconds'
               AND (EXISTS (SELECT FROM bridge.onec_orders k
                            WHERE k.base = d.base
                              AND k.doc_number = CASE WHEN d.beside THEN d.basis ELSE d.number END)
                    OR EXISTS (SELECT FROM bridge.onec_orders k
                               WHERE k.base = d.base
                                 AND k.doc_id = CASE WHEN d.beside THEN d.basis ELSE d.doc_id END)
                    OR EXISTS (SELECT FROM bridge.onec_orders k
                               WHERE k.base = d.base
                                 AND k.onec_id = CASE WHEN d.beside THEN d.basis ELSE d.doc_id END))
             FOR UPDATE OF d SKIP LOCKED)"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Whether a file brought documents that are not carried out by this version, and none that was.
pub async fn none_carried_out(
    db: &mut PgConnection,
    import: i64,
    later: &str,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(
               bool_or(code = $2) AND NOT bool_or(state IN ('applied', 'waiting', 'overtaken')),
               false) AS "none!"
           FROM bridge.onec_documents WHERE import = $1"#,
        import,
        later
    )
    .fetch_one(db)
    .await?)
}

/// A document as people look at it.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// The document's id, by which pages and commands name it.
    pub id: i64,
    /// The base's name in the settings.
    pub base: String,
    /// What kind of element it is.
    pub kind: DocumentKind,
    /// `Номер`: of an order that the bridge wrote, the number that it gave it.
    pub number: Option<String>,
    /// `Ид`: of an order that the bridge wrote, the id that it gave it; else 1C's own.
    pub doc_id: Option<String>,
    /// The number that 1C gave it: `Номер1С`.
    pub onec_number: Option<String>,
    /// When the bridge received it.
    pub received_at: DateTime<Utc>,
    /// How often it came again.
    pub repeats: i32,
    /// What became of it.
    pub state: DocumentState,
    /// Why it is not carried out; empty: it is, or waits.
    pub code: String,
    /// Why it is not carried out, in one English sentence; empty: it is.
    pub message: String,
    /// The same as data; none in rows of earlier versions.
    pub what: Option<Stored<DocumentReason>>,
    /// The shop of its order, where one was found.
    pub shop: Option<String>,
    /// The number of its order there.
    pub order_number: Option<String>,
    /// The element as XML.
    pub raw: String,
}

/// The newest documents of a base, with ids below `before`; of one number, if that is given.
pub async fn newest(
    db: &mut PgConnection,
    base: &str,
    number: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        r#"SELECT id, base, kind AS "kind: DocumentKind", number, doc_id, onec_number,
                received_at, repeats, state AS "state: DocumentState",
                coalesce(code, '') AS "code!", message, what AS "what: Stored<DocumentReason>",
                shop, order_number, raw
         FROM bridge.onec_documents
         WHERE base = $1 AND ($2::text IS NULL OR number = $2) AND id < $3
         ORDER BY id DESC LIMIT $4"#,
        base,
        number,
        before,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The newest documents of a base that wait or are refused; without what this version does not
/// carry out.
pub async fn newest_open(
    db: &mut PgConnection,
    base: &str,
    limit: i64,
) -> Result<Vec<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        r#"SELECT id, base, kind AS "kind: DocumentKind", number, doc_id, onec_number,
                received_at, repeats, state AS "state: DocumentState",
                coalesce(code, '') AS "code!", message, what AS "what: Stored<DocumentReason>",
                shop, order_number, raw
         FROM bridge.onec_documents WHERE base = $1 AND state IN ('waiting', 'refused')
           AND code IS DISTINCT FROM 'ONEC-LATER'
         ORDER BY id DESC LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// One document by its id; `None` if there is none.
pub async fn one(db: &mut PgConnection, id: i64) -> Result<Option<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        r#"SELECT id, base, kind AS "kind: DocumentKind", number, doc_id, onec_number,
                received_at, repeats, state AS "state: DocumentState",
                coalesce(code, '') AS "code!", message, what AS "what: Stored<DocumentReason>",
                shop, order_number, raw
         FROM bridge.onec_documents WHERE id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// Removes documents of a base that were decided, and did not come again, for more than this many
/// seconds, and of those that this version does not carry out the ones that came so long ago; at
/// most `batch`. Those that are open stay.
pub async fn prune(
    db: &mut PgConnection,
    base: &str,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_documents WHERE id IN (
             SELECT id FROM bridge.onec_documents
             WHERE base = $1
               AND (state IN ('applied', 'overtaken', 'discarded')
                    OR state = 'refused' AND code = 'ONEC-LATER')
               AND decided_at < now() - make_interval(secs => $2)
               AND coalesce(repeated_at, received_at) < now() - make_interval(secs => $2)
             ORDER BY decided_at LIMIT $3 FOR UPDATE SKIP LOCKED)",
        base,
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
