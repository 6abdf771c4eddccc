//! The leases of a process: taken together and renewed together, so that a thousand idle lanes cost
//! a few statements and not a thousand.
//!
//! A neighbour costs no lane its lease: a row that somebody has locked is passed over, and renewed
//! by a statement of its own.

use super::lease::{HeldLease, LaneLimits};
use crate::{
    app::{App, Lease, LeaseTerm},
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
    sync::{Notify, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Lanes that ask within this time are taken in one statement.
const TOGETHER: Duration = Duration::from_millis(5);
/// The most lanes of one statement.
const AT_ONCE: usize = 500;
/// How far apart the first turns of lanes are that are taken together, on the average.
const STEP: Duration = Duration::from_millis(20);
/// The most statements for single lanes at a time.
const ALONE: usize = 8;

/// The leases of a process. Cheap to clone.
#[derive(Clone)]
pub(in crate::worker) struct Leases {
    app: App,
    settings: Settings,
    hooks: Hooks,
    stop: CancellationToken,
    state: Arc<Mutex<State>>,
    /// Rung when a lane is wanted, and when one that is wanted may be free.
    asked: Arc<Notify>,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<String, oneshot::Sender<TakenLease>>,
    held: BTreeMap<String, HeldLease>,
}

/// A lease that was just taken.
struct TakenLease {
    lease: Lease,
    /// When it was asked for: it holds from then.
    asked: Instant,
}

/// A lease is renewed as long as this lives.
struct Renewed<'a> {
    leases: &'a Leases,
    lane: String,
}

impl Drop for Renewed<'_> {
    fn drop(&mut self) {
        self.leases.state.lock().held.remove(&self.lane);
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
            settings,
            hooks,
            stop,
            state: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// Takes the lane as soon as it is free; `None` once told to stop. Its bell says that it may be
    /// free now.
    pub(in crate::worker) async fn take(
        &self,
        lane: &str,
        limits: LaneLimits,
        bell: &Notify,
    ) -> Option<HeldLease> {
        let (sender, mut receiver) = oneshot::channel();
        self.state.lock().wanted.insert(lane.to_owned(), sender);
        self.asked.notify_one();
        let TakenLease { lease, asked } = loop {
            tokio::select! {
                biased;
                taken = &mut receiver => break taken.ok()?,
                () = self.stop.cancelled() => return None,
                () = bell.notified() => self.asked.notify_one(),
            }
        };
        let (settings, hooks) = (self.settings.clone(), self.hooks.clone());
        let stop = self.stop.clone();
        Some(HeldLease::new(lease, asked, limits, settings, hooks, stop))
    }

    /// Does the work while the lease is kept, and gives the lane back. Once told to stop, what is
    /// in flight has the grace.
    pub(in crate::worker) async fn while_held(
        &self,
        held: &HeldLease,
        work: impl Future<Output = ()>,
    ) {
        // Ends with this task, so that an aborted lane does not keep its lease.
        let renewed = self.renewed(held);
        tokio::select! {
            () = work => {}
            () = held.grace_over() => {
                tracing::warn!(lane = held.lane(), "stopped in the middle of a call");
            }
        }
        drop(renewed);
        if held.is_lost() {
            self.app.metrics().lease(held.lane(), "lost");
        }
        release(&self.app, held.lease()).await;
    }

    /// Has the lease renewed until what is returned is dropped.
    fn renewed(&self, held: &HeldLease) -> Renewed<'_> {
        let lane = held.lane().to_owned();
        self.state.lock().held.insert(lane.clone(), held.clone());
        Renewed { leases: self, lane }
    }

    /// The lanes that this process holds.
    pub(in crate::worker) fn lanes(&self) -> BTreeSet<String> {
        self.state.lock().held.keys().cloned().collect()
    }

    /// How long a lane that was just taken waits for its first turn, unless it is woken: lanes that
    /// are taken together begin one after the other.
    pub(in crate::worker) fn spread(&self) -> Duration {
        let held = self.state.lock().held.len();
        STEP.saturating_mul(u32::try_from(held).unwrap_or(u32::MAX))
            .mul_f64(rand::random_range(0.0..1.0))
    }

    /// Takes what is wanted and renews what is held. Never ends.
    pub(in crate::worker) async fn keep(self) {
        tokio::join!(self.keep_taking(), self.keep_renewing());
    }

    async fn keep_taking(&self) {
        loop {
            if self.state.lock().wanted.is_empty() {
                self.asked.notified().await;
            } else {
                let asked = self.asked.notified();
                let _ = tokio::time::timeout(self.settings.poll, asked).await;
            }
            tokio::time::sleep(TOGETHER).await;
            let wanted: Vec<String> = {
                let mut state = self.state.lock();
                state.wanted.retain(|_, sender| !sender.is_closed());
                state.wanted.keys().cloned().collect()
            };
            for lanes in wanted.chunks(AT_ONCE) {
                self.take_some(lanes).await;
            }
        }
    }

    async fn take_some(&self, lanes: &[String]) {
        let asked = Instant::now();
        let (owner, seconds) = (&self.settings.owner, self.settings.lease.as_secs_f64());
        let taken = match self.app.lanes.acquire(lanes, owner, seconds).await {
            Ok(taken) => taken,
            Err(error) => {
                let (lanes, error) = (lanes.len(), error.chain());
                tracing::warn!(lanes, %error, "no lane can be taken: the database does not answer");
                return;
            }
        };
        for lease in taken {
            self.app.metrics().lease(&lease.portal, "taken");
            let sender = self.state.lock().wanted.remove(&lease.portal);
            let Some(sender) = sender else { continue };
            if let Err(TakenLease { lease, .. }) = sender.send(TakenLease { lease, asked }) {
                release(&self.app, &lease).await;
            }
        }
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
