//! Queries, bounded.

use super::Problem;
use crate::domain::Code;
use axum::extract::{Query, rejection::QueryRejection};

/// What the query says.
pub(super) fn read<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    let Query(read) = query.map_err(|no| wrong(no.body_text()))?;
    Ok(read)
}

/// A query that cannot be used.
pub(super) fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Malformed, detail)
}

/// How many things a page is to hold; 0, where none is named, stands for the usual number.
pub(super) fn limit(named: Option<u32>, most: u32) -> Result<u32, Problem> {
    match named {
        Some(limit) if limit == 0 || limit > most => Err(wrong(format!("`limit` is 1 to {most}"))),
        named => Ok(named.unwrap_or(0)),
    }
}
