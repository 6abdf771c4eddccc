//! Sessions of the console.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A session that has not ended.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The name under `[operators]`.
    pub operator: String,
    /// Digest of the operator's key and password hash when it was opened.
    pub stamp: Vec<u8>,
}

/// A session, and the database's time.
#[derive(Debug, Clone)]
pub struct FoundRow {
    /// The name under `[operators]`.
    pub operator: String,
    /// Digest of the operator's key and password hash when it was opened.
    pub stamp: Vec<u8>,
    /// The time in the database, by which sessions end.
    pub now: DateTime<Utc>,
}

/// Opens a session for this many seconds, and forgets those that have ended.
pub async fn open(
    db: &mut PgConnection,
    id_hash: &[u8],
    row: &SessionRow,
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!("DELETE FROM bridge.sessions WHERE expires_at < now()")
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "INSERT INTO bridge.sessions (id_hash, operator, stamp, expires_at)
         VALUES ($1, $2, $3, now() + make_interval(secs => $4))",
        id_hash,
        row.operator,
        row.stamp,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The session of this id.
pub async fn find(db: &mut PgConnection, id_hash: &[u8]) -> Result<Option<FoundRow>, Error> {
    Ok(sqlx::query_as!(
        FoundRow,
        r#"SELECT operator, stamp, now() AS "now!" FROM bridge.sessions WHERE id_hash = $1
             AND expires_at > now()"#,
        id_hash
    )
    .fetch_optional(db)
    .await?)
}

/// Ends a session of the console; that it had ended already is no error.
pub async fn close(db: &mut PgConnection, id_hash: &[u8]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM bridge.sessions WHERE id_hash = $1", id_hash)
        .execute(db)
        .await?;
    Ok(())
}
