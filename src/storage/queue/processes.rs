//! The processes that work on this database, and which of them are alive.

use crate::storage::Error;
use sqlx::PgConnection;

/// Says that a process is alive for so many seconds, and by a fingerprint which lanes it knows;
/// none if it drives none. The others are told if that is news.
pub async fn attend(
    db: &mut PgConnection,
    owner: &str,
    lanes: Option<&str>,
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH known AS (
             SELECT FROM bridge.processes
             WHERE owner = $1 AND lanes IS NOT DISTINCT FROM $2 AND alive_until > now()),
         alive AS (
             INSERT INTO bridge.processes AS p (owner, lanes, alive_until)
             VALUES ($1, $2, now() + make_interval(secs => $3))
             ON CONFLICT (owner) DO UPDATE
             SET lanes = excluded.lanes, alive_until = excluded.alive_until,
                 joined_at = CASE WHEN EXISTS (SELECT FROM known) THEN p.joined_at ELSE now() END)
         SELECT pg_notify('bridge_lane', '*') WHERE NOT EXISTS (SELECT FROM known)",
        owner,
        lanes,
        seconds
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// The living processes that know just these lanes: the oldest first.
pub async fn sharing(db: &mut PgConnection, lanes: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT owner FROM bridge.processes WHERE lanes = $1 AND alive_until > now()
         ORDER BY joined_at, owner",
        lanes
    )
    .fetch_all(db)
    .await?)
}

/// A process ends: the others are told.
pub async fn leave(db: &mut PgConnection, owner: &str) -> Result<(), Error> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM bridge.processes WHERE owner = $1 RETURNING owner)
         SELECT pg_notify('bridge_lane', '*') FROM gone",
        owner
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// Removes those that have been dead for so many seconds.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.processes WHERE owner IN (
             SELECT owner FROM bridge.processes
             WHERE greatest(alive_until, answers_until) < now() - make_interval(secs => $1)
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A process answers to reloads for so many seconds from now.
pub async fn answers(db: &mut PgConnection, owner: &str, seconds: f64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.processes (owner, alive_until, answers_until)
         VALUES ($1, now(), now() + make_interval(secs => $2))
         ON CONFLICT (owner) DO UPDATE SET answers_until = excluded.answers_until",
        owner,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All processes that answer to reloads.
pub async fn answering(db: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT owner FROM bridge.processes WHERE answers_until > now() ORDER BY owner"
    )
    .fetch_all(db)
    .await?)
}

/// What a process says to a request to read its settings again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadAnswer {
    /// The process, by the name under which it holds leases.
    pub owner: String,
    /// Whether the settings could not be used: then the old ones go on.
    pub failed: bool,
    /// What changed, what needs a restart, or what is wrong: a sentence each.
    pub lines: Vec<String>,
}

/// Asks all processes to read their settings again.
pub async fn ask_to_reload(db: &mut PgConnection) -> Result<i64, Error> {
    Ok(
        sqlx::query_scalar!("INSERT INTO bridge.reloads DEFAULT VALUES RETURNING id")
            .fetch_one(db)
            .await?,
    )
}

/// The last time that somebody asked for it; zero if nobody did.
pub async fn last_reload(db: &mut PgConnection) -> Result<i64, Error> {
    Ok(
        sqlx::query_scalar!(r#"SELECT coalesce(max(id), 0) AS "id!" FROM bridge.reloads"#)
            .fetch_one(db)
            .await?,
    )
}

/// The last time that was more than a minute ago: a process that has just begun has read its
/// settings since.
pub async fn earlier_reload(db: &mut PgConnection) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(max(id), 0) AS "id!" FROM bridge.reloads
           WHERE asked_at < now() - interval '1 minute'"#
    )
    .fetch_one(db)
    .await?)
}

/// Stores what came of it in a process.
pub async fn answer_reload(
    db: &mut PgConnection,
    reload: i64,
    answer: &ReloadAnswer,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.reload_answers (reload, owner, failed, lines)
         SELECT id, $2, $3, $4 FROM bridge.reloads WHERE id = $1
         ON CONFLICT DO NOTHING",
        reload,
        answer.owner,
        answer.failed,
        &answer.lines
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the processes have answered so far.
pub async fn reload_answers(
    db: &mut PgConnection,
    reload: i64,
) -> Result<Vec<ReloadAnswer>, Error> {
    Ok(sqlx::query_as!(
        ReloadAnswer,
        "SELECT owner, failed, lines FROM bridge.reload_answers WHERE reload = $1 ORDER BY owner",
        reload
    )
    .fetch_all(db)
    .await?)
}

/// Removes requests so many seconds old, with their answers; the last one stays.
pub async fn prune_reloads(
    db: &mut PgConnection,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.reloads WHERE id IN (
             SELECT id FROM bridge.reloads
             WHERE asked_at < now() - make_interval(secs => $1)
               AND id < (SELECT max(id) FROM bridge.reloads)
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
