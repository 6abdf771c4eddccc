//! `GET /v1/dead-letters`: what cannot be delivered.

use crate::{
    app::{self, DeadLetters, LetterFilter, LetterPage, LetterQuery},
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
    /// Only letters of this shop.
    shop: Option<String>,
    /// Only letters of this portal.
    portal: Option<String>,
    /// Only of this code, e.g. `MAP-STATUS`.
    code: Option<String>,
    /// Only letters of this order.
    number: Option<String>,
    /// Last failed then or later: RFC 3339, or a date (its midnight in UTC).
    since: Option<String>,
    /// Last failed before then: RFC 3339, or a date (its midnight in UTC).
    until: Option<String>,
    /// With this text in the message or the payload, in any case: at most 200 characters.
    text: Option<String>,
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
        (status = 200, description = "A page", body = LetterPage),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_dead_letters(
    Extract(dead_letters): Extract<DeadLetters>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<LetterPage>, Problem> {
    let filter = wanted(query, &caller)?;
    Ok(Json(dead_letters.dead_letters(&filter).await?))
}

/// What the query means to this caller: a shop sees its own letters alone.
pub(in crate::http) fn wanted(
    query: Result<Query<Filter>, QueryRejection>,
    caller: &Caller,
) -> Result<LetterFilter, Problem> {
    let filter = query::read(query)?;
    let limit = query::limit(filter.limit, LARGEST_PAGE)?;
    let fields = LetterQuery {
        shop: filter.shop,
        portal: filter.portal,
        code: filter.code,
        number: filter.number,
        since: filter.since,
        until: filter.until,
        text: filter.text,
    };
    let parsed = fields
        .parse()
        .map_err(|faults| query::wrong(app::sentence(&faults)))?;
    Ok(LetterFilter {
        shop: caller.within(parsed.shop)?,
        after: filter.after,
        limit,
        ..parsed
    })
}
