//! `DELETE /v1/reservations/{shop}/{id}`: the goods are free again.

use super::{Changed, Named, answered};
use crate::{
    app::{Stock, stock::Reserved},
    http::{Problem, layer::auth::MayChange},
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
        MayChange,
        Named,
    )
)]
pub(in crate::http) async fn delete_reservation(
    Extract(stock): Extract<Stock>,
    Changed(named): Changed,
) -> Result<Json<Reserved>, Problem> {
    answered(stock.release(&named.shop, &named.id).await?)
}
