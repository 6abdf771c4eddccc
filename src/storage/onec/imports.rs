//! How far files are taken in, and the documents that were in them.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A file, or a file of a zip, that is taken in.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Its id.
    pub id: i64,
    /// `working`, `taken` or `refused`.
    pub state: String,
    /// The file can be read to its end.
    pub checked: bool,
    /// Items that are done.
    pub position: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// The code, where it was refused.
    pub code: Option<String>,
    /// Why, or what was wrong with some of its items.
    pub message: Option<String>,
}

/// The import of a file; it is begun the first time.
pub async fn open(
    db: &mut PgConnection,
    base: &str,
    file: i64,
    member: &str,
) -> Result<ImportRow, Error> {
    sqlx::query!(
        "INSERT INTO bridge.onec_imports (base, file, member) VALUES ($1, $2, $3)
         ON CONFLICT (file, member) DO NOTHING",
        base,
        file,
        member
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_as!(
        ImportRow,
        "SELECT id, state, checked, position, faulty, documents, code, message
         FROM bridge.onec_imports WHERE file = $1 AND member = $2",
        file,
        member
    )
    .fetch_one(db)
    .await?)
}

/// The file of an import can be read to its end.
pub async fn checked(db: &mut PgConnection, id: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_imports SET checked = true WHERE id = $1",
        id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a part of a file came to.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Items.
    pub items: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// What was wrong with the first faulty ones.
    pub message: Option<String>,
}

/// Moves an import on from where it was; false: somebody else has done so.
pub async fn advance(
    db: &mut PgConnection,
    id: i64,
    from: i64,
    done: &Done,
) -> Result<bool, Error> {
    let moved = sqlx::query!(
        "UPDATE bridge.onec_imports SET position = position + $3, faulty = faulty + $4,
         documents = documents + $5,
                message = CASE WHEN length(message) > 2000 THEN message
                  ELSE concat_ws(E'\\n', message, $6::text) END
         WHERE id = $1 AND position = $2 AND state = 'working'",
        id,
        from,
        done.items,
        done.faulty,
        done.documents,
        done.message
    )
    .execute(db)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// What the file says of itself.
pub async fn head(
    db: &mut PgConnection,
    id: i64,
    formed_at: Option<DateTime<Utc>>,
    only_changes: Option<bool>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_imports SET formed_at = coalesce($2, formed_at),
         only_changes = coalesce($3, only_changes)
         WHERE id = $1",
        id,
        formed_at,
        only_changes
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends an import that stands at this position: `taken`, or `refused` with a code and a sentence.
pub async fn end(
    db: &mut PgConnection,
    id: i64,
    refused: Option<(&str, &str)>,
) -> Result<(), Error> {
    let (code, message) = refused.unzip();
    sqlx::query!(
        "UPDATE bridge.onec_imports
         SET state = CASE WHEN $2::text IS NULL THEN 'taken' ELSE 'refused' END, ended_at = now(),
             code = $2, message = coalesce($3, message)
         WHERE id = $1 AND state = 'working'",
        id,
        code,
        message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How it stands with all imports of a session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Taken in.
    pub taken: i64,
    /// Begun, or refused.
    pub open: i64,
}

/// How it stands with all imports of a session's files.
pub async fn of_session(db: &mut PgConnection, session: i64) -> Result<SessionRow, Error> {
    Ok(sqlx::query_as!(
        SessionRow,
        r#"SELECT count(*) FILTER (WHERE i.state = 'taken') AS "taken!",
                  count(*) FILTER (WHERE i.state <> 'taken') AS "open!"
           FROM bridge.onec_files f JOIN bridge.onec_imports i ON i.file = f.id
           WHERE f.session = $1 AND f.kind = 'catalog' AND f.open"#,
        session
    )
    .fetch_one(db)
    .await?)
}

/// A document as it came.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// `document`, `package`, `counterparty` or `unreadable`.
    pub kind: &'static str,
    /// `Номер`.
    pub number: Option<String>,
    /// `Ид`.
    pub doc_id: Option<String>,
    /// `Номер1С`.
    pub onec_number: Option<String>,
    /// `НомерВерсии`.
    pub version: Option<String>,
    /// SHA-256 of its contents.
    pub print: Vec<u8>,
    /// The element as XML.
    pub raw: String,
    /// When the file was made, on the bridge's clock.
    pub formed_at: Option<DateTime<Utc>>,
}

/// A document that is kept.
#[derive(Debug, Clone)]
pub struct KeptRow {
    /// Its id.
    pub id: i64,
    /// Whether its contents came before.
    pub repeated: bool,
    /// What became of it then; `waiting` if it is new.
    pub state: String,
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
                message, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', 'waiting')
           ON CONFLICT (base, print) DO UPDATE
           SET repeats = d.repeats + 1, repeated_at = now(), import = excluded.import,
               formed_at = greatest(d.formed_at, excluded.formed_at)
           RETURNING id, (repeats > 0) AS "repeated!", state"#,
        base,
        import,
        new.kind,
        new.number,
        new.doc_id,
        new.onec_number,
        new.version,
        new.formed_at,
        new.print,
        new.raw
    )
    .fetch_one(db)
    .await?)
}

