//! The overview: what is wrong now, and how much flows.

pub(super) mod alerts;
pub(super) mod cache;
pub(super) mod flow;
pub(super) mod page;
mod places;
pub(super) mod sse;
