//! Operations: what people and monitors ask of the bridge as a whole.
//!
//! Owns: status, overview, gauges, lists of orders, one order's life, the audit log and the
//! operators' sessions. Nothing here changes an order.

pub(super) mod audit;
pub(super) mod conflicts;
pub(super) mod gauges;
mod last_hour;
pub(super) mod order_contents;
pub(super) mod order_list;
mod order_search;
pub(super) mod order_view;
pub mod overview;
pub(super) mod reloads;
pub mod retention;
pub(super) mod sessions;
pub(super) mod status;

use super::{Delivery, Intake, LaneWaker, Onec, Registry, Shared};
use crate::process::telemetry::Metrics;
use sqlx::PgPool;
use std::sync::Arc;

/// Status, overview, gauges, audit log and sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Operations {
    db: PgPool,
    registry: Arc<Registry>,
    metrics: Metrics,
    waker: LaneWaker,
    intake: Arc<Intake>,
    delivery: Arc<Delivery>,
    onec: Arc<Onec>,
    settled: Arc<last_hour::SettledMinutes>,
}

impl Operations {
    pub(super) fn new(
        shared: &Shared,
        intake: &Arc<Intake>,
        delivery: &Arc<Delivery>,
        onec: &Arc<Onec>,
    ) -> Self {
        Self {
            db: shared.db.clone(),
            registry: Arc::clone(&shared.registry),
            metrics: shared.metrics.clone(),
            waker: shared.waker.clone(),
            intake: Arc::clone(intake),
            delivery: Arc::clone(delivery),
            onec: Arc::clone(onec),
            settled: Arc::default(),
        }
    }
}
