//! How the server is set up.

use super::Error;
use sqlx::PgConnection;

/// What of the server's settings matters to the bridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The server's version.
    pub version: String,
    /// Whether a commit is on disk before it is told.
    pub durable: bool,
    /// How far the server's clock is ahead of this machine's, in seconds.
    pub clock_offset_seconds: f64,
}

/// Reads them. `now` is this machine's time in seconds since 1970.
pub async fn settings(db: &mut PgConnection, now: f64) -> Result<Settings, Error> {
    let (version, fsync, commit, theirs): (String, String, String, f64) = sqlx::query_as(
        "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
                extract(epoch FROM clock_timestamp())::float8",
    )
    .fetch_one(db)
    .await?;
    Ok(Settings {
        version,
        durable: fsync == "on" && commit != "off",
        clock_offset_seconds: theirs - now,
    })
}
