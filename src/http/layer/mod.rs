//! The layer that every request passes: middleware, keys, bodies, paths, queries, and the one table
//! of error to status.

pub(super) mod auth;
pub(super) mod body;
pub(super) mod middleware;
pub(super) mod path;
pub(super) mod patient_stream;
pub(super) mod problem;
pub(super) mod query;
pub(super) mod replaceable;
pub(super) mod responses;
pub(super) mod serve;
