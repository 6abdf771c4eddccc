//! The one variable segment of a path.

use crate::http::{Problem, State};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

/// The segment, percent-decoded. One that is no text names nothing.
pub(in crate::http) struct PathParam(pub(in crate::http) String);

impl FromRequestParts<State> for PathParam {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        segment
            .map(|Path(text)| Self(text))
            .map_err(|_| Problem::not_found())
    }
}
