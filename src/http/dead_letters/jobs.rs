//! `/v1/dead-letters/jobs`: many letters at once, in the background.

use crate::{
    app::{self, BulkAction, BulkJob, BulkJobs, DeadLetters, LetterQuery},
    http::{
        Problem,
        layer::{
            auth::{IsOperator, MayOperate},
            body::SentBody,
            path::PathParam,
        },
    },
};
use axum::{Json, extract::State as Extract, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

/// What to do with many letters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewJob {
    /// What is done to each of them: `retry` or `discard`.
    action: BulkAction,
    /// Which letters; at least one field.
    filter: LetterQuery,
    /// How many letters there are, as `counts` has shown: with any other number nothing is done.
    expect: i64,
    /// Why they are let go: needed to discard, 1 to 1,000 characters.
    reason: Option<String>,
    /// To retry: make new deals where the old ones are gone.
    #[serde(default)]
    recreate: bool,
}

/// Starts a job over many letters.
#[utoipa::path(
    post, path = "/v1/dead-letters/jobs", tag = "dead letters", security(("key" = [])),
    request_body = NewJob,
    responses(
        (status = 202, description = "The job is stored and goes on by itself", body = BulkJob),
        MayOperate,
        (
            status = 409, description = "There are not as many letters as expected", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "No usable filter or reason", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_job(
    Extract(dead_letters): Extract<DeadLetters>,
    MayOperate(caller): MayOperate,
    sent: SentBody,
) -> Result<(StatusCode, Json<BulkJob>), Problem> {
    let new: NewJob = sent.json().await?;
    let bulk = app::BulkRequest {
        action: new.action,
        filter: new.filter.parse().map_err(Problem::invalid)?,
        expect: new.expect,
        reason: new.reason,
        recreate: new.recreate,
    };
    let job = dead_letters.start_bulk(&bulk, &caller.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// Lists jobs over many letters, the newest first.
#[utoipa::path(
    get, path = "/v1/dead-letters/jobs", tag = "dead letters", security(("key" = [])),
    responses(
        (status = 200, description = "The jobs", body = BulkJobs),
        IsOperator,
    )
)]
pub(in crate::http) async fn get_jobs(
    Extract(dead_letters): Extract<DeadLetters>,
    _: IsOperator,
) -> Result<Json<BulkJobs>, Problem> {
    Ok(Json(dead_letters.bulk_jobs().await?))
}

/// Tells how far a job is.
#[utoipa::path(
    get, path = "/v1/dead-letters/jobs/{id}", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = BulkJob),
        IsOperator,
        (
            status = 404, description = "No such job", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_job(
    Extract(dead_letters): Extract<DeadLetters>,
    _: IsOperator,
    PathParam(id): PathParam,
) -> Result<Json<BulkJob>, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    let job = dead_letters.bulk_job(id).await?;
    job.map(Json).ok_or_else(Problem::not_found)
}

/// Stops a running job; what it has done stays done.
#[utoipa::path(
    post, path = "/v1/dead-letters/jobs/{id}/stop", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The job")),
    responses(
        (status = 200, description = "The job is stopped", body = BulkJob),
        MayOperate,
        (
            status = 404, description = "No such running job", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_stop(
    Extract(dead_letters): Extract<DeadLetters>,
    MayOperate(caller): MayOperate,
    PathParam(id): PathParam,
) -> Result<Json<BulkJob>, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    Ok(Json(dead_letters.stop_bulk(id, &caller.actor()).await?))
}
