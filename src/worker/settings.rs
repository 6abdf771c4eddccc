//! The lanes that a worker drives, the settings by which it drives them, and the hooks of tests.

use crate::{
    app::{Retention, lane_of, onec_lane_of},
    clients::{callback::Sender, moysklad, onec},
    domain::{BaseName, PortalName, ShopName, TillName},
};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// How many times longer than a poll a lane rests: what comes meanwhile wakes it.
const RESTS: u32 = 150;

/// The lanes that a worker drives.
#[derive(Debug, Clone)]
pub struct Lanes<P> {
    /// The portals, with the client of each.
    pub portals: BTreeMap<PortalName, P>,
    /// How long a write may land at a portal after it was sent, where that is known; else
    /// [`Settings::doubt`].
    pub lands_within: BTreeMap<PortalName, Duration>,
    /// The shops that are called.
    pub callbacks: BTreeMap<ShopName, Sender>,
    /// The tills whose vendor's API is read.
    pub tills: BTreeMap<TillName, moysklad::Client>,
    /// The 1C bases to which orders are pushed.
    pub pushes: BTreeMap<BaseName, onec::Client>,
    /// What the settings of each lane are known by, by the lane's name: the same means that nothing
    /// is different. Whoever brings newer settings names all of them.
    pub fingerprints: BTreeMap<String, [u8; 32]>,
}

impl<P> Lanes<P> {
    /// Those of portals alone.
    pub fn of(portals: BTreeMap<PortalName, P>) -> Self {
        Self {
            portals,
            lands_within: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            tills: BTreeMap::new(),
            pushes: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
        }
    }

    /// The names of all lanes, as they are leased.
    pub(super) fn names(&self) -> Vec<String> {
        let portals = self.portals.keys().map(ToString::to_string);
        let shops = self.callbacks.keys().map(|shop| lane_of(shop.as_str()));
        let bases = self.pushes.keys().map(|base| onec_lane_of(base.as_str()));
        portals.chain(shops).chain(bases).collect()
    }
}

/// How lanes are driven, the same for all of a process. What one lane alone is bound by is its
/// `LaneLimits`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who drives the lanes: unique per process.
    pub owner: String,
    /// How long a lease holds unless renewed; it is renewed every third of this.
    pub lease: Duration,
    /// How often it is looked for lanes that have work of which they were not woken.
    pub poll: Duration,
    /// The most orders of one wave. 192 new ones fill their calls: one looks, four make the
    /// customers, eight make 24 deals each with its rows.
    pub wave: u32,
    /// Tries that the portal judged before an event is dead.
    pub attempts: u32,
    /// The first pause between tries.
    pub backoff: Duration,
    /// The longest pause between tries.
    pub backoff_cap: Duration,
    /// How long a write whose answer was lost may still land: the portal's own limit for a call,
    /// and a margin. Until then an order is sent nothing else, and what must not be made twice is
    /// looked for.
    pub doubt: Duration,
    /// How often a portal that refuses the bridge as a whole is asked again.
    pub probe: Duration,
    /// How long products, or pictures, rest that the portal's rights do not allow.
    pub without_right: Duration,
    /// How often a portal's stage history is read though nothing was heard; where nothing has moved
    /// for days, less often, at least every ten times this.
    pub reconcile: Duration,
    /// How long a stop may wait for the call in flight.
    pub grace: Duration,
    /// How long settled things are kept.
    pub retention: Retention,
    /// How often the housekeeping runs.
    pub housekeeping: Duration,
}

impl Settings {
    /// How long a lane with nothing to do rests, unless it is woken: spread, so that lanes that
    /// began together do not look together.
    pub(super) fn rest(&self) -> Duration {
        self.poll
            .saturating_mul(RESTS)
            .mul_f64(rand::random_range(0.9..1.1))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            owner: uuid::Uuid::now_v7().to_string(),
            lease: Duration::from_secs(15),
            poll: Duration::from_secs(2),
            wave: 192,
            attempts: 5,
            backoff: Duration::from_secs(5),
            backoff_cap: Duration::from_mins(15),
            doubt: Duration::from_secs(75),
            probe: Duration::from_mins(10),
            without_right: Duration::from_hours(1),
            reconcile: Duration::from_secs(30),
            grace: Duration::from_secs(20),
            retention: Retention::default(),
            housekeeping: Duration::from_mins(1),
        }
    }
}

/// What tests watch of a worker; a process that serves has none.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Called at the points where a crash matters.
    pub at: Option<CrashHook>,
}

/// A moment at which a crash must do no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// Orders are claimed, nothing is sent.
    Claimed,
    /// What is about to be written is stored, nothing is sent.
    Intended,
    /// A call that writes was answered, nothing of it is stored.
    Called,
    /// A stage is stored as being written, nothing is sent.
    Decided,
    /// The wave is over, nothing of it is stored.
    BeforeSettle,
    /// The settlement is committed, the lane has not gone on.
    AfterSettle,
}

/// Called at each [`CrashPoint`]; what it returns is awaited, so a test can stop a lane there for
/// ever.
#[derive(Clone)]
pub struct CrashHook(pub Arc<dyn Fn(CrashPoint) -> CrashHookFuture + Send + Sync>);

/// What a [`CrashHook`] does at a point.
pub type CrashHookFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for CrashHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrashHook")
    }
}
