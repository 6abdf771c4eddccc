//! `PUT /v1/reservations/{shop}/{id}`: the goods of a cart or an order, held whole or not at all.

use super::{Changed, answered, shapes::ReservationRequest};
use crate::{
    app::{Stock, stock::Reserved},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody, responses::OtherShop},
    },
    stock::Reservation,
};
use axum::{Json, extract::State as Extract};
use serde_json::Value;

/// Reserves all lines or nothing.
///
/// The body says the whole: the same again changes nothing, another changes the reservation by the
/// difference, and what is refused leaves what was held. What was shipped counts towards the
/// quantities. A reservation that was released, has run out or was lost to a shortage is made anew;
/// one that was shipped is answered as it stands, and so is an older `version`.
#[utoipa::path(
    put, path = "/v1/reservations/{shop}/{id}", tag = "stock", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("id" = String, Path, description = "The shop's id for the reservation, percent-encoded"),
    ),
    request_body = ReservationRequest,
    responses(
        (status = 200, description = "Held: the reservation as it stands", body = Reserved),
        MayChange,
        OtherShop,
        (
            status = 409,
            description = "There is not enough: `short` says of what, and where else there is \
                           some. Nothing was done",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 422,
            description = "The request is invalid, or names a product or store that is not known: \
                           every fault with its pointer",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn put_reservation(
    Extract(stock): Extract<Stock>,
    Changed(named): Changed,
    sent: SentBody,
) -> Result<Json<Reserved>, Problem> {
    let value: Value = sent.json().await?;
    let wanted = Reservation::read(&value).map_err(Problem::invalid)?;
    let answer = stock.reserve(&named.shop, &named.id, &wanted).await?;
    answered(answer)
}
