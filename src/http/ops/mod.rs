//! Health, metrics, status, portals, the audit log and the API's description.

pub(super) mod audit;
pub(super) mod health;
pub(super) mod metrics;
pub(super) mod openapi;
pub(super) mod portals;
pub(super) mod status;
