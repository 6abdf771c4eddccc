//! Delivery: due orders are claimed for the planner, and settled when the portal has answered.
//!
//! Owns: claims, settlements, writes in flight, and which account stands behind a portal's name.
//! Everything is fenced by the lane's lease. Refuses: calls to a portal; the worker makes them
//! between the transactions.

pub(super) mod claim;
pub(super) mod claim_cursor;
pub(super) mod customer_matches;
pub(super) mod dead_letter;
pub(super) mod portal_identity;
pub(super) mod refused_matches;
pub(super) mod settle;

use super::{
    DeadLetters, Intake, LaneWaker, Registry, Shared, Traps, sync::clock_offsets::ClockOffsets,
};
use crate::process::{bug::Step, telemetry::Metrics};
use claim_cursor::ClaimCursor;
use sqlx::PgPool;
use std::sync::Arc;

/// Due orders are claimed and settled. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery {
    db: PgPool,
    waker: LaneWaker,
    registry: Arc<Registry>,
    metrics: Metrics,
    clocks: ClockOffsets,
    traps: Traps,
    cursor: Arc<ClaimCursor>,
    intake: Arc<Intake>,
    dead_letters: Arc<DeadLetters>,
}

impl Delivery {
    /// A step with one order begins.
    pub(crate) fn step(&self, step: Step, order: &str) {
        self.traps.step(step, order);
    }

    pub(super) fn new(
        shared: &Shared,
        intake: &Arc<Intake>,
        dead_letters: &Arc<DeadLetters>,
    ) -> Self {
        Self {
            db: shared.db.clone(),
            waker: shared.waker.clone(),
            registry: Arc::clone(&shared.registry),
            metrics: shared.metrics.clone(),
            clocks: shared.clocks.clone(),
            traps: shared.traps.clone(),
            cursor: Arc::default(),
            intake: Arc::clone(intake),
            dead_letters: Arc::clone(dead_letters),
        }
    }
}
