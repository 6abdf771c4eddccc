//! Settings of the database server.

use crate::storage::Error;
use sqlx::PgConnection;

/// What of the server's settings matters to the bridge.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Settings {
    /// The server's version, for people.
    pub version: String,
    /// The same as a number, such as 170002.
    pub version_number: i32,
    /// `fsync`: with `off` a crash of the machine may destroy the database.
    pub fsync: String,
    /// `synchronous_commit`: with `off` a crash loses the last accepted events.
    pub synchronous_commit: String,
    /// `full_page_writes`: with `off` a crash of the machine may leave torn pages.
    pub full_page_writes: String,
    /// `autovacuum`: with `off` the queue's tables grow without end.
    pub autovacuum: String,
    /// `server_encoding` of the database: texts need `UTF8`.
    pub encoding: String,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// Connections that the server takes.
    pub max_connections: i64,
    /// Of these, kept for superusers.
    pub reserved_connections: i64,
    /// Of these, in use by others than this process.
    pub used_connections: i64,
    /// Bytes of the database.
    pub size_bytes: i64,
    /// Where its files are, if the role may know.
    pub data_directory: Option<String>,
    /// How far the server's clock is ahead of this machine's, in seconds.
    pub clock_offset_seconds: f64,
}

/// Reads them. `now` is this machine's time in seconds since 1970.
pub async fn settings(db: &mut PgConnection, now: f64) -> Result<Settings, Error> {
    let read: Settings = sqlx::query_as(
        "SELECT current_setting('server_version') AS version,
                current_setting('server_version_num')::integer AS version_number,
                current_setting('fsync') AS fsync,
                current_setting('synchronous_commit') AS synchronous_commit,
                current_setting('full_page_writes') AS full_page_writes,
                current_setting('autovacuum') AS autovacuum,
                current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS in_recovery,
                current_setting('max_connections')::bigint AS max_connections,
                current_setting('superuser_reserved_connections')::bigint AS reserved_connections,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
                  AND pid <> pg_backend_pid()) AS used_connections,
                pg_database_size(current_database()) AS size_bytes,
                (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory,
                extract(epoch FROM clock_timestamp())::float8 AS clock_offset_seconds",
    )
    .fetch_one(db)
    .await?;
    Ok(Settings {
        clock_offset_seconds: read.clock_offset_seconds - now,
        ..read
    })
}
