//! Pruning: what was settled longer ago than it is kept for.

use crate::{
    app::{Error, Operations},
    storage::{
        catalogue,
        dead_letters::{self, bulk_jobs},
        forms::{activities, submissions},
        intake::sql_events,
        journal, pictures,
        queue::{attempts, links, outbox, processes, rate_permits, subjects, writes_in_flight},
        schema::deferred_indexes,
        stock::{self, shortages},
        sync::{conflicts, decisions, inbox, messages, stage_history, status_changes},
    },
};
use std::time::Duration;

/// Rows removed in one statement.
const BATCH: i64 = 5_000;
/// How long a place in the limit that was asked for is kept, in seconds.
const PERMITS: f64 = 3600.0;
/// How long a process that is dead is kept, in seconds.
const PROCESSES: f64 = 3600.0;

/// How long settled things are kept.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Settled events, and with them their identity.
    pub settled: Duration,
    /// Dead letters, from when they were closed.
    pub letters: Duration,
    /// The lines of orders' lives.
    pub timeline: Duration,
    /// Who did what by hand.
    pub audit: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            settled: days(30),
            letters: days(180),
            timeline: days(365),
            audit: days(400),
        }
    }
}

impl Operations {
    /// Removes a batch of each table of what was settled longer ago than its retention; never a
    /// pending event nor an open letter. How many rows went: none if nothing is left.
    pub async fn prune(&self, retention: &Retention) -> Result<u64, Error> {
        let seconds = |time: Duration| time.as_secs_f64();
        let (settled, letters) = (seconds(retention.settled), seconds(retention.letters));
        let (timeline, audit) = (seconds(retention.timeline), seconds(retention.audit));
        let mut db = self.db.acquire().await?;
        Ok(outbox::prune(&mut db, settled, BATCH).await?
            + sql_events::prune(&mut db, settled, BATCH).await?
            + attempts::prune(&mut db, letters, BATCH).await?
            + bulk_jobs::prune(&mut db, letters, BATCH).await?
            + dead_letters::prune(&mut db, letters, BATCH).await?
            + journal::prune(&mut db, timeline, BATCH).await?
            + rate_permits::prune(&mut db, PERMITS, BATCH).await?
            + journal::prune_audit(&mut db, audit, BATCH).await?
            + inbox::prune(&mut db, settled, BATCH).await?
            + stage_history::prune(&mut db, settled, BATCH).await?
            + status_changes::prune(&mut db, settled, BATCH).await?
            + messages::prune(&mut db, settled, BATCH).await?
            + shortages::prune(&mut db, letters, BATCH).await?
            + stock::forget_receipts(&mut db, timeline, BATCH).await?
            + stock::prune_receipt_events(&mut db, settled, BATCH).await?
            + decisions::prune(&mut db, timeline, BATCH).await?
            + subjects::prune(&mut db, settled, BATCH).await?
            + activities::prune(&mut db, settled, BATCH).await?
            + catalogue::prune_events(&mut db, settled, BATCH).await?
            + pictures::prune_files(&mut db, BATCH).await?
            + submissions::prune(&mut db, settled, BATCH).await?
            + processes::prune(&mut db, PROCESSES, BATCH).await?
            + processes::prune_reloads(&mut db, PROCESSES, BATCH).await?
            + writes_in_flight::prune(&mut db, BATCH).await?
            + links::prune(&mut db, BATCH).await?
            + conflicts::prune(&mut db, letters, BATCH).await?)
    }

    /// Builds the indexes that migrations leave to the running bridge, which takes minutes on a
    /// large database. False if another process builds them just now.
    pub async fn build_indexes(&self) -> Result<bool, Error> {
        Ok(deferred_indexes::build(&self.db).await?)
    }

    /// How many connections the bridge makes at most.
    pub fn connections(&self) -> u32 {
        self.db.options().get_max_connections()
    }
}
