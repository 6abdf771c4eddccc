//! `POST /webhooks/evotor/{till}`: what Evotor's cloud calls with, also with its own paths behind.

use crate::{
    app::Intake,
    config::{Config, Till},
    domain::{ErrorCode, TillName},
    formats::tills::{EvotorReceipts, TillKind},
    http::{
        Problem,
        layer::{
            body::{self, SentBody},
            path::PathParam,
            responses::NoTillToken,
        },
        request_schemas::EvotorBody,
    },
    process::doors,
};
use axum::{
    Json,
    extract::{Path, State as Extract, rejection::PathRejection},
    http::{HeaderMap, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// The address with a path of Evotor's own behind it.
pub(in crate::http) const BELOW: &str = "/webhooks/evotor/{till}/{*path}";

/// What became of what Evotor sent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvotorTaken {
    /// One for each receipt, in their order.
    pub receipts: Vec<EvotorReceipt>,
    /// How many documents were no receipts.
    pub ignored: usize,
}

/// What became of one receipt.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EvotorReceipt {
    /// The receipt's id at Evotor; null where its document has none.
    pub receipt: Option<String>,
    /// `queued`, `duplicate`, `conflict`, or `dead`: it waits as a dead letter.
    pub result: &'static str,
}

/// Takes receipts from Evotor's cloud.
///
/// `ReceiptCreated` of the newer cloud; lists of receipts and of documents of the older one, which
/// puts its own paths behind this address and also calls by PUT; and documents in a
/// `DocumentEvent`. The token of the till is shown as a key, or the body is signed with it
/// (HMAC-SHA256, or HMAC-SHA1 behind `sha1=`, in a header whose name ends in `signature`). A
/// receipt that cannot be used becomes a dead letter.
#[utoipa::path(
    post, path = "/webhooks/evotor/{till}", tag = "tills", security(("key" = [])),
    params(("till" = String, Path, description = "The till's name in the configuration")),
    request_body = EvotorBody,
    responses(
        (status = 200, description = "Taken", body = EvotorTaken),
        NoTillToken,
        (
            status = 404, description = "No such till of Evotor's", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_evotor(
    Extract(intake): Extract<Intake>,
    Extract(config): Extract<Arc<Config>>,
    PathParam(till): PathParam,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<Json<EvotorTaken>, Problem> {
    take((&intake, &config), (&till, ""), &headers, sent).await
}

/// The same at a path of Evotor's own.
pub(in crate::http) async fn below(
    Extract(intake): Extract<Intake>,
    Extract(config): Extract<Arc<Config>>,
    address: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<Json<EvotorTaken>, Problem> {
    let Path((till, path)) = address.map_err(|_| Problem::not_found())?;
    take((&intake, &config), (&till, &path), &headers, sent).await
}

async fn take(
    (intake, config): (&Intake, &Config),
    (till, path): (&str, &str),
    headers: &HeaderMap,
    sent: SentBody,
) -> Result<Json<EvotorTaken>, Problem> {
    let name = TillName::parse(till).map_err(|_| Problem::not_found())?;
    let till = config.tills.get(&name);
    let till = till.filter(|till| till.settings.kind == TillKind::Evotor);
    let till = till.ok_or_else(Problem::not_found)?;
    let bytes = sent.bytes().await?;
    if !shows_token(till, headers) && !is_signed(till, headers, &bytes) {
        tracing::warn!(till = %name, "somebody without the till's token called at its address");
        let detail = "neither the till's token nor a signature made with it is shown";
        return Err(Problem::new(ErrorCode::TillToken, detail));
    }
    doors::known();
    let body: Value = body::json(&bytes).await?;
    let read = EvotorReceipts::read(&name, path, &body);
    if !read.unknown.is_empty() {
        let types = read.unknown.join(", ");
        tracing::warn!(till = %name, types, "documents of no known type were left alone");
    }
    let words = intake.take_receipts(&name, &read.events).await?;
    let told = |event: &Value| Some(event.pointer("/data/receipt")?.as_str()?.to_owned());
    let receipts = read.events.iter().zip(words);
    Ok(Json(EvotorTaken {
        receipts: receipts
            .map(|(event, result)| EvotorReceipt {
                receipt: told(event),
                result,
            })
            .collect(),
        ignored: read.ignored,
    }))
}

/// Whether the token stands in `Authorization`: as a key, or as a password.
fn shows_token(till: &Till, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION);
    let Some(shown) = shown.and_then(|shown| shown.to_str().ok()) else {
        return false;
    };
    let (scheme, told) = shown.split_once(' ').unwrap_or(("", shown));
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(told.trim()).unwrap_or_default();
        let pair = String::from_utf8(pair).unwrap_or_default();
        return pair
            .split_once(':')
            .is_some_and(|(_, key)| till.has_token(key));
    }
    till.has_token(told.trim())
}

/// Whether a header whose name ends in `signature` holds one of the body.
fn is_signed(till: &Till, headers: &HeaderMap, body: &[u8]) -> bool {
    let signatures = headers
        .iter()
        .filter(|(name, _)| name.as_str().ends_with("signature"));
    let mut told = signatures.filter_map(|(_, value)| value.to_str().ok());
    told.any(|told| till.has_signed(body, told))
}
