//! The leases of a process: taken together and renewed together, so that a thousand idle lanes cost
//! a few statements and not a thousand.
//!
//! A neighbour costs no lane its lease: a row that somebody has locked is passed over, and renewed
//! by a statement of its own.

use super::{
    lease::{HeldLease, LaneLimits},
    share::{KnownLanes, Place},
};
use crate::{
    app::{App, Lease, LeaseTerm, PROCESSES},
    worker::{Hooks, Settings},
};
use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Lanes that ask within this time are taken in one statement.
const TOGETHER: Duration = Duration::from_millis(5);
/// The most lanes of one statement, and the most that are let go at a time.
const AT_ONCE: usize = 500;
/// How far apart the first turns of lanes are that are taken together, on the average.
const STEP: Duration = Duration::from_millis(20);
/// The most statements for single lanes at a time.
const ALONE: usize = 8;
/// The most lanes that begin, or are given back, at a time: the others wait in little memory, and
/// leave the connections to the database to whoever works, and to leases that are renewed.
const BEGIN: usize = 8;
/// How long a lane waits at most until it is its turn to be given back.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The leases of a process. Cheap to clone.
#[derive(Clone)]
pub(in crate::worker) struct Leases {
    app: App,
    settings: Arc<Settings>,
    hooks: Hooks,
    stop: CancellationToken,
    state: Arc<Mutex<State>>,
    beginning: Arc<Semaphore>,
    /// Rung when a lane is wanted, when one that is wanted may be free, and when more may be taken.
    asked: Arc<Notify>,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<String, WantedLane>,
    held: BTreeMap<String, HeldLease>,
    known: KnownLanes,
    /// This process among those that share the lanes; none until that is known for the first time.
    place: Option<Place>,
}

/// A lane that waits for its lease.
struct WantedLane {
    limits: LaneLimits,
    stop: CancellationToken,
    taken: oneshot::Sender<TakenLease>,
}

/// A lease is renewed, and counts among those of this process, as long as this lives.
pub(in crate::worker) struct TakenLease {
    held: HeldLease,
    state: Arc<Mutex<State>>,
}

impl TakenLease {
    pub(super) fn held(&self) -> &HeldLease {
        &self.held
    }
}

impl Drop for TakenLease {
    fn drop(&mut self) {
        self.state.lock().held.remove(self.held.lane());
    }
}

impl Leases {
    pub(in crate::worker) fn new(
        app: App,
        settings: Settings,
        hooks: Hooks,
        stop: CancellationToken,
    ) -> Self {
        Self {
            app,
            settings: Arc::new(settings),
            hooks,
            stop,
            state: Arc::default(),
            beginning: Arc::new(Semaphore::new(BEGIN)),
            asked: Arc::default(),
        }
    }

    /// Says which lanes this process knows: it shares them with those that know the same.
    pub(in crate::worker) fn know(&self, lanes: Vec<String>) {
        self.state.lock().known = KnownLanes::new(lanes);
        self.app.waker().subscribe(PROCESSES).notify_one();
    }

    /// Takes the lane as soon as it is free, and this process's to take; `None` once told to stop.
    /// A wake-up says that it may be free now.
    pub(in crate::worker) async fn take(
        &self,
        (lane, limits): (&str, LaneLimits),
        wake_up: &Notify,
        stop: &CancellationToken,
    ) -> Option<TakenLease> {
        let (taken, mut receiver) = oneshot::channel();
        let wanted = WantedLane {
            limits,
            stop: stop.clone(),
            taken,
        };
        self.state.lock().wanted.insert(lane.to_owned(), wanted);
        self.asked.notify_one();
        loop {
            tokio::select! {
                biased;
                taken = &mut receiver => return taken.ok(),
                () = stop.cancelled() => return None,
                () = wake_up.notified() => self.asked.notify_one(),
            }
        }
    }

    /// Does the work while the lease is kept, and gives the lane back. Once told to stop, what is
    /// in flight has the grace.
    pub(in crate::worker) async fn while_held(
        &self,
        // Ends with this task, so that an aborted lane does not keep its lease.
        taken: TakenLease,
        work: impl Future<Output = ()>,
    ) {
        let held = taken.held.clone();
        tokio::select! {
            () = work => {}
            () = held.grace_over() => {
                tracing::warn!(lane = held.lane(), "stopped in the middle of a call");
            }
        }
        drop(taken);
        if held.is_lost() {
            self.app.metrics().lease(held.lane(), "lost");
        }
        // Thousands are given back together when a process ends.
        let turn = tokio::time::timeout(LONGEST_WAIT, self.begin());
        let _turn = turn.await;
        Box::pin(release(&self.app, held.lease())).await;
    }

