//! `GET /v1/dead-letters`: what cannot be delivered.

use super::{Problem, State};
use crate::{
    app::{LetterFilter, LetterPage},
    config::Caller,
    domain::{Code, OrderNumber, PortalName, ShopName},
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

const LARGEST_PAGE: u32 = 500;

/// Which letters to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only of this shop.
    shop: Option<String>,
    /// Only of this portal.
    portal: Option<String>,
    /// Only of this code, e.g. `MAP-STATUS`.
    code: Option<String>,
    /// Only of this order.
    number: Option<String>,
    /// The `next` of the page before.
    after: Option<i64>,
    /// How many: 1 to 500, else 50.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists open dead letters, oldest first: to a shop its own, to an operator all.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "dead letters", security(("key" = [])),
    params(Filter),
    responses(
        (status = 200, description = "A page: `items` (id, shop, portal, number, code, message, remedy, attempts, first_failed_at, last_failed_at, payload) and `next`", body = Object),
        (status = 400, description = "A filter that cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Another shop than the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_dead_letters(
    Extract(state): Extract<State>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<LetterPage>, Problem> {
    let Query(filter) = query.map_err(|no| wrong(no.body_text()))?;
    let mut filter = parse(&filter).map_err(wrong)?;
    if let Some(own) = caller.only() {
        if filter.shop.as_ref().is_some_and(|shop| shop != own) {
            return Err(Problem::not_found());
        }
        filter.shop = Some(own.clone());
    }
    Ok(Json(state.bridge.dead_letters(&filter).await?))
}

fn wrong(detail: String) -> Problem {
    Problem::new(Code::Malformed, detail)
}

fn parse(filter: &Filter) -> Result<LetterFilter, String> {
    let code = |text: &str| Code::parse(text).ok_or_else(|| format!("there is no code `{text}`"));
    let limit = filter.limit.unwrap_or(0);
    if filter.limit == Some(0) || limit > LARGEST_PAGE {
        return Err(format!("`limit` is 1 to {LARGEST_PAGE}"));
    }
    let number = filter
        .number
        .as_deref()
        .map(OrderNumber::parse)
        .transpose()?;
    Ok(LetterFilter {
        shop: filter.shop.as_deref().map(ShopName::parse).transpose()?,
        portal: filter
            .portal
            .as_deref()
            .map(PortalName::parse)
            .transpose()?,
        code: filter.code.as_deref().map(code).transpose()?,
        number: number.map(|number| number.as_str().to_owned()),
        after: filter.after,
        limit,
    })
}
