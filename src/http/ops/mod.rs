//! Health, metrics, status, portals and the audit log.

pub(super) mod audit;
pub(super) mod health;
pub(super) mod metrics;
pub(super) mod portals;
pub(super) mod status;