    /// The lanes that this process holds.
    pub(in crate::worker) fn lanes(&self) -> BTreeSet<String> {
        self.state.lock().held.keys().cloned().collect()
    }

    /// What lanes take in turn when they begin, and when they are given back.
    pub(in crate::worker) fn beginning(&self) -> Arc<Semaphore> {
        Arc::clone(&self.beginning)
    }

    /// Waits until it is this lane's turn to begin, or to be given back.
    pub(super) async fn begin(&self) -> Option<SemaphorePermit<'_>> {
        self.beginning.acquire().await.ok()
    }

    /// How long a lane that was just taken waits for its first turn, unless it is woken: lanes that
    /// are taken together begin one after the other.
    pub(in crate::worker) fn spread(&self) -> Duration {
        let held = self.state.lock().held.len();
        STEP.saturating_mul(u32::try_from(held).unwrap_or(u32::MAX))
            .mul_f64(rand::random_range(0.0..1.0))
    }

    /// Takes what is wanted, renews what is held, and lets go of what is another's share. Never
    /// ends.
    pub(in crate::worker) async fn keep(self) {
        tokio::join!(
            self.keep_attending(),
            self.keep_taking(),
            self.keep_renewing()
        );
    }

    /// Says again and again that this process is alive, until it is told to stop: then the others
    /// take what it gives back.
    async fn keep_attending(&self) {
        let news = self.app.waker().subscribe(PROCESSES);
        let third = self.settings.lease / 3;
        while !self.stop.is_cancelled() {
            // Else the neighbours take this process for dead, and it still has its leases.
            let _ = tokio::time::timeout(third, self.attend()).await;
            tokio::select! {
                () = tokio::time::sleep(third) => {}
                () = news.notified() => {}
                () = self.stop.cancelled() => {}
            }
        }
        let left = self.app.lanes.leave(&self.settings.owner);
        let _ = tokio::time::timeout(third, left).await;
    }

    async fn attend(&self) {
        let known = self.state.lock().known.fingerprint().to_owned();
        let (owner, seconds) = (&self.settings.owner, self.settings.lease.as_secs_f64());
        let alive = match self.app.lanes.attend(owner, &known, seconds).await {
            Ok(alive) => alive,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "which processes share the lanes is not known now");
                return;
            }
        };
        let Some(place) = Place::of(owner, &alive) else {
            return;
        };
        let (moved, surplus) = {
            let mut state = self.state.lock();
            let moved = state.place.replace(place) != Some(place);
            (moved, state.surplus())
        };
        if moved {
            let processes = alive.len();
            tracing::info!(processes, "the lanes are shared evenly among the processes");
            self.asked.notify_one();
        }
        for held in surplus {
            held.let_go();
        }
    }

    async fn keep_taking(&self) {
        loop {
            if self.state.lock().wishes().is_empty() {
                self.asked.notified().await;
            } else {
                let asked = self.asked.notified();
                let _ = tokio::time::timeout(self.settings.poll, asked).await;
            }
            tokio::time::sleep(TOGETHER).await;
            let wishes = {
                let mut state = self.state.lock();
                state.wanted.retain(|_, wanted| !wanted.taken.is_closed());
                state.wishes()
            };
            for (lanes, mut most) in wishes {
                for lanes in lanes.chunks(AT_ONCE) {
                    if most > 0 {
                        most -= self.take_some(lanes, most).await.min(most);
                    }
                }
            }
        }
    }

    /// Takes so many of these lanes at most: how many it was.
    async fn take_some(&self, lanes: &[String], most: usize) -> usize {
        let asked = Instant::now();
        let (owner, seconds) = (&self.settings.owner, self.settings.lease.as_secs_f64());
        let taken = match self.app.lanes.acquire(lanes, most, owner, seconds).await {
            Ok(taken) => taken,
            Err(error) => {
                let (lanes, error) = (lanes.len(), error.chain());
                tracing::warn!(lanes, %error, "no lane can be taken: the database does not answer");
                return 0;
            }
        };
        let count = taken.len();
        for lease in taken {
            self.app.metrics().lease(&lease.portal, "taken");
            if !self.hand_over(lease.clone(), asked) {
                release(&self.app, &lease).await;
            }
        }
        count
    }

    /// Gives a lease to the lane that waits for it; false if none does any more.
    fn hand_over(&self, lease: Lease, asked: Instant) -> bool {
        let mut state = self.state.lock();
        let Some(wanted) = state.wanted.remove(&lease.portal) else {
            return false;
        };
        let (lane, of) = (
            lease.portal.clone(),
            (Arc::clone(&self.settings), self.hooks.clone()),
        );
        let (limits, stop) = (wanted.limits, self.stop.clone());
        let held = HeldLease::new((lease, asked), limits, of, stop, &wanted.stop);
        state.held.insert(lane, held.clone());
        drop(state);
        let state = Arc::clone(&self.state);
        wanted.taken.send(TakenLease { held, state }).is_ok()
    }

    /// Renews leases at a third of their time, also while calls are on their way.
    async fn keep_renewing(&self) {
        let third = self.settings.lease / 3;
        loop {
            tokio::time::sleep(third).await;
            let held: Vec<HeldLease> = self.state.lock().held.values().cloned().collect();
            let renewing = self.renew(&held);
            // What is not known runs out by itself, unless a later try succeeds.
            let _ = tokio::time::timeout(third, renewing).await;
        }
    }

    /// Renews all that can be renewed together first: one that is renewed alone may wait for its
    /// row.
    async fn renew(&self, held: &[HeldLease]) {
        let mut alone = Vec::new();
        for held in held.chunks(AT_ONCE) {
            let asked = Instant::now();
            let terms: Vec<LeaseTerm> = held.iter().map(HeldLease::term).collect();
            let seconds = self.settings.lease.as_secs_f64();
            let Ok(renewed) = self.app.lanes.renew_free(&terms, seconds).await else {
                continue;
            };
            let renewed: BTreeSet<String> = renewed.into_iter().collect();
            for held in held {
                if renewed.contains(held.lane()) {
                    held.holds_from(asked);
                } else {
                    alone.push(held);
                }
            }
        }
        stream::iter(alone)
            .for_each_concurrent(ALONE, |held| self.renew_one(held))
            .await;
    }

    async fn renew_one(&self, held: &HeldLease) {
        let asked = Instant::now();
        let seconds = self.settings.lease.as_secs_f64();
        match self.app.lanes.renew(&held.term(), seconds).await {
            Ok(true) => held.holds_from(asked),
            Ok(false) => held.lose(),
            Err(_) => {}
        }
    }
}

