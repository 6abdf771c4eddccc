//! `POST /v1/dead-letters/import`: letters from NDJSON.

use super::{Problem, State, body};
use crate::{app::Imports, config::Caller, domain::Code};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};

/// Takes dead letters as the export writes them. What is there already is left alone; faulty lines are named, the others taken.
#[utoipa::path(
    post, path = "/v1/dead-letters/import", tag = "dead letters", security(("key" = [])),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "What became of the lines", body = Imports),
        (status = 400, description = "Not UTF-8", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not a key of the role `operator`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Too many lines", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn post_import(
    Extract(state): Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imports>, Problem> {
    caller.operates()?;
    let bytes = body::read(&headers, body, state.config.http.max_body_bytes).await?;
    body::room(&bytes).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
    let imports = state.bridge.import_letters(text, &caller.actor()).await?;
    Ok(Json(imports))
}
