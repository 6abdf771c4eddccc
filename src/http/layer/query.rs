//! Queries of lists: pages within bounds.

use crate::{domain::ErrorCode, http::Problem};
use axum::extract::{Query, rejection::QueryRejection};

/// The largest page of the lists that people look through.
pub(in crate::http) const LARGEST_PAGE: u32 = 500;

/// A query that cannot be used.
pub(in crate::http) fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::Malformed, detail)
}

/// The query as it was read; what it does not know is refused.
pub(in crate::http) fn read<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    let Query(query) = query.map_err(|no| wrong(no.body_text()))?;
    Ok(query)
}

/// How many to list: 1 to `most`. 0 stands for what is usual, where nothing was said.
pub(in crate::http) fn limit(said: Option<u32>, most: u32) -> Result<u32, Problem> {
    match said {
        None => Ok(0),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(wrong(format!("`limit` is 1 to {most}"))),
    }
}
