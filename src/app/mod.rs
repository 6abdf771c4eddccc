//! The use cases: what a store, an operator or a lane can ask of the bridge.
//!
//! Owns: transactions, and the plain sentences of an order's life. Each use case is one transaction
//! and leaves the database in a state that every other use case can go on from. Refuses: being
//! asked by HTTP, and remote calls inside of a transaction. What does not hold after parsing is
//! answered as a value ([`Accepted::Invalid`]), not as an [`Error`]: an error means that the
//! request could not be judged, or that there is nothing to do it to.
//!
//! Invariants: an order has at most one pending event, its newest snapshot; everything accepted
//! ends as done, superseded or dead; every act of a person leaves a row in the audit table.
//!
//! To add a use case: 1. its room by feature, as a method of that handle; what it may use is what
//! the handle holds. 2. Parse first; what does not hold is a value of its outcome, not an
//! [`Error`]. 3. One transaction: lock in the order that `storage` tells, change, add to the
//! timeline or the audit, commit. 4. No remote call inside. 5. Wake the lane after the commit. 6.
//! Test it by what a caller sees, and with another use case on the same order beside it.

mod bisection;
mod catalogue;
mod dead_letters;
mod delivery;
mod filter_words;
mod forms;
mod intake;
mod lanes;
pub mod onec;
pub mod operations;
mod page;
pub mod portal_access;
mod registry;
pub mod status_map;
pub mod stock;
mod subjects;
mod sync;

use crate::{
    domain::Faults,
    formats::tills::TillSettings,
    process::{
        bug::{Bug, Step, Trap},
        doors,
        telemetry::Metrics,
    },
    stock::StockSettings,
    storage,
};
use lanes::LeasePool;
use sqlx::PgPool;
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

#[cfg(test)]
pub(crate) use crate::decision::tests::sentences as every_decision;
pub use crate::planner::{Because, Card, Evidence, Passed, ProductAction, Recognised, Recognition};
pub use crate::storage::catalogue::{ProductCounts, ProductRow};
pub use crate::storage::{BulkState, ClosedHow};
pub(crate) use bisection::Bisection;
pub use catalogue::{Catalogue, MOST_IN_A_WAVE, PictureAction, PicturePlan, ProductPage};
pub use dead_letters::bulk::{BulkAction, BulkJob, BulkJobs, BulkRequest};
pub use dead_letters::fields::{Field, field, with_fields};
pub use dead_letters::filter::{LetterFilter, LetterQuery};
pub use dead_letters::import::{FaultyLine, ImportReport};
pub use dead_letters::tries::StillTried;
pub use dead_letters::{
    Attempt, Closure, DeadLetter, DeadLetterDetail, DeadLetters, LetterCount, LetterCounts,
    LetterPage, Retry, RetryOutcome,
};
pub use delivery::Delivery;
pub use delivery::claim::{Claim, Kind};
pub use delivery::portal_identity::PortalChange;
pub use delivery::refused_matches::NotCustomer;
pub use delivery::settle::{RetryPolicy, SettleSummary};
pub use forms::{
    ActivityState, ActivityView, FormTaken, Forms, SubjectStep, SubjectWork, Submission,
    SubmissionFilter, Trial,
};
pub use intake::Intake;
pub use intake::accept::{Accepted, MAX_EVENTS};
pub use intake::backfill::{Backfill, BackfillStep};
pub use intake::shop_notices::ShopNotice;
pub use lanes::lane_waker::LaneWaker;
pub use lanes::{
    GivenBack, Incidents, LaneFault, LaneRow, LaneWork, Lanes, Lease, LeaseTerm, News,
    NewsListener, PROCESSES,
};
pub use onec::Onec;
pub use operations::Operations;
pub use operations::audit::{AuditEntry, AuditFilter, AuditPage};
pub use operations::conflicts::{ConflictItem, ConflictItems, Conflicts};
pub use operations::order_list::{OrderFilter, OrderPage, OrderQuery, OrderState, OrderSummary};
pub use operations::overview::{APPLICATION, FROM_SQL, GOODS, HOUSEKEEPING, JOBS, STOCK, TILL};
pub use operations::reloads::ReloadAnswer;
pub use operations::retention::Retention;
pub use operations::sessions::Session;
pub use operations::status::{
    DeadCount, LaneState, PortalStatus, ShopStatus, ShortageCount, StatusReport, StuckTask,
};
pub use operations::{
    order_contents::{OrderContents, OrderCustomer, OrderDelivery, OrderItem},
    order_view::{OrderView, TimelineEntry, ToldStatus, TriedEvent},
};
pub use portal_access::PortalAccess;
pub use portal_access::shared_limit::{PATIENCE as PERMIT_PATIENCE, permit_wake_name};
pub use registry::{Registry, ShopsByPortal, SyncRules, onec_lane_of};
pub use stock::Stock;
pub use sync::Sync;
pub use sync::change_feed::{StatusChange, StatusChanges};
use sync::clock_offsets::ClockOffsets;
pub use sync::compare::{Comparison, ComparisonResult, ScanContext, lane_of};
pub use sync::conflicts::{
    AgreedInput, ConflictFilter, ConflictPage, ConflictView, DecisionInputs, SideInput,
};
pub use sync::level_messages::LevelMessage;
pub use sync::outgoing::{Outgoing, ShopMessage, ShopMessages};
pub use sync::portal_events::{HistoryIngest, HistoryPosition, PortalNotification};
pub use sync::reconcile::{Difference, OrderWithDeal};
pub use sync::status_changes::{OutgoingChange, OutgoingMessage};
pub use sync::table_change::{PlannedChange, PlannedOutcome};

