//! `POST /v1/reservations/{shop}/{id}/extend`: the goods are held for longer.

use super::{Named, answered, shapes::ExtensionRequest};
use crate::{
    app::stock::Reserved,
    http::{
        Problem, State,
        layer::{self, auth::AnyCaller},
    },
    stock::Extension,
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
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
        (
            status = 400, description = "Not JSON", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "The key may only look", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such reservation of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
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
    Extract(state): Extract<State>,
    AnyCaller(caller): AnyCaller,
    named: Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Reserved>, Problem> {
    caller.may_change()?;
    let most = state.config.http.max_body_bytes;
    let value: Value = layer::body::read_json(&headers, body, most).await?;
    let extension = Extension::read(&value).map_err(Problem::invalid)?;
    let answer = state
        .app
        .stock
        .extend(&named.shop, &named.id, &extension)
        .await?;
    answered(answer)
}
