//! `/v1/dead-letters`: dead letters, one file per endpoint.

pub(super) mod counts;
pub(super) mod discard;
pub(super) mod export;
pub(super) mod get;
pub(super) mod import;
pub(super) mod jobs;
pub(super) mod list;
pub(super) mod retry;