/// The bridge's use cases: one handle a feature. Cheap to clone.
///
/// Whoever is handed one handle can do what that feature can, and nothing else.
#[derive(Debug, Clone)]
pub struct App {
    /// Events become stored orders.
    pub intake: Arc<Intake>,
    /// Due orders are claimed and settled.
    pub delivery: Arc<Delivery>,
    /// Statuses and stages are compared, decided and told.
    pub sync: Arc<Sync>,
    /// Dead letters are listed, retried and discarded.
    pub dead_letters: Arc<DeadLetters>,
    /// Applications are let into portals.
    pub portal_access: Arc<PortalAccess>,
    /// What waits for a person's word: differences of statuses, and shortages.
    pub conflicts: Arc<Conflicts>,
    /// Status, overview, gauges, audit log and sessions.
    pub operations: Arc<Operations>,
    /// Orders are exchanged with 1C bases.
    pub onec: Arc<Onec>,
    /// What can be sold: reservations, levels and their feed.
    pub stock: Arc<Stock>,
    /// What forms of a site post becomes leads or deals; calls, mails and messages are put on
    /// cards.
    pub forms: Arc<Forms>,
    /// Products of shops are kept in step with the portal's catalogue.
    pub catalogue: Arc<Catalogue>,
    /// Lanes are held, paused and resumed.
    pub lanes: Arc<Lanes>,
    shared: Arc<Shared>,
    wrong_keys: Arc<doors::Tries<IpAddr>>,
}

/// What all handles are made from.
#[derive(Debug, Clone)]
struct Shared {
    db: PgPool,
    leases: LeasePool,
    registry: Arc<Registry>,
    metrics: Metrics,
    waker: LaneWaker,
    clocks: ClockOffsets,
    traps: Traps,
}

/// What tests have called before each step with one thing.
#[derive(Debug, Clone, Default)]
struct Traps(Arc<OnceLock<Trap>>);

impl Traps {
    /// A step with one thing begins.
    fn step(&self, step: Step, name: &str) {
        if let Some(trap) = self.0.get() {
            (trap.0)(step, name);
        }
    }
}

impl App {
    /// The use cases over this database and these shops.
    pub fn new(pool: PgPool, registry: Registry) -> Self {
        let registry = Arc::new(registry);
        let shared = Shared {
            waker: LaneWaker::new(pool.clone()),
            leases: LeasePool::new(pool.clone()),
            clocks: ClockOffsets::new(&registry),
            metrics: Metrics::default(),
            traps: Traps::default(),
            db: pool,
            registry,
        };
        let wrong_keys = Arc::new(doors::Tries::new(20, Duration::from_secs(3)));
        Self::over(shared, wrong_keys)
    }

