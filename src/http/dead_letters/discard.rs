//! `POST /v1/dead-letters/{id}/discard`: let it go.

use super::get;
use crate::{
    app::DeadLetters,
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody, path::PathParam},
    },
};
use axum::{Json, extract::State as Extract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a letter is let go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Discard {
    /// 1 to 1,000 characters, put on record.
    #[serde(default)]
    reason: String,
}

/// What a discard came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscardOutcome)]
pub(in crate::http) struct Outcome {
    /// Always `discarded`: whatever else happens is a problem.
    result: &'static str,
}

/// Lets a dead letter go, for a reason that is put on record.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/discard", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The letter")),
    request_body = Discard,
    responses(
        (status = 200, description = "The letter is closed", body = Outcome),
        MayChange,
        (
            status = 404, description = "No such open letter of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "No usable reason", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_discard(
    Extract(dead_letters): Extract<DeadLetters>,
    MayChange(caller): MayChange,
    PathParam(id): PathParam,
    sent: SentBody,
) -> Result<Json<Outcome>, Problem> {
    let letter = get::find(&dead_letters, &caller, &id).await?;
    let discard: Discard = sent.json().await?;
    dead_letters
        .discard(letter.id, &caller.actor(), &discard.reason)
        .await?;
    Ok(Json(Outcome {
        result: "discarded",
    }))
}
