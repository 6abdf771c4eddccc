//! `PUT /v1/reservations/{shop}/{id}`: the goods of a cart or an order, held whole or not at all.

use super::{Named, answered, shapes::ReservationRequest};
use crate::{
    app::stock::Reserved,
    http::{
        Problem, State,
        layer::{self, auth::AnyCaller},
    },
    stock::Reservation,
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
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
        (
            status = 400, description = "Not JSON", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "The key may only look", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "Another shop than the caller's", body = Problem,
            content_type = "application/problem+json"
        ),
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
    Extract(state): Extract<State>,
    AnyCaller(caller): AnyCaller,
    named: Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Reserved>, Problem> {
    caller.may_change()?;
    let most = state.config.http.max_body_bytes;
    let value: Value = layer::body::read_json(&headers, body, most).await?;
    let wanted = Reservation::read(&value).map_err(Problem::invalid)?;
    let answer = state
        .app
        .stock
        .reserve(&named.shop, &named.id, &wanted)
        .await?;
    answered(answer)
}