    /// The use cases over the same database, for newer settings: waker, metrics and clocks are the
    /// same. Whoever has the older ones may go on with them beside these, as another process would.
    #[must_use]
    pub fn renewed(&self, mut registry: Registry) -> Self {
        registry.share(&self.shared.registry);
        let registry = Arc::new(registry);
        let shared = Shared {
            clocks: self.shared.clocks.renewed(&registry),
            registry,
            ..Shared::clone(&self.shared)
        };
        Self::over(shared, Arc::clone(&self.wrong_keys))
    }

    fn over(shared: Shared, wrong_keys: Arc<doors::Tries<IpAddr>>) -> Self {
        let stock = Arc::new(Stock::new(&shared));
        let forms = Arc::new(Forms::new(&shared));
        let catalogue = Arc::new(Catalogue::new(&shared, &stock));
        let intake = Arc::new(Intake::new(&shared, (&stock, &forms, &catalogue)));
        let onec = Arc::new(Onec::new(&shared, &intake));
        let dead_letters = Arc::new(DeadLetters::new(&shared, &intake, &forms, &stock, &onec));
        let delivery = Arc::new(Delivery::new(&shared, &intake, &dead_letters));
        let sync = Arc::new(Sync::new(&shared, &intake, &dead_letters));
        Self {
            conflicts: Arc::new(Conflicts::new(&sync, &stock)),
            sync,
            forms,
            catalogue,
            lanes: Arc::new(Lanes::new(&shared)),
            portal_access: Arc::new(PortalAccess::new(&shared)),
            operations: Arc::new(Operations::new(&shared, &intake, &delivery, &onec)),
            onec,
            wrong_keys,
            intake,
            delivery,
            dead_letters,
            stock,
            shared: Arc::new(shared),
        }
    }

    /// Says which applications there are. The first word counts.
    #[must_use]
    pub fn with_applications(self, applications: portal_access::Applications) -> Self {
        self.portal_access.set_applications(applications);
        self
    }

    /// Says which stocks there are. The first word counts.
    #[must_use]
    pub fn with_stocks(self, stocks: Vec<StockSettings>) -> Self {
        self.stock.set_stocks(stocks);
        self
    }

    /// Says which tills there are. The first word counts.
    #[must_use]
    pub fn with_tills(self, tills: Vec<TillSettings>) -> Self {
        self.stock.set_tills(tills);
        self
    }

    /// The configured shops, portals and bases, with the rules of each.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.shared.registry
    }

    /// The metrics of this process, which every use case counts in.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Wrong keys that were shown, each by whom.
    pub fn wrong_keys(&self) -> &Arc<doors::Tries<IpAddr>> {
        &self.wrong_keys
    }

    /// Has this called before each step with one thing; for tests.
    pub fn set_trap(&self, trap: Trap) {
        let _ = self.shared.traps.0.set(trap);
    }

    /// What wakes the lanes.
    pub fn waker(&self) -> &LaneWaker {
        &self.shared.waker
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
    Vault(#[from] portal_access::VaultError),
}

impl Error {
    /// Whether the database is in trouble, and not what it was asked.
    pub fn is_database_away(&self) -> bool {
        matches!(self, Self::Storage(storage::Error::Database(_))) && !self.is_of_the_row()
    }

    /// Whether somebody else has the lane by now.
    pub fn is_lease_lost(&self) -> bool {
        matches!(self, Self::Storage(storage::Error::LeaseLost))
    }

    /// Whether it is the fault of the thing that was worked on, so that it fails the same way for
    /// ever.
    pub fn is_of_the_row(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_of_the_row(),
            Self::Bug(_) => true,
            _ => false,
        }
    }

    /// The error with all that lies behind it, in one line.
    pub fn chain(&self) -> String {
        crate::process::telemetry::chain(self)
    }
}

impl From<storage::Unreadable> for Error {
    fn from(why: storage::Unreadable) -> Self {
        Self::Storage(why.into())
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
