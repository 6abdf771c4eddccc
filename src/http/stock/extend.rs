//! `POST /v1/reservations/{shop}/{id}/extend`: the goods are held for longer.

use super::{Changed, Named, answered, shapes::ExtensionRequest};
use crate::{
    app::{Stock, stock::Reserved},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody},
    },
    stock::Extension,
};
use axum::{Json, extract::State as Extract};
use serde_json::Value;

/// Holds a reservation for so long from now.
#[utoipa::path(
    post, path = "/v1/reservations/{shop}/{id}/extend", tag = "stock", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("id" = String, Path, description = "The shop's id for the reservation, percent-encoded"),
    ),
    request_body = ExtensionRequest,
    responses(
        (status = 200, description = "The reservation as it stands", body = Reserved),
        MayChange,
        Named,
        (
            status = 409, description = "It is not held any more", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "The hold cannot be used", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_extend(
    Extract(stock): Extract<Stock>,
    Changed(named): Changed,
    sent: SentBody,
) -> Result<Json<Reserved>, Problem> {
    let value: Value = sent.json().await?;
    let extension = Extension::read(&value).map_err(Problem::invalid)?;
    let answer = stock.extend(&named.shop, &named.id, &extension).await?;
    answered(answer)
}
