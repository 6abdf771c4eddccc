//! Answers of failure that many endpoints have, each described once.

use super::auth::{IsOperator, MayChange, MayOperate};
use utoipa::openapi::{Content, Ref, Response};

/// The content type of every [`Problem`](crate::http::Problem).
pub(in crate::http) const PROBLEM_JSON: &str = "application/problem+json";

/// A [`Problem`](crate::http::Problem) as the description of the API shows it.
pub(in crate::http) fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = Response::builder().description(description);
    response.content(PROBLEM_JSON, content).build()
}

/// Says with which failure an extractor refuses, so that the endpoints that take it need not.
macro_rules! describe {
    ($($name:ty = $status:ident $description:literal),* $(,)?) => {$(
        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String, utoipa::openapi::RefOr<utoipa::openapi::Response>
            > {
                let status = axum::http::StatusCode::$status.as_str().to_owned();
                let problem = $crate::http::layer::responses::problem($description);
                std::collections::BTreeMap::from([(status, problem.into())])
            }
        }
    )*};
}
pub(in crate::http) use describe;

/// Where a shop may be named: it is not the caller's.
pub(in crate::http) enum OtherShop {}

/// Where a till is named in the address.
pub(in crate::http) enum NoTillToken {}

describe! {
    MayChange = FORBIDDEN "The key may only look",
    MayOperate = FORBIDDEN "Not a key of the role `operator`",
    IsOperator = FORBIDDEN "Not an operator's key",
    NoTillToken = FORBIDDEN "Not the till's token: nothing is stored",
    OtherShop = NOT_FOUND "Another shop than the caller's",
}
