//! Intake: events become stored orders.
//!
//! Owns: reading an event, its identity and age, the outbox, search keys, loaded histories, and
//! what shops publish by SQL. Refuses: calls to a portal. An event is stored before it is
//! acknowledged.
//!
//! To add a way in: turn what comes into events, and hand them to `accept_events`; read each with
//! `event_reader`, so that every way refuses the same things in the same words.

pub(super) mod accept;
pub(super) mod backfill;
pub(super) mod event_age;
pub(super) mod event_reader;
pub(super) mod group_commit;
pub(super) mod receipts;
pub(super) mod search_keys;
pub(super) mod shop_notices;
pub(super) mod sql_events;
pub(super) mod subject_events;

use super::{
    Catalogue, Forms, LaneWaker, Registry, Shared, Stock, Traps, intake::group_commit::CommitQueue,
    sync::clock_offsets::ClockOffsets,
};
use crate::{process::telemetry::Metrics, storage::queue::outbox::NewEvent};
use sqlx::PgPool;
use std::sync::Arc;

/// Events become stored orders. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    db: PgPool,
    registry: Arc<Registry>,
    metrics: Metrics,
    waker: LaneWaker,
    clocks: ClockOffsets,
    traps: Traps,
    commits: Arc<CommitQueue<Vec<NewEvent>>>,
    pub(super) stock: Arc<Stock>,
    forms: Arc<Forms>,
    catalogue: Arc<Catalogue>,
}

impl Intake {
    pub(super) fn new(
        shared: &Shared,
        (stock, forms, catalogue): (&Arc<Stock>, &Arc<Forms>, &Arc<Catalogue>),
    ) -> Self {
        Self {
            db: shared.db.clone(),
            registry: Arc::clone(&shared.registry),
            metrics: shared.metrics.clone(),
            waker: shared.waker.clone(),
            clocks: shared.clocks.clone(),
            traps: shared.traps.clone(),
            commits: Arc::default(),
            stock: Arc::clone(stock),
            forms: Arc::clone(forms),
            catalogue: Arc::clone(catalogue),
        }
    }
}
