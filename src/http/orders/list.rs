//! `GET /v1/orders`: orders by state, shop, status, time and words.

use crate::{
    app::{self, Operations, OrderFilter, OrderPage, OrderQuery},
    auth::Caller,
    http::{
        Problem,
        layer::{
            query::{self, LARGEST_PAGE},
            responses::OtherShop,
        },
    },
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// The query of the list: what is left out does not narrow it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Filter {
    /// Only orders of this shop.
    shop: Option<String>,
    /// Only in this state: `dead`, `on_its_way`, `not_in_sync` or `in_sync`.
    state: Option<String>,
    /// Only with this status of the shop.
    status: Option<String>,
    /// Whose newest event came then or later: RFC 3339, or a date (its midnight in UTC).
    since: Option<String>,
    /// Whose newest event came before then: RFC 3339, or a date (its midnight in UTC).
    until: Option<String>,
    /// A number, a deal's id, a phone number or an e-mail address; or parts of a number, of names,
    /// of an address or of a phone number. At most 200 characters.
    text: Option<String>,
    /// The `next` of the page before.
    before: Option<i64>,
    /// How many: 1 to 500, else 50.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists orders, the newest first: to a shop its own, to an operator all.
#[utoipa::path(
    get, path = "/v1/orders", tag = "shop", security(("key" = [])),
    params(Filter),
    responses(
        (status = 200, description = "A page", body = OrderPage),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_orders(
    Extract(operations): Extract<Operations>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<OrderPage>, Problem> {
    let filter = query::read(query)?;
    let limit = query::limit(filter.limit, LARGEST_PAGE)?;
    let fields = OrderQuery {
        shop: filter.shop,
        state: filter.state,
        status: filter.status,
        since: filter.since,
        until: filter.until,
        text: filter.text,
    };
    let parsed = fields
        .parse()
        .map_err(|faults| query::wrong(app::sentence(&faults)))?;
    let filter = OrderFilter {
        shop: caller.within(parsed.shop)?,
        before: filter.before,
        limit,
        ..parsed
    };
    Ok(Json(operations.list_orders(&filter).await?))
}
