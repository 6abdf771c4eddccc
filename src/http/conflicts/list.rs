//! `GET /v1/conflicts`: differences and shortages that wait for a person.

use crate::{
    app::{ConflictFilter, ConflictItems, Conflicts},
    auth::Caller,
    domain::{OrderNumber, PortalName, ShopName},
    http::{
        Problem,
        layer::{
            query::{self, LARGEST_PAGE, wrong},
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
    /// Only conflicts of this shop.
    shop: Option<String>,
    /// Only conflicts of this portal.
    portal: Option<String>,
    /// Only conflicts of this order.
    number: Option<String>,
    /// Ruled and closed ones, too.
    #[serde(default)]
    closed: bool,
    /// The `next` of the page before.
    after: Option<i64>,
    /// How many: 1 to 500, else 50.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists conflicts, oldest first: to a shop its own, to an operator all.
#[utoipa::path(
    get, path = "/v1/conflicts", tag = "conflicts", security(("key" = [])),
    params(Filter),
    responses(
        (status = 200, description = "A page", body = ConflictItems),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_conflicts(
    Extract(conflicts): Extract<Conflicts>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<ConflictItems>, Problem> {
    let filter = query::read(query)?;
    let limit = query::limit(filter.limit, LARGEST_PAGE)?;
    let mut filter = parse(&filter, limit).map_err(wrong)?;
    filter.shop = caller.within(filter.shop)?;
    Ok(Json(conflicts.list(&filter).await?))
}

fn parse(filter: &Filter, limit: u32) -> Result<ConflictFilter, String> {
    let number = filter
        .number
        .as_deref()
        .map(OrderNumber::parse)
        .transpose()?;
    Ok(ConflictFilter {
        shop: filter.shop.as_deref().map(ShopName::parse).transpose()?,
        portal: filter
            .portal
            .as_deref()
            .map(PortalName::parse)
            .transpose()?,
        number: number.map(|number| number.as_str().to_owned()),
        closed: filter.closed,
        after: filter.after,
        limit,
    })
}
