//! A held lease: who may send, and for how long.

use crate::{
    app::{self, App, Lease},
    worker::{CrashPoint, Hooks, Settings},
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Bounds that belong to one lane, not to the worker.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::worker) struct LaneLimits {
    /// How long a full request bucket of the lane's portal takes to drain; zero: it has none.
    pub drains: Duration,
}

/// A held lease while calls are made: says whether the next one may be sent.
#[derive(Clone)]
pub(in crate::worker) struct HeldLease {
    lease: Lease,
    until: Arc<Mutex<Instant>>,
    lost: Arc<AtomicBool>,
    stop: CancellationToken,
    limits: LaneLimits,
    settings: Settings,
    hooks: Hooks,
}

impl HeldLease {
    /// Whether a call may be sent: the lease holds by a margin, and nobody said stop.
    pub(in crate::worker) fn may_send(&self) -> bool {
        !self.stop.is_cancelled() && self.holds()
    }

    fn holds(&self) -> bool {
        let until = *self.until.lock();
        !self.lost.load(Ordering::Acquire) && Instant::now() < until
    }

    /// How long a write may still land after it was sent.
    pub(in crate::worker) fn lands_within(&self) -> Duration {
        self.settings.doubt
    }

    /// The lane's name.
    pub(in crate::worker) fn portal(&self) -> &str {
        &self.lease.portal
    }

    /// What settling shows.
    pub(in crate::worker) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What tells to stop.
    pub(in crate::worker) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Somebody else has the lane.
    pub(in crate::worker) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Takes a lane, if it is free.
    pub(in crate::worker) async fn acquire(
        app: &App,
        lane: &str,
        limits: LaneLimits,
        settings: &Settings,
        hooks: &Hooks,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, app::Error> {
        let asked = Instant::now();
        let seconds = settings.lease.as_secs_f64();
        let lease = app.lanes.acquire(lane, &settings.owner, seconds).await?;
        if lease.is_some() {
            app.metrics().lease(lane, "taken");
        }
        Ok(lease.map(|lease| Self {
            lease,
            until: Arc::new(Mutex::new(valid_until(asked, settings.lease))),
            lost: Arc::default(),
            stop: stop.clone(),
            limits,
            settings: settings.clone(),
            hooks: hooks.clone(),
        }))
    }

    /// Does the work while the lease is kept, and gives the lane back. Once told to stop, what is
    /// in flight has the grace.
    pub(in crate::worker) async fn while_held(&self, app: &App, work: impl Future<Output = ()>) {
        // Dies with this task, so that an aborted lane does not keep its lease.
        let mut keeper = tokio::task::JoinSet::new();
        keeper.spawn(self.clone().keep(app.clone()));
        let late = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.settings.grace).await;
        };
        tokio::select! {
            () = work => {}
            () = late => tracing::warn!(lane = self.portal(), "stopped in the middle of a call"),
        }
        drop(keeper);
        if self.lost.load(Ordering::Acquire) {
            app.metrics().lease(self.portal(), "lost");
        }
        release(app, &self.lease).await;
    }

    /// Waits, unless told to stop.
    pub(in crate::worker) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Tells the watcher, if there is one.
    pub(in crate::worker) async fn reached(&self, point: CrashPoint) {
        if let Some(probe) = &self.hooks.at {
            (probe.0)(point).await;
        }
    }

    async fn renew(&self, app: &App) -> Result<bool, app::Error> {
        let time = self.settings.lease.as_secs_f64();
        let drains = self.limits.drains.as_secs_f64();
        app.lanes.renew(&self.lease, time, drains).await
    }

    /// Renews the lease at a third of its time, also while a call is on its way.
    async fn keep(self, app: App) {
        let lease = self.settings.lease;
        while !self.lost.load(Ordering::Acquire) {
            tokio::time::sleep(lease / 3).await;
            let asked = Instant::now();
            match tokio::time::timeout(lease / 3, self.renew(&app)).await {
                Ok(Ok(true)) => {
                    *self.until.lock() = valid_until(asked, lease);
                }
                Ok(Ok(false)) => self.lost.store(true, Ordering::Release),
                // Not known: the time runs out by itself unless a later try succeeds.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}

/// A lease counts from before it was asked for, less a margin for a call that is just being sent.
fn valid_until(asked: Instant, lease: Duration) -> Instant {
    asked + lease * 5 / 6
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
