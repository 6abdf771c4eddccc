//! `GET /v1/reservations/{shop}/{id}`: a reservation as it stands.

use super::{Named, answered};
use crate::{
    app::{Stock, stock::Reserved},
    http::Problem,
};
use axum::{Json, extract::State as Extract};

/// Tells how a reservation stands; one that has run out is `expired`.
#[utoipa::path(
    get, path = "/v1/reservations/{shop}/{id}", tag = "stock", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("id" = String, Path, description = "The shop's id for the reservation, percent-encoded"),
    ),
    responses(
        (status = 200, description = "The reservation", body = Reserved),
        Named,
    )
)]
pub(in crate::http) async fn get_reservation(
    Extract(stock): Extract<Stock>,
    named: Named,
) -> Result<Json<Reserved>, Problem> {
    answered(stock.reservation(&named.shop, &named.id).await?)
}
