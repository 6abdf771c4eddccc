//! Sync: statuses of shops and stages of portals are compared, and what was decided is recorded and
//! sent.
//!
//! Owns: comparisons, decisions, conflicts, status changes for shops, the portals' notifications
//! and stage history, and the offsets of clocks. Refuses: calls to a portal or a shop; `decision`
//! decides, the worker sends.

pub(super) mod change_feed;
pub(super) mod clock_offsets;
pub(super) mod compare;
pub(super) mod conflicts;
pub(super) mod level_messages;
pub(super) mod order;
pub(super) mod outgoing;
pub(super) mod portal_events;
pub(super) mod reconcile;
pub(super) mod status_changes;
pub(super) mod table_change;
pub(super) mod withdrawal;

use super::{
    DeadLetters, Intake, LaneWaker, Registry, Shared, Traps, intake::group_commit::CommitQueue,
    sync::clock_offsets::ClockOffsets,
};
use crate::{process::telemetry::Metrics, storage::sync::inbox::Notification};
use sqlx::PgPool;
use std::sync::Arc;

/// Statuses of shops and stages of portals are compared, decided and told. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sync {
    db: PgPool,
    traps: Traps,
    registry: Arc<Registry>,
    metrics: Metrics,
    waker: LaneWaker,
    clocks: ClockOffsets,
    intake: Arc<Intake>,
    dead_letters: Arc<DeadLetters>,
    inbox: Arc<CommitQueue<Notification>>,
}

impl Sync {
    pub(super) fn new(
        shared: &Shared,
        intake: &Arc<Intake>,
        dead_letters: &Arc<DeadLetters>,
    ) -> Self {
        Self {
            db: shared.db.clone(),
            traps: shared.traps.clone(),
            registry: Arc::clone(&shared.registry),
            metrics: shared.metrics.clone(),
            waker: shared.waker.clone(),
            clocks: shared.clocks.clone(),
            intake: Arc::clone(intake),
            dead_letters: Arc::clone(dead_letters),
            inbox: Arc::default(),
        }
    }
}
