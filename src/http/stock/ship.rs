//! `POST /v1/reservations/{shop}/{id}/ship`: the goods leave.

use super::{Named, answered, shapes::ShipmentRequest};
use crate::{
    app::stock::Reserved,
    http::{
        Problem, State,
        layer::{self, auth::AnyCaller},
    },
    stock::Shipment,
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
use serde_json::{Value, json};

/// Takes what a reservation holds from the shelf.
///
/// Without `lines`: everything that is left, once however often it is said. Who sends `lines` and
/// may repeat them names the `shipment`: one seen before is answered as then.
#[utoipa::path(
    post, path = "/v1/reservations/{shop}/{id}/ship", tag = "stock", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("id" = String, Path, description = "The shop's id for the reservation, percent-encoded"),
    ),
    request_body = Option<ShipmentRequest>,
    responses(
        (status = 200, description = "Shipped: the reservation as it stands", body = Reserved),
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
            status = 409,
            description = "More than is left, or it is not held any more. Nothing was done",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 422, description = "The request is invalid: every fault with its pointer",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_ship(
    Extract(state): Extract<State>,
    AnyCaller(caller): AnyCaller,
    named: Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Reserved>, Problem> {
    caller.may_change()?;
    let most = state.config.http.max_body_bytes;
    let value: Option<Value> = layer::body::read_optional_json(&headers, body, most).await?;
    let value = value.unwrap_or_else(|| json!({}));
    let shipment = Shipment::read(&value).map_err(Problem::invalid)?;
    answered(
        state
            .app
            .stock
            .ship(&named.shop, &named.id, &shipment)
            .await?,
    )
}
