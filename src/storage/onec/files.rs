//! Files as 1C sent them, piece by piece.

use crate::storage::{Error, ExchangeKind};
use sqlx::PgConnection;

/// A file of a session.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// The id under which its parts are kept.
    pub id: i64,
    /// Its name, as 1C sent it.
    pub name: String,
    /// How long it is by now.
    pub bytes: i64,
    /// SHA-256 of its first piece.
    pub first_print: Option<Vec<u8>>,
    /// SHA-256 of its last piece.
    pub last_print: Option<Vec<u8>>,
}

/// What a session has sent.
#[derive(Debug, Clone)]
pub struct SentRow {
    /// How many files the session has begun.
    pub files: i64,
    /// How many bytes those hold together.
    pub bytes: i64,
}

/// What a session has sent so far. The session is locked until the transaction ends.
pub async fn sent(db: &mut PgConnection, session: i64) -> Result<SentRow, Error> {
    sqlx::query!(
        "SELECT id FROM bridge.onec_sessions WHERE id = $1 FOR UPDATE",
        session
    )
    .fetch_optional(&mut *db)
    .await?;
    Ok(sqlx::query_as!(
        SentRow,
        r#"SELECT count(*) AS "files!", coalesce(sum(bytes), 0)::bigint AS "bytes!"
           FROM bridge.onec_files WHERE session = $1"#,
        session
    )
    .fetch_one(db)
    .await?)
}

/// The open files of a session, the newest last.
pub async fn open(db: &mut PgConnection, session: i64) -> Result<Vec<FileRow>, Error> {
    Ok(sqlx::query_as!(
        FileRow,
        "SELECT id, name, bytes, first_print, last_print FROM bridge.onec_files
         WHERE session = $1 AND open ORDER BY id",
        session
    )
    .fetch_all(db)
    .await?)
}

/// The open file of this name.
pub async fn find(
    db: &mut PgConnection,
    session: i64,
    name: &str,
) -> Result<Option<FileRow>, Error> {
    Ok(sqlx::query_as!(
        FileRow,
        "SELECT id, name, bytes, first_print, last_print FROM bridge.onec_files
         WHERE session = $1 AND name = $2 AND open",
        session,
        name
    )
    .fetch_optional(db)
    .await?)
}

/// Begins a file of a session; returns its id.
pub async fn begin(
    db: &mut PgConnection,
    (base, session, kind): (&str, i64, ExchangeKind),
    name: &str,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.onec_files (base, session, kind, name) VALUES ($1, $2, $3, $4)
           RETURNING id",
        base,
        session,
        kind.as_str(),
        name
    )
    .fetch_one(db)
    .await?)
}

/// Nothing more is appended to these files.
pub async fn close(db: &mut PgConnection, ids: &[i64]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_files SET open = false WHERE id = ANY($1)",
        ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Nothing more is appended to a session's files of a kind.
pub async fn close_all(
    db: &mut PgConnection,
    session: i64,
    kind: ExchangeKind,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_files SET open = false WHERE session = $1 AND kind = $2 AND open",
        session,
        kind.as_str()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Appends bytes to a file that ends at `starts` by now.
pub async fn append(db: &mut PgConnection, id: i64, starts: i64, data: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.onec_pieces (file, starts, data) VALUES ($1, $2, $3)",
        id,
        starts,
        data
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A piece was appended whole. The pictures in the file are looked at when nothing more has come
/// for some seconds.
pub async fn appended(
    db: &mut PgConnection,
    id: i64,
    bytes: i64,
    print: &[u8],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_files SET bytes = bytes + $2, pieces = pieces + 1, last_print = $3,
                first_print = coalesce(first_print, $3), looked = 0,
                look_at = now() + interval '5 seconds'
         WHERE id = $1",
        id,
        bytes,
        print
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The bytes around a place: where they begin, and themselves. None: the file ends before it.
pub async fn piece(
    db: &mut PgConnection,
    id: i64,
    at: i64,
) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let row = sqlx::query!(
        "SELECT starts, data FROM bridge.onec_pieces WHERE file = $1 AND starts <= $2
         ORDER BY starts DESC LIMIT 1",
        id,
        at
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.starts, row.data)))
}

/// A file that is still kept.
#[derive(Debug, Clone)]
pub struct KeptRow {
    /// The base's name in the settings.
    pub base: String,
    /// Its name, as 1C sent it.
    pub name: String,
    /// How long it is.
    pub bytes: i64,
}

/// A file that is still kept; none: it is kept no longer, or there never was one.
pub async fn kept(db: &mut PgConnection, id: i64) -> Result<Option<KeptRow>, Error> {
    Ok(sqlx::query_as!(
        KeptRow,
        "SELECT base, name, bytes FROM bridge.onec_files WHERE id = $1",
        id
    )
    .fetch_optional(db)
    .await?)
}

/// A file of another session with the bytes of this one; returns its id. None: it is kept no
/// longer.
pub async fn copy(
    db: &mut PgConnection,
    id: i64,
    (session, kind): (i64, ExchangeKind),
) -> Result<Option<i64>, Error> {
    let made = sqlx::query_scalar!(
        "INSERT INTO bridge.onec_files (base, session, kind, name, bytes, pieces, first_print,
                                        last_print, look_at)
         SELECT base, $2, $3, name, bytes, pieces, first_print, last_print,
                now() + interval '5 seconds'
         FROM bridge.onec_files WHERE id = $1 RETURNING id",
        id,
        session,
        kind.as_str()
    );
    let Some(made) = made.fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    sqlx::query!(
        "INSERT INTO bridge.onec_pieces (file, starts, data)
         SELECT $2, starts, data FROM bridge.onec_pieces WHERE file = $1",
        id,
        made
    )
    .execute(db)
    .await?;
    Ok(Some(made))
}

/// Removes files of a base that are older than this many seconds, at most `batch`.
pub async fn prune_old(
    db: &mut PgConnection,
    base: &str,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_files WHERE id IN (
             SELECT id FROM bridge.onec_files
             WHERE base = $1 AND received_at < now() - make_interval(secs => $2)
             ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)",
        base,
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the oldest files of a base that are beyond this many bytes, at most `batch`; those of
/// sessions that may go on stay, and those with pictures while some wait for the portals of these
/// shops.
pub async fn prune_large(
    db: &mut PgConnection,
    (base, shops): (&str, &[String]),
    most: i64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.onec_files WHERE id IN (
             SELECT f.id FROM (
                 SELECT id, session, sum(bytes) OVER (ORDER BY id DESC) AS newer
                 FROM bridge.onec_files WHERE base = $1) f
             WHERE f.newer > $2::bigint AND NOT EXISTS (
                 SELECT FROM bridge.onec_sessions s WHERE s.id = f.session AND s.expires_at > now())
               AND NOT (
                 EXISTS (SELECT FROM bridge.subjects w
                         WHERE w.shop = ANY($4) AND w.kind = 'picture' AND w.due_at IS NOT NULL)
                 AND EXISTS (SELECT FROM bridge.onec_pictures p WHERE p.file = f.id))
             ORDER BY f.id LIMIT $3)",
        base,
        most,
        batch,
        shops
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
