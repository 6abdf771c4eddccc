//! Jobs over many dead letters.

use crate::storage::{BulkState, Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A job on its way in.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// What is done to each letter: `retry` or `discard`.
    pub action: &'a str,
    /// Which letters it is about, as they were asked for.
    pub filter: &'a Value,
    /// Why they are let go.
    pub reason: Option<&'a str>,
    /// Make new deals where the old ones are gone.
    pub recreate: bool,
    /// The person who asks for it, by name.
    pub actor: &'a str,
    /// How many letters there are.
    pub expected: i64,
    /// The last of them.
    pub upto: i64,
}

/// A job over many letters, and how far it has come.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// The job's id, by which the API and the commands name it.
    pub id: i64,
    /// What is done to each letter: `retry` or `discard`.
    pub action: String,
    /// Which letters it is about, as they were asked for.
    pub filter: Json,
    /// Why they are let go.
    pub reason: Option<String>,
    /// Make new deals where the old ones are gone.
    pub recreate: bool,
    /// The person who asked for it, by name.
    pub actor: String,
    /// How many letters there were.
    pub expected: i64,
    /// The last of them.
    pub upto: i64,
    /// The last one looked at.
    pub reached: i64,
    /// How many letters it has closed so far.
    pub done: i64,
    /// Letters that stay open.
    pub failed: i64,
    /// Why the last of those does.
    pub last_fault: Option<String>,
    /// Whether it runs, has ended or was stopped.
    pub state: BulkState,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// The person who stopped it; `None` where nobody did.
    pub stopped_by: Option<String>,
}

/// Stores a job; returns its id.
pub async fn add(db: &mut PgConnection, job: &NewJob<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.bulk_jobs (action, filter, reason, recreate, actor, expected, upto)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        job.action,
        job.filter,
        job.reason,
        job.recreate,
        job.actor,
        job.expected,
        job.upto
    )
    .fetch_one(db)
    .await?)
}

/// Jobs with ids below `before`, the newest first.
pub async fn list(
    db: &mut PgConnection,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<JobRow>, Error> {
    Ok(sqlx::query_as!(
        JobRow,
        r#"SELECT id, action, filter AS "filter: Json", reason, recreate, actor, expected, upto,
                  reached, done, failed, last_fault,
                  state AS "state: BulkState", created_at, ended_at, stopped_by
           FROM bridge.bulk_jobs WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"#,
        before,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// One job by its id; `None` if there is none.
pub async fn one(db: &mut PgConnection, id: i64) -> Result<Option<JobRow>, Error> {
    Ok(list(db, Some(id.saturating_add(1)), 1)
        .await?
        .into_iter()
        .find(|job| job.id == id))
}

/// Locks the oldest running job that nobody works on now.
pub async fn take(db: &mut PgConnection) -> Result<Option<JobRow>, Error> {
    Ok(sqlx::query_as!(
        JobRow,
        r#"SELECT id, action, filter AS "filter: Json", reason, recreate, actor, expected, upto,
                  reached, done, failed, last_fault,
                  state AS "state: BulkState", created_at, ended_at, stopped_by
           FROM bridge.bulk_jobs WHERE state = 'running' ORDER BY id LIMIT 1
             FOR UPDATE SKIP LOCKED"#
    )
    .fetch_optional(db)
    .await?)
}

/// Stores how far a locked job has come.
pub async fn progress(db: &mut PgConnection, job: &JobRow) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.bulk_jobs
         SET reached = $2, done = $3, failed = $4, last_fault = $5, state = $6, stopped_by = $7,
             ended_at = CASE WHEN $6::text = 'running' THEN NULL ELSE now() END
         WHERE id = $1",
        job.id,
        job.reached,
        job.done,
        job.failed,
        job.last_fault,
        job.state as BulkState,
        job.stopped_by
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stops a running job; false if it does not run.
pub async fn stop(db: &mut PgConnection, id: i64, who: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.bulk_jobs SET state = 'stopped', ended_at = now(), stopped_by = $2
         WHERE id = $1 AND state = 'running'",
        id,
        who
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes jobs that ended more than this many seconds ago, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.bulk_jobs WHERE id IN (
             SELECT id FROM bridge.bulk_jobs WHERE ended_at < now() - make_interval(secs => $1)
               LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
