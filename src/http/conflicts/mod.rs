//! `/v1/conflicts`: differences that wait for a person, one file per endpoint.

pub(super) mod get;
pub(super) mod list;
pub(super) mod resolve;
