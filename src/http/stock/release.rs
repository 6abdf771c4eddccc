//! `DELETE /v1/reservations/{shop}/{id}`: the goods are free again.

use super::{Named, answered};
use crate::{
    app::{Stock, stock::Reserved},
    http::{Problem, layer::auth::AnyCaller},
};
use axum::{Json, extract::State as Extract};

/// Sets free what a reservation still holds. Once more changes nothing; what was shipped stays
/// shipped.
#[utoipa::path(
    delete, path = "/v1/reservations/{shop}/{id}", tag = "stock", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("id" = String, Path, description = "The shop's id for the reservation, percent-encoded"),
    ),
    responses(
        (status = 200, description = "The reservation as it stands: `released`, or what it was \
                                      before", body = Reserved),
        (
            status = 403, description = "The key may only look", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such reservation of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn delete_reservation(
    Extract(stock): Extract<Stock>,
    AnyCaller(caller): AnyCaller,
    named: Named,
) -> Result<Json<Reserved>, Problem> {
    caller.may_change()?;
    answered(stock.release(&named.shop, &named.id).await?)
}
