//! The use cases: what a store, an operator or a lane can ask of the bridge.
//!
//! Owns: transactions, and the plain sentences of an order's life. Each use case is one transaction and leaves the
//! database in a state that every other use case can go on from. Refuses: being asked by HTTP, and remote calls inside of a transaction. What does not hold
//! after parsing is answered as a value ([`Accepted::Invalid`]), not as an [`Error`]: an error means that the request
//! could not be judged, or that there is nothing to do it to.
//!
//! Invariants: an order has at most one pending event, its newest snapshot; everything accepted ends as done,
//! superseded or dead; every act of a person leaves a row in the audit table.

mod accept;
mod ages;
pub mod applications;
mod audit;
mod backfill;
mod bell;
mod broken;
mod bulk;
mod bury;
mod changes;
mod claim;
mod clocks;
mod compare;
mod conflicts;
mod contacts;
mod dead_letters;
mod directory;
mod feed;
mod forms;
mod halves;
mod heard;
mod identity;
mod import;
mod letter_filter;
pub mod look;
mod low_water;
mod measure;
mod mend;
mod not_customer;
pub mod onec;
mod orders;
mod outdated;
mod permits;
mod published;
mod reconcile;
mod replay;
mod said;
mod sessions;
mod settle;
mod shop_notices;
mod status;
pub mod statuses;
pub mod stock;
mod table;
mod together;
mod who;
mod withdraw;

use crate::{
    bug::{Bug, Step, Trap},
    domain::Faults,
    doors,
    stock::Stock,
    storage::{self, inbox, outbox},
    telemetry::Metrics,
};
use sqlx::PgPool;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

#[cfg(test)]
pub(crate) use crate::decision::tests::sentences as every_decision;
pub use crate::planner::{Because, Card, Evidence, Passed, Recognised, Recognition};
pub use accept::{Accepted, MAX_EVENTS};
pub use audit::{AuditEntry, AuditFilter, AuditPage};
pub use backfill::{Backfill, BackfillStep};
pub use bell::Bell;
pub use bulk::{Bulk, BulkAction, BulkJob, BulkJobs};
pub use changes::{Outbound, Outgoing};
pub use claim::{Claim, Kind};
pub use compare::{Compared, Comparison, Looked, lane_of};
pub use conflicts::{ConflictFilter, ConflictPage, ConflictView};
pub use dead_letters::{
    Attempt, Closed, Letter, LetterCount, LetterCounts, LetterPage, Retried, Retry, WholeLetter,
};
pub use directory::{Directory, TwoWay};
pub use feed::{StatusChange, StatusChanges};
pub use forms::{FormTaken, FormWork, Submission, SubmissionFilter};
pub(crate) use halves::Halves;
pub use heard::{HistoryTaken, Notice};
pub use identity::PortalChange;
pub use import::{FaultyLine, Imports};
pub use letter_filter::{LetterFilter, LetterQuery};
pub use look::{APPLICATION, FROM_SQL, HOUSEKEEPING, JOBS, STOCK};
pub use not_customer::NotCustomer;
pub use orders::{OrderView, TimelineEntry};
pub use permits::{PATIENCE as PERMIT_PATIENCE, permit_bell};
pub use reconcile::{Difference, OrderWithDeal};
pub use sessions::Session;
pub use settle::{Settled, Tries};
pub use shop_notices::ShopNotice;
pub use status::{DeadCount, LaneState, PortalStatus, ShopStatus, StatusReport, Stuck};
pub use table::Planned;

/// The bridge: the pool, what is configured, and the meters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bridge {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    directory: Directory,
    metrics: Metrics,
    bell: Bell,
    intake: together::Queue<Vec<outbox::NewEvent>>,
    applications: OnceLock<(applications::Applications, applications::Known)>,
    clocks: clocks::KnownClocks,
    letterbox: together::Queue<inbox::Notification>,
    reservations: together::Queue<stock::Asked>,
    stocks: OnceLock<Vec<Stock>>,
    low_water: low_water::LowWater,
    wrong_keys: doors::Tries<IpAddr>,
    logins: onec::Logins,
    checks: onec::Checks,
    trap: OnceLock<Trap>,
}

impl Bridge {
    /// A bridge over this database and these shops.
    pub fn new(pool: PgPool, directory: Directory) -> Self {
        let bell = Bell::new(pool.clone());
        Self {
            inner: Arc::new(Inner {
                pool,
                directory,
                metrics: Metrics::default(),
                bell,
                intake: together::Queue::default(),
                applications: OnceLock::new(),
                clocks: clocks::KnownClocks::default(),
                letterbox: together::Queue::default(),
                reservations: together::Queue::default(),
                stocks: OnceLock::new(),
                low_water: low_water::LowWater::default(),
                wrong_keys: doors::Tries::new(20, Duration::from_secs(3)),
                logins: onec::Logins::default(),
                checks: onec::Checks::default(),
                trap: OnceLock::new(),
            }),
        }
    }

    /// What is configured.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The meters.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The connections.
    pub fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    /// Wrong keys that were shown, each by whom.
    pub fn wrong_keys(&self) -> &doors::Tries<IpAddr> {
        &self.inner.wrong_keys
    }

    fn low_water(&self) -> &low_water::LowWater {
        &self.inner.low_water
    }

    fn clocks(&self) -> &clocks::KnownClocks {
        &self.inner.clocks
    }

    /// Has this called before each step with one thing; for tests.
    pub fn set_trap(&self, trap: Trap) {
        let _ = self.inner.trap.set(trap);
    }

    /// A step with one thing begins.
    pub(crate) fn step(&self, step: Step, name: &str) {
        if let Some(trap) = self.inner.trap.get() {
            (trap.0)(step, name);
        }
    }

    /// What wakes the lanes.
    pub fn bell(&self) -> &Bell {
        &self.inner.bell
    }
}

/// Who does something that is put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub String);

impl Actor {
    /// An actor by the name that the audit table shows, e.g. `operator:anna`, `shop:main`, `cli`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

/// Why a use case could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be asked, or refused.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// There is no such thing.
    #[error("there is no open dead letter, order or portal of that name")]
    NotFound,
    /// What was sent along cannot be used.
    #[error("the payload cannot be used: {}", sentence(.0))]
    Invalid(Faults),
    /// A conflict was decided or vanished before.
    #[error("the conflict was decided already, or it vanished by itself")]
    Decided,
    /// The letters are not as many as the person has seen.
    #[error("there are {found} such letters now, not {expected}: nothing was done")]
    Count {
        /// As many as the person has seen.
        expected: i64,
        /// As many as there are.
        found: i64,
    },
    /// The bridge itself failed at it.
    #[error(transparent)]
    Bug(#[from] Bug),
    /// More than one request may carry.
    #[error("{0} events at once: at most {MAX_EVENTS} are taken")]
    TooMany(usize),
    /// Secrets could not be encrypted or read.
    #[error(transparent)]
    Vault(#[from] applications::VaultError),
}

impl Error {
    /// Whether it is the fault of the thing that was worked on, so that it fails the same way for ever.
    pub fn is_of_the_row(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_of_the_row(),
            Self::Bug(_) => true,
            _ => false,
        }
    }

    /// The error with all that lies behind it, in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        text
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// All faults in one line, each with its place.
pub fn sentence(faults: &Faults) -> String {
    let parts: Vec<_> = faults
        .iter()
        .map(|fault| {
            if fault.pointer.is_empty() {
                fault.detail.clone()
            } else {
                format!("{}: {}", fault.pointer, fault.detail)
            }
        })
        .collect();
    parts.join("; ")
}
