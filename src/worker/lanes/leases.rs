//! The leases of a process: taken, renewed and given back together, so that a thousand idle lanes
//! cost a few statements and not a thousand.
//!
//! A neighbour costs no lane its lease: no statement waits for a row. One that somebody has locked
//! is passed over, and tried again a moment later. Nor does it cost one that all connections are in
//! use: leases have their own.

use super::{
    first_turn::FirstTurns,
    lease::{HeldLease, LaneLimits},
    share::{KnownLanes, Place},
};
use crate::{
    app::{self, App, GivenBack, LaneWaker, Lease, LeaseTerm, PROCESSES},
    process::telemetry::Metrics,
    worker::{Hooks, Settings},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Lanes that ask within this time are taken, or given back, in one statement.
const TOGETHER: Duration = Duration::from_millis(5);
/// The most lanes of one statement, and the most that are let go at a time.
const AT_ONCE: usize = 500;
/// When a row is tried again that somebody had locked.
const AGAIN: Duration = Duration::from_millis(50);
/// How long a lane waits until it is given back; then its lease runs out by itself.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The leases of a process: one for all of its lanes.
pub(in crate::worker) struct Leases {
    lanes: Arc<app::Lanes>,
    metrics: Metrics,
    waker: LaneWaker,
    settings: Arc<Settings>,
    hooks: Hooks,
    stop: CancellationToken,
    state: Arc<Mutex<State>>,
    /// Rung when a lane is wanted, when one that is wanted may be free, and when more may be taken.
    asked: Notify,
    /// Rung when a lane is given back.
    given: Notify,
    /// Where lanes that were taken begin.
    pub(super) first_turns: FirstTurns,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<String, WantedLane>,
    held: BTreeMap<String, HeldLease>,
    given: Vec<Giving>,
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

/// A lane that is to be given back.
struct Giving {
    back: GivenBack,
    done: oneshot::Sender<()>,
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
        app: &App,
        settings: Arc<Settings>,
        hooks: Hooks,
        stop: CancellationToken,
    ) -> Self {
        Self {
            lanes: Arc::clone(&app.lanes),
            metrics: app.metrics().clone(),
            waker: app.waker().clone(),
            settings,
            hooks,
            stop,
            state: Arc::default(),
            asked: Notify::new(),
            given: Notify::new(),
            first_turns: FirstTurns::default(),
        }
    }

    /// Says which lanes this process knows: it shares them with those that know the same.
    pub(in crate::worker) fn know(&self, lanes: Vec<String>) {
        self.state.lock().known = KnownLanes::new(lanes);
        self.waker.subscribe(PROCESSES).notify_one();
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
    /// in flight has the grace. The work says for how long the portal's limit is used up, if it
    /// knows.
    pub(in crate::worker) async fn while_held(
        &self,
        // Ends with this task, so that an aborted lane does not keep its lease.
        taken: TakenLease,
        work: impl Future<Output = Option<Duration>>,
    ) {
        let held = taken.held.clone();
        let used = tokio::select! {
            used = work => used,
            () = held.grace_over() => {
                tracing::warn!(lane = held.lane(), "stopped in the middle of a call");
                None
            }
        };
        drop(taken);
        if held.is_lost() {
            return self.metrics.lease(held.lane(), "lost");
        }
        let back = GivenBack {
            lease: held.lease().clone(),
            used: used.map(|used| used.as_secs_f64()),
        };
        let given = tokio::time::timeout(LONGEST_WAIT, self.give_back(back)).await;
        if matches!(given, Ok(Ok(()))) {
            self.metrics.lease(held.lane(), "released");
        } else {
            tracing::warn!(
                portal = held.lane(),
                "the lease could not be given back: it runs out by itself"
            );
        }
    }

    /// Has a lane given back, with the others of this moment; tells when it is.
    fn give_back(&self, back: GivenBack) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        self.state.lock().given.push(Giving { back, done });
        self.given.notify_one();
        told
    }

    /// Whether this process holds the lane.
    pub(in crate::worker) fn holds(&self, lane: &str) -> bool {
        self.state.lock().held.contains_key(lane)
    }

    /// Takes what is wanted, renews what is held, and lets go of what is another's share. Never
    /// ends.
    pub(in crate::worker) async fn keep(self: Arc<Self>) {
        tokio::join!(
            self.keep_attending(),
            self.keep_taking(),
            self.keep_renewing(),
            self.keep_giving_back()
        );
    }

    /// Says again and again that this process is alive, until it is told to stop: then the others
    /// take what it gives back.
    async fn keep_attending(&self) {
        let news = self.waker.subscribe(PROCESSES);
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
        let left = self.lanes.leave(&self.settings.owner);
        let _ = tokio::time::timeout(third, left).await;
    }

    async fn attend(&self) {
        let known = self.state.lock().known.fingerprint().to_owned();
        let (owner, seconds) = (&self.settings.owner, self.settings.lease.as_secs_f64());
        let alive = match self.lanes.attend(owner, &known, seconds).await {
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
        let taken = match self.lanes.acquire(lanes, most, owner, seconds).await {
            Ok(taken) => taken,
            Err(error) => {
                let (lanes, error) = (lanes.len(), error.chain());
                tracing::warn!(lanes, %error, "no lane can be taken: the database does not answer");
                return 0;
            }
        };
        let count = taken.len();
        let terms = self.state.lock().terms(taken);
        let used = match self.lanes.begin(&terms).await {
            Ok(used) => used,
            // Nobody holds them: whoever waits for them takes them again.
            Err(error) => {
                let error = error.chain();
                tracing::warn!(count, %error, "lanes that were taken cannot begin now");
                return count;
            }
        };
        for LeaseTerm { lease, .. } in terms {
            let Some(used) = used.get(&lease.portal) else {
                continue;
            };
            let used = Duration::from_secs_f64(used.clamp(0.0, 3600.0));
            self.metrics.lease(&lease.portal, "taken");
            if !self.hand_over((lease.clone(), used), asked) {
                drop(self.give_back(GivenBack { lease, used: None }));
            }
        }
        count
    }

    /// Gives a lease to the lane that waits for it; false if none does any more.
    fn hand_over(&self, (lease, used): (Lease, Duration), asked: Instant) -> bool {
        let mut state = self.state.lock();
        let Some(wanted) = state.wanted.remove(&lease.portal) else {
            return false;
        };
        let (lane, of) = (
            lease.portal.clone(),
            (Arc::clone(&self.settings), self.hooks.clone()),
        );
        let (limits, stop) = (wanted.limits, self.stop.clone());
        let held = HeldLease::new((lease, asked), (limits, used), of, stop, &wanted.stop);
        state.held.insert(lane, held.clone());
        drop(state);
        let state = Arc::clone(&self.state);
        wanted.taken.send(TakenLease { held, state }).is_ok()
    }

    /// Renews leases at a third of their time, also while calls are on their way.
    async fn keep_renewing(&self) {
        let third = self.settings.lease / 3;
        let mut next = Instant::now();
        loop {
            // Also where the last renewals took as long.
            next = (next + third).max(Instant::now());
            tokio::time::sleep_until(next).await;
            let held: Vec<HeldLease> = self.state.lock().held.values().cloned().collect();
            let renewing = self.renew(&held);
            // What is not known runs out by itself, unless a later try succeeds.
            let _ = tokio::time::timeout(third, renewing).await;
        }
    }

    /// Renews until all are renewed that nobody else has.
    async fn renew(&self, held: &[HeldLease]) {
        let mut left = Vec::new();
        for held in held.chunks(AT_ONCE) {
            left.extend(self.renew_free(held).await);
        }
        while !left.is_empty() {
            let leases: Vec<Lease> = left.iter().map(|held| held.lease().clone()).collect();
            let Ok(still) = self.lanes.still_held(&leases).await else {
                return;
            };
            let still: BTreeSet<String> = still.into_iter().collect();
            left.retain(|held| {
                let is_held = still.contains(held.lane());
                if !is_held {
                    held.lose();
                }
                is_held
            });
            tokio::time::sleep(AGAIN).await;
            left = self.renew_free(&left).await;
        }
    }

    /// Renews those whose row is free: returns the others. Of what the database does not answer
    /// nothing is known.
    async fn renew_free(&self, held: &[HeldLease]) -> Vec<HeldLease> {
        let asked = Instant::now();
        let terms: Vec<LeaseTerm> = held.iter().map(HeldLease::term).collect();
        let seconds = self.settings.lease.as_secs_f64();
        let Ok(renewed) = self.lanes.renew_free(&terms, seconds).await else {
            return Vec::new();
        };
        let renewed: BTreeSet<String> = renewed.into_iter().collect();
        let is_renewed = |held: &&HeldLease| renewed.contains(held.lane());
        let (renewed, left): (Vec<_>, Vec<_>) = held.iter().partition(is_renewed);
        for held in renewed {
            held.holds_from(asked);
        }
        left.into_iter().cloned().collect()
    }

    /// Gives back what lanes gave up.
    async fn keep_giving_back(&self) {
        let mut left: Vec<Giving> = Vec::new();
        loop {
            if left.is_empty() {
                self.given.notified().await;
                tokio::time::sleep(TOGETHER).await;
            } else {
                tokio::time::sleep(AGAIN).await;
            }
            left.append(&mut self.state.lock().given);
            let mut locked = Vec::new();
            while !left.is_empty() {
                let some: Vec<Giving> = left.drain(..left.len().min(AT_ONCE)).collect();
                locked.extend(self.give_back_free(some).await);
            }
            // Nobody waits for those any more: they run out by themselves.
            locked.retain(|one| !one.done.is_closed());
            left = locked;
        }
    }

    /// Gives back those whose row is free: returns the others that nobody else has.
    async fn give_back_free(&self, some: Vec<Giving>) -> Vec<Giving> {
        let backs: Vec<GivenBack> = some.iter().map(|one| one.back.clone()).collect();
        let leases: Vec<Lease> = backs.iter().map(|back| back.lease.clone()).collect();
        if self.lanes.release_free(&backs).await.is_err() {
            return some;
        }
        let Ok(still) = self.lanes.still_held(&leases).await else {
            return some;
        };
        let still: BTreeSet<String> = still.into_iter().collect();
        let is_locked = |one: &Giving| still.contains(&one.back.lease.portal);
        let (locked, free): (Vec<_>, Vec<_>) = some.into_iter().partition(is_locked);
        for one in free {
            let _ = one.done.send(());
        }
        locked
    }
}

impl State {
    /// Leases that were just taken, by the bounds of the lanes that wait for them.
    fn terms(&self, taken: Vec<Lease>) -> Vec<LeaseTerm> {
        let drains = |lease: &Lease| {
            let wanted = self.wanted.get(&lease.portal);
            wanted.map_or(0.0, |wanted| wanted.limits.drains.as_secs_f64())
        };
        let term = |lease| LeaseTerm {
            drains: drains(&lease),
            lease,
        };
        taken.into_iter().map(term).collect()
    }

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
