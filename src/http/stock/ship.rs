//! `POST /v1/reservations/{shop}/{id}/ship`: the goods leave.

use super::{Changed, Named, answered, shapes::ShipmentRequest};
use crate::{
    app::{Stock, stock::Reserved},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody},
    },
    stock::Shipment,
};
use axum::{Json, extract::State as Extract};
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
        MayChange,
        Named,
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
    Extract(stock): Extract<Stock>,
    Changed(named): Changed,
    sent: SentBody,
) -> Result<Json<Reserved>, Problem> {
    let value: Option<Value> = sent.optional_json().await?;
    let value = value.unwrap_or_else(|| json!({}));
    let shipment = Shipment::read(&value).map_err(Problem::invalid)?;
    answered(stock.ship(&named.shop, &named.id, &shipment).await?)
}
