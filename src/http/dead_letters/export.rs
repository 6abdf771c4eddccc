//! `GET /v1/dead-letters/export`: letters as NDJSON.

use super::list::{Filter, wanted};
use crate::{
    app::DeadLetters,
    auth::Caller,
    domain::ErrorCode,
    http::{Problem, layer::responses::OtherShop},
};
use axum::{
    extract::{Query, State as Extract, rejection::QueryRejection},
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};

const NEXT: HeaderName = HeaderName::from_static("x-next-after");

/// Writes open dead letters as one JSON object a line, a page at a time, as `import` takes them.
#[utoipa::path(
    get, path = "/v1/dead-letters/export", tag = "dead letters", security(("key" = [])),
    params(Filter),
    responses(
        (
            status = 200,
            description = "One letter a line, as in the list; the header `x-next-after` has the \
                           `after` of the next page, if there is one",
            body = String, content_type = "application/x-ndjson"
        ),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_export(
    Extract(dead_letters): Extract<DeadLetters>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Problem> {
    let filter = wanted(query, &caller)?;
    let page = dead_letters.dead_letters(&filter).await?;
    let text = page
        .lines()
        .map_err(|error| Problem::new(ErrorCode::Bug, error.to_string()))?;
    let mut answer = ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response();
    if let Some(next) = page.next {
        answer.headers_mut().insert(NEXT, next.into());
    }
    Ok(answer)
}
