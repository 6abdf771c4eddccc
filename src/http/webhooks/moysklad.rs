//! `POST /webhooks/moysklad/{till}/{token}`: MoySklad tells that documents have changed. A hint.

use crate::{
    domain::{ErrorCode, TillName},
    formats::tills::{MoyskladHint, TillKind},
    http::{Problem, State, layer, request_schemas::MoyskladEvents},
    process::doors,
};
use axum::{
    body::Body,
    extract::{Path, State as Extract, rejection::PathRejection},
    http::HeaderMap,
};
use serde_json::Value;

/// Takes MoySklad's word that documents have changed.
///
/// Only their kinds and ids are taken: what became of them is read from MoySklad's API. The token
/// in the address takes the place of a key.
#[utoipa::path(
    post, path = "/webhooks/moysklad/{till}/{token}", tag = "tills",
    params(
        ("till" = String, Path, description = "The till's name in the configuration"),
        ("token" = String, Path, description = "The till's token"),
    ),
    request_body = MoyskladEvents,
    responses(
        (status = 200, description = "Taken", body = String, content_type = "text/plain"),
        (
            status = 400, description = "Not JSON", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "Not the till's token: nothing is stored", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such till of MoySklad's", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 503, description = "The database is away", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_moysklad(
    Extract(state): Extract<State>,
    address: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<&'static str, Problem> {
    let Path((till, token)) = address.map_err(|_| Problem::not_found())?;
    let name = TillName::parse(&till).map_err(|_| Problem::not_found())?;
    let till = state.config.tills.get(&name);
    let till = till.filter(|till| till.settings.kind == TillKind::Moysklad);
    let till = till.ok_or_else(Problem::not_found)?;
    if !till.has_token(&token) {
        tracing::warn!(till = %name, "somebody without the till's token called at its address");
        let detail = "the address does not end in the till's token";
        return Err(Problem::new(ErrorCode::TillToken, detail));
    }
    doors::known();
    let most = state.config.http.max_body_bytes;
    let body: Value = layer::body::read_json(&headers, body, most).await?;
    let hints = MoyskladHint::read(&body);
    if !hints.is_empty() {
        state.app.stock.take_hints(&name, &hints).await?;
    }
    Ok("ok")
}
