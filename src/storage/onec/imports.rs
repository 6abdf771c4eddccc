//! Imports of files: how far each is taken in, and the documents that were in it.

use crate::{
    domain::happening::{FileFault, FileNote, Stored, Tell as _},
    storage::{Error, ImportState, Json, json},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A file, or a file of a zip, that is taken in.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// The import's id: later ones have greater ones.
    pub id: i64,
    /// Whether it is at work, taken in or refused.
    pub state: ImportState,
    /// The file can be read to its end.
    pub checked: bool,
    /// Items that are done.
    pub position: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// When it was begun: the file had come by then.
    pub started_at: DateTime<Utc>,
    /// The code, where it was refused.
    pub code: Option<String>,
    /// Why, or what was wrong with some of its items: a line each.
    pub notes: Vec<FileNote>,
}

/// What is told of a file: from its data where this version knows all of them, else as it was said.
fn notes(data: Json, message: Option<&str>) -> Vec<FileNote> {
    let data = match data.shown() {
        Value::Array(data) => data,
        _ => Vec::new(),
    };
    let known: Option<Vec<FileNote>> = data
        .into_iter()
        .map(|one| match Stored::read(one) {
            Stored::Known(note) => Some(note),
            Stored::Later(_) => None,
        })
        .collect();
    match known {
        Some(known) if !known.is_empty() => known,
        _ => {
            let lines = message.unwrap_or_default().lines();
            let line = |line: &str| FileNote::Said {
                line: line.to_owned(),
            };
            lines.map(line).collect()
        }
    }
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
    let row = sqlx::query!(
        r#"SELECT id, state AS "state: ImportState", checked, position, faulty, documents,
                  started_at, code, message, notes AS "notes: Json"
           FROM bridge.onec_imports WHERE file = $1 AND member = $2"#,
        file,
        member
    )
    .fetch_one(db)
    .await?;
    Ok(ImportRow {
        id: row.id,
        state: row.state,
        checked: row.checked,
        position: row.position,
        faulty: row.faulty,
        documents: row.documents,
        started_at: row.started_at,
        code: row.code,
        notes: notes(row.notes, row.message.as_deref()),
    })
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
    /// How many items are done.
    pub items: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// What was wrong with the first faulty ones, a line each.
    pub notes: Vec<FileNote>,
}

/// Notes as a row holds them: each as data, and all as one English text.
fn held(notes: &[FileNote]) -> (Value, Option<String>) {
    let lines: Vec<String> = notes.iter().map(FileNote::sentence).collect();
    let data: Vec<Value> = notes.iter().map(json::stored).collect();
    let text = lines.join("\n").replace('\0', "\u{fffd}");
    (Value::Array(data), (!notes.is_empty()).then_some(text))
}

/// Moves an import on from where it was; false: somebody else has done so.
pub async fn advance(
    db: &mut PgConnection,
    id: i64,
    from: i64,
    done: &Done,
) -> Result<bool, Error> {
    let (notes, message) = held(&done.notes);
    let moved = sqlx::query!(
        "UPDATE bridge.onec_imports SET position = position + $3, marked = marked + $3,
                faulty = faulty + $4, documents = documents + $5,
                message = CASE WHEN length(message) > 2000 THEN message
                  ELSE nullif(concat_ws(E'\\n', message, $6::text), '') END,
                notes = CASE WHEN length(message) > 2000 THEN notes ELSE notes || $7::jsonb END
         WHERE id = $1 AND position = $2 AND state = 'working'",
        id,
        from,
        done.items,
        done.faulty,
        done.documents,
        message,
        notes
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

/// Ends an import that is at work: `taken`, or `refused` with a code and a fault.
pub async fn end(
    db: &mut PgConnection,
    id: i64,
    refused: Option<(&str, &FileFault)>,
) -> Result<(), Error> {
    let (code, fault) = refused.unzip();
    let note = fault.map(|fault| FileNote::Refused {
        fault: fault.clone(),
    });
    let (notes, message) = held(note.as_slice());
    sqlx::query!(
        "UPDATE bridge.onec_imports
         SET state = CASE WHEN $2::text IS NULL THEN 'taken' ELSE 'refused' END, ended_at = now(),
             code = $2, message = coalesce($3, message),
             notes = CASE WHEN $3::text IS NULL THEN notes ELSE $4 END
         WHERE id = $1 AND state = 'working'",
        id,
        code,
        message,
        notes
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How it stands with all imports of a session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// How many of them are taken in.
    pub taken: i64,
    /// How many are begun, or refused.
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

/// A file as people look at it.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// The id of the file; none: it is kept no longer.
    pub file: Option<i64>,
    /// The name of the file, as 1C sent it.
    pub name: String,
    /// The file inside a zip; empty: the file itself.
    pub member: String,
    /// How long it is, in bytes.
    pub bytes: Option<i64>,
    /// Whether it is at work, taken in or refused.
    pub state: ImportState,
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
    /// Why, or what was wrong with some of its items, in English; of rows of earlier versions as 1C
    /// was told.
    pub message: Option<String>,
    /// The same, a line each.
    pub notes: Vec<FileNote>,
}

/// The newest files that a base had taken in.
pub async fn newest_files(
    db: &mut PgConnection,
    base: &str,
    limit: i64,
) -> Result<Vec<FileRow>, Error> {
    let rows = sqlx::query!(
        r#"SELECT f.id AS "file?", coalesce(f.name, '') AS "name!", i.member, f.bytes AS "bytes?",
                  i.state AS "state: ImportState", i.position, i.faulty,
                  i.documents, i.started_at, i.code, i.message, i.notes AS "notes: Json"
           FROM bridge.onec_imports i LEFT JOIN bridge.onec_files f ON f.id = i.file
           WHERE i.base = $1 ORDER BY i.id DESC LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?;
    let row = rows.into_iter().map(|row| FileRow {
        file: row.file,
        name: row.name,
        member: row.member,
        bytes: row.bytes,
        state: row.state,
        position: row.position,
        faulty: row.faulty,
        documents: row.documents,
        started_at: row.started_at,
        code: row.code,
        notes: notes(row.notes, row.message.as_deref()),
        message: row.message,
    });
    Ok(row.collect())
}

/// Removes how far files were taken in that are kept no longer, where that ended more than this
/// many seconds ago; at most `batch`.
pub async fn prune(
    db: &mut PgConnection,
    base: &str,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_imports WHERE id IN (
             SELECT i.id FROM bridge.onec_imports i
             WHERE i.base = $1 AND i.ended_at < now() - make_interval(secs => $2)
               AND NOT EXISTS (SELECT FROM bridge.onec_files f WHERE f.id = i.file)
             ORDER BY i.ended_at LIMIT $3)",
        base,
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
