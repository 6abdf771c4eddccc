//! `POST /webhooks/moysklad/{till}/{token}`: MoySklad tells that documents have changed. A hint.

use crate::{
    app::Stock,
    config::Config,
    domain::{ErrorCode, TillName},
    formats::tills::{MoyskladHint, TillKind},
    http::{
        Problem,
        layer::{body::SentBody, responses::NoTillToken},
        request_schemas::MoyskladEvents,
    },
    process::doors,
};
use axum::extract::{Path, State as Extract, rejection::PathRejection};
use serde_json::Value;
use std::sync::Arc;

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
        NoTillToken,
        (
            status = 404, description = "No such till of MoySklad's", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_moysklad(
    Extract(stock): Extract<Stock>,
    Extract(config): Extract<Arc<Config>>,
    address: Result<Path<(String, String)>, PathRejection>,
    sent: SentBody,
) -> Result<&'static str, Problem> {
    let Path((till, token)) = address.map_err(|_| Problem::not_found())?;
    let name = TillName::parse(&till).map_err(|_| Problem::not_found())?;
    let till = config.tills.get(&name);
    let till = till.filter(|till| till.settings.kind == TillKind::Moysklad);
    let till = till.ok_or_else(Problem::not_found)?;
    if !till.has_token(&token) {
        tracing::warn!(till = %name, "somebody without the till's token called at its address");
        let detail = "the address does not end in the till's token";
        return Err(Problem::new(ErrorCode::TillToken, detail));
    }
    doors::known();
    let body: Value = sent.json().await?;
    let hints = MoyskladHint::read(&body);
    if !hints.is_empty() {
        stock.take_hints(&name, &hints).await?;
    }
    Ok("ok")
}
