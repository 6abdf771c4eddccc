//! A held lease: who may send, and for how long.

use crate::{
    app::{self, Lease, LeaseTerm},
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
    /// How long a write may land after it was sent; none: as the worker's settings say.
    pub lands_within: Option<Duration>,
}

/// A held lease while calls are made: says whether the next one may be sent. Cheap to clone: all
/// clones are of one piece of memory, and thousands are held at a time.
#[derive(Clone)]
pub(in crate::worker) struct HeldLease(Arc<Held>);

struct Held {
    lease: Lease,
    until: Mutex<Instant>,
    lost: AtomicBool,
    /// The end of the process.
    stop: CancellationToken,
    /// The end of this lease: of the process, of the lane, or because the lane is another's share.
    let_go: CancellationToken,
    limits: LaneLimits,
    /// For how long earlier owners had used up the portal's limit when it was taken.
    used: Duration,
    settings: Arc<Settings>,
    hooks: Hooks,
}

impl HeldLease {
    /// Whether a call may be sent: the lease holds by a margin, and nobody said stop.
    pub(in crate::worker) fn may_send(&self) -> bool {
        !self.0.let_go.is_cancelled() && self.holds()
    }

    fn holds(&self) -> bool {
        let until = *self.0.until.lock();
        !self.is_lost() && Instant::now() < until
    }

    /// How long a write may still land after it was sent.
    pub(in crate::worker) fn lands_within(&self) -> Duration {
        let limits = &self.0.limits;
        limits.lands_within.unwrap_or(self.0.settings.doubt)
    }

    /// The portal that the lane leads to, by its name in the settings.
    pub(in crate::worker) fn portal(&self) -> &str {
        &self.0.lease.portal
    }

    /// The lane's name: of a portal's, the portal.
    pub(super) fn lane(&self) -> &str {
        &self.0.lease.portal
    }

    /// The lease that transactions check before they write.
    pub(in crate::worker) fn lease(&self) -> &Lease {
        &self.0.lease
    }

    /// What tells that nothing new begins: the process ends, or the lane is given back.
    pub(in crate::worker) fn ending(&self) -> &CancellationToken {
        &self.0.let_go
    }

    /// The lane is to be given back: nothing new is sent, and the call in flight has all its time.
    pub(super) fn let_go(&self) {
        self.0.let_go.cancel();
    }

    /// Whether somebody else has the lane.
    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Acquire)
    }

    /// Waits for the end of the grace, once the process is told to stop.
    pub(super) async fn grace_over(&self) {
        self.0.stop.cancelled().await;
        tokio::time::sleep(self.0.settings.grace).await;
    }

    /// Somebody else has the lane.
    pub(in crate::worker) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
    }

    /// The end of what was begun under this lease and went on by itself. That the lease was lost is
    /// said of it alone: the lane may be held under a later one by then, which is not lost by that.
    pub(in crate::worker) fn heard<T: Default>(
        &self,
        end: Result<T, app::Error>,
    ) -> Result<T, app::Error> {
        match end {
            Err(error) if error.is_lease_lost() => {
                self.lose();
                Ok(T::default())
            }
            end => end,
        }
    }

    /// A lease that was asked for at that moment. It ends with the process or with the lane.
    pub(super) fn new(
        (lease, asked): (Lease, Instant),
        (limits, used): (LaneLimits, Duration),
        (settings, hooks): (Arc<Settings>, Hooks),
        stop: CancellationToken,
        lane: &CancellationToken,
    ) -> Self {
        Self(Arc::new(Held {
            lease,
            until: Mutex::new(valid_until(asked, settings.lease)),
            lost: AtomicBool::new(false),
            stop,
            let_go: lane.child_token(),
            limits,
            used,
            settings,
            hooks,
        }))
    }

    /// For how long earlier owners had used up the portal's limit when the lane was taken.
    pub(in crate::worker) fn limit_used(&self) -> Duration {
        self.0.used
    }

    /// What is to be renewed.
    pub(super) fn term(&self) -> LeaseTerm {
        LeaseTerm {
            lease: self.0.lease.clone(),
            drains: self.0.limits.drains.as_secs_f64(),
        }
    }

    /// It was renewed, as asked for at that moment.
    pub(super) fn holds_from(&self, asked: Instant) {
        *self.0.until.lock() = valid_until(asked, self.0.settings.lease);
    }

    /// Waits, unless told to stop.
    pub(in crate::worker) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.0.let_go.cancelled() => {}
        }
    }

    /// Tells the watcher, if there is one.
    pub(in crate::worker) async fn reached(&self, point: CrashPoint) {
        if let Some(probe) = &self.0.hooks.at {
            (probe.0)(point).await;
        }
    }
}

/// A lease counts from before it was asked for, less a margin for a call that is just being sent.
fn valid_until(asked: Instant, lease: Duration) -> Instant {
    asked + lease * 5 / 6
}
