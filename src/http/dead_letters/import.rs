//! `POST /v1/dead-letters/import`: letters from NDJSON.

use crate::{
    app::{DeadLetters, ImportReport},
    domain::ErrorCode,
    http::{
        Problem,
        layer::{
            auth::MayOperate,
            body::{self, SentBody},
        },
    },
};
use axum::{Json, extract::State as Extract};

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
        MayOperate,
        (
            status = 422, description = "Too many lines", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_import(
    Extract(dead_letters): Extract<DeadLetters>,
    MayOperate(caller): MayOperate,
    sent: SentBody,
) -> Result<Json<ImportReport>, Problem> {
    let bytes = sent.bytes().await?;
    body::room(&bytes).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Problem::new(ErrorCode::Malformed, error.to_string()))?;
    let imports = dead_letters.import_letters(text, &caller.actor()).await?;
    Ok(Json(imports))
}