/// Gives the lane back, so that another takes over at once.
async fn release(app: &App, lease: &Lease) {
    let given = tokio::time::timeout(Duration::from_secs(5), app.lanes.release(lease));
    if matches!(given.await, Ok(Ok(()))) {
        app.metrics().lease(&lease.portal, "released");
    } else {
        tracing::warn!(
            portal = %lease.portal,
            "the lease could not be given back: it runs out by itself"
        );
    }
}

impl State {
    /// The lanes that are to be taken, of each kind those that are this process's first, and how
    /// many of them at most: until it has its share.
    fn wishes(&self) -> Vec<(Vec<String>, usize)> {
        let Some(place) = self.place.filter(|_| !self.wanted.is_empty()) else {
            return Vec::new();
        };
        let held = self.held.keys().map(String::as_str);
        let lacking = self.known.lacking(place, held);
        let of = |(kind, most): (&str, usize)| {
            let wanted = self.wanted.keys().map(String::as_str);
            (self.known.by_preference(place, kind, wanted), most)
        };
        let wishes = lacking.into_iter().map(of);
        wishes.filter(|(lanes, _)| !lanes.is_empty()).collect()
    }

    /// The leases that are another process's share: those are let go first that it takes first.
    fn surplus(&self) -> Vec<HeldLease> {
        let Some(place) = self.place else {
            return Vec::new();
        };
        let kept = self
            .held
            .iter()
            .filter(|(_, held)| !held.ending().is_cancelled());
        let kept: Vec<&str> = kept.map(|(lane, _)| lane.as_str()).collect();
        let surplus = self.known.surplus(place, &kept).into_iter();
        let surplus = surplus.filter_map(|lane| self.held.get(&lane));
        surplus.take(AT_ONCE).cloned().collect()
    }
}
