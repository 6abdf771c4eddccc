//! `GET /v1/dead-letters/export`: letters as NDJSON.

use super::{
    Problem, State,
    dead_letters::{Filter, wanted},
};
use crate::{config::Caller, domain::Code};
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
        (status = 200, description = "One letter a line, as in the list; the header `x-next-after` has the `after` of the next page, if there is one", body = String, content_type = "application/x-ndjson"),
        (status = 400, description = "A filter that cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Another shop than the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_export(
    Extract(state): Extract<State>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Problem> {
    let filter = wanted(query, &caller)?;
    let page = state.bridge.dead_letters(&filter).await?;
    let text = page
        .lines()
        .map_err(|error| Problem::new(Code::Bug, error.to_string()))?;
    let mut answer = ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response();
    if let Some(next) = page.next {
        answer.headers_mut().insert(NEXT, next.into());
    }
    Ok(answer)
}
