//! `POST /v1/dead-letters/import`: letters from NDJSON.

use crate::{
    app::ImportReport,
    auth::Caller,
    domain::ErrorCode,
    http::{Problem, State, layer},
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};

/// Takes dead letters as the export writes them. What is there already is left alone; faulty lines
/// are named, the others taken.
#[utoipa::path(
    post, path = "/v1/dead-letters/import", tag = "dead letters", security(("key" = [])),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, description = "What became of the lines", body = ImportReport),
        (
            status = 400, description = "Not UTF-8", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "Not a key of the role `operator`", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "Too many lines", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_import(
    Extract(state): Extract<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ImportReport>, Problem> {
    caller.operates()?;
    let bytes = layer::body::read(&headers, body, state.config.http.max_body_bytes).await?;
    layer::body::room(&bytes).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Problem::new(ErrorCode::Malformed, error.to_string()))?;
    let imports = state
        .app
        .dead_letters
        .import_letters(text, &caller.actor())
        .await?;
    Ok(Json(imports))
}