/// What became of a document.
#[derive(Debug, Clone, Default)]
pub struct Became<'a> {
    /// `waiting`, `applied`, `refused`, `overtaken` or `discarded`.
    pub state: &'a str,
    /// Why it is refused.
    pub code: Option<&'a str>,
    /// One sentence.
    pub message: &'a str,
    /// The shop of its order.
    pub shop: Option<&'a str>,
    /// Its order.
    pub number: Option<&'a str>,
}

/// Stores what became of a document.
pub async fn became(db: &mut PgConnection, id: i64, of: &Became<'_>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_documents
         SET state = $2, code = $3, message = $4, shop = coalesce($5, shop),
             order_number = coalesce($6, order_number),
             decided_at = now()
         WHERE id = $1",
        id,
        of.state,
        of.code,
        of.message,
        of.shop,
        of.number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Older documents of an order that are open are overtaken by this one; their letters are closed.
pub async fn overtake(
    db: &mut PgConnection,
    (base, shop, number): (&str, &str, &str),
    id: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_documents SET state = 'overtaken', decided_at = now()
         WHERE base = $1 AND shop = $2 AND order_number = $3 AND id <> $4
           AND state IN ('waiting', 'refused')",
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
    /// Its id.
    pub id: i64,
    /// The base.
    pub base: String,
    /// Why it is refused.
    pub code: Option<String>,
    /// The element as XML.
    pub raw: String,
    /// When the file was made, on the bridge's clock.
    pub formed_at: Option<DateTime<Utc>>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// One document that waits, or is refused.
pub async fn again(db: &mut PgConnection, id: i64) -> Result<Option<AgainRow>, Error> {
    Ok(sqlx::query_as!(
        AgainRow,
        r#"SELECT id, base, code AS "code?", raw, formed_at,
                  coalesce(repeated_at, received_at) AS "received_at!"
           FROM bridge.onec_documents WHERE id = $1 AND state IN ('waiting', 'refused')"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// Documents that wait and were not looked at for some seconds, the longest ago first.
pub async fn waiting(db: &mut PgConnection, limit: i64) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM bridge.onec_documents
         WHERE state = 'waiting'
           AND (decided_at IS NULL OR decided_at < now() - interval '2 seconds')
         ORDER BY decided_at NULLS FIRST, id LIMIT $1",
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
                            WHERE k.base = d.base AND k.doc_number = d.number)
                    OR EXISTS (SELECT FROM bridge.onec_orders k
                               WHERE k.base = d.base AND k.doc_id = d.doc_id))
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
    /// Its id.
    pub id: i64,
    /// The base.
    pub base: String,
    /// What it is.
    pub kind: String,
    /// `Номер`.
    pub number: Option<String>,
    /// `Ид`.
    pub doc_id: Option<String>,
    /// `Номер1С`.
    pub onec_number: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How often it came again.
    pub repeats: i32,
    /// What became of it: `waiting`, `applied`, `refused`, `overtaken` or `discarded`.
    pub state: String,
    /// Why it is not carried out; empty: it is, or waits.
    pub code: String,
    /// One sentence.
    pub message: String,
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
        r#"SELECT id, base, kind, number, doc_id, onec_number, received_at, repeats, state,
                coalesce(code, '') AS "code!", message, raw
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

/// A file as people look at it.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// The file inside a zip; empty: the file itself.
    pub member: String,
    /// How long it is, in bytes.
    pub bytes: Option<i64>,
    /// `working`, `taken` or `refused`.
    pub state: String,
    /// Items that are done.
    pub position: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// The code, where it was refused.
    pub code: Option<String>,
    /// Why, or what was wrong with some of its items.
    pub message: Option<String>,
}

/// The newest files that a base had taken in.
pub async fn newest_files(
    db: &mut PgConnection,
    base: &str,
    limit: i64,
) -> Result<Vec<FileRow>, Error> {
    Ok(sqlx::query_as!(
        FileRow,
        r#"SELECT coalesce(f.name, '') AS "name!", i.member, f.bytes AS "bytes?", i.state,
                  i.position, i.faulty,
                  i.documents, i.started_at, i.code, i.message
           FROM bridge.onec_imports i LEFT JOIN bridge.onec_files f ON f.id = i.file
           WHERE i.base = $1 ORDER BY i.id DESC LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}
