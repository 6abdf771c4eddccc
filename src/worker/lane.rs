//! One portal's lane: holds the lease, and brings what is due to the portal.

use super::{Failure, Options, Point, Portal, perform};
use crate::{
    app::{self, Bridge, Tries},
    bitrix24::Class,
    domain::PortalName,
    planner::PortalFacts,
    retry,
    storage::{
        self,
        lanes::{self, Fault, LaneRow, Lease},
    },
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// A lane of this process.
pub(super) struct Lane<P> {
    bridge: Bridge,
    name: PortalName,
    portal: P,
    options: Options,
    bell: Arc<Notify>,
    facts: PortalFacts,
}

/// A held lease while calls are made: says whether the next one may be sent.
#[derive(Clone)]
pub(super) struct Held {
    lease: Lease,
    until: Arc<Mutex<Instant>>,
    lost: Arc<AtomicBool>,
    stop: CancellationToken,
    options: Options,
}

impl Held {
    /// Whether a call may be sent: the lease holds by a margin, and nobody said stop.
    pub(super) fn may_send(&self) -> bool {
        !self.stop.is_cancelled() && self.holds()
    }

    fn holds(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        !self.lost.load(Ordering::Acquire) && Instant::now() < until
    }

    /// The portal's name.
    pub(super) fn portal(&self) -> &str {
        &self.lease.portal
    }

    /// Waits, unless told to stop.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Tells the watcher, if there is one.
    pub(super) async fn reached(&self, point: Point) {
        if let Some(probe) = &self.options.watch {
            (probe.0)(point).await;
        }
    }

    /// Renews the lease at a third of its time, also while a call is on its way.
    async fn keep(self, bridge: Bridge) {
        let lease = self.options.lease;
        while !self.lost.load(Ordering::Acquire) {
            tokio::time::sleep(lease / 3).await;
            let asked = Instant::now();
            match tokio::time::timeout(lease / 3, renew(&bridge, &self.lease, lease)).await {
                Ok(Ok(true)) => {
                    *self.until.lock().unwrap_or_else(PoisonError::into_inner) =
                        valid_until(asked, lease);
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

async fn renew(bridge: &Bridge, lease: &Lease, time: Duration) -> Result<bool, storage::Error> {
    let mut db = bridge.pool().acquire().await?;
    lanes::renew(&mut db, lease, time.as_secs_f64()).await
}

impl<P: Portal> Lane<P> {
    pub(super) fn new(bridge: Bridge, name: PortalName, portal: P, options: Options) -> Self {
        let bell = bridge.bell().of(name.as_str());
        Self {
            bridge,
            name,
            portal,
            options,
            bell,
            facts: PortalFacts::default(),
        }
    }

    /// Works until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.acquire(&stop).await {
                Ok(Some(held)) => {
                    // Dies with this task, so that an aborted lane does not keep its lease.
                    let mut keeper = tokio::task::JoinSet::new();
                    keeper.spawn(held.clone().keep(self.bridge.clone()));
                    // Bounded only once told to stop: what is in flight has this long.
                    let grace = self.options.grace;
                    let told = stop.clone();
                    let late = async move {
                        told.cancelled().await;
                        tokio::time::sleep(grace).await;
                    };
                    let bridge = self.bridge.clone();
                    tokio::select! {
                        () = self.drive(&held) => {}
                        () = late => tracing::warn!(portal = %self.name, "stopped in the middle of a call"),
                    }
                    drop(keeper);
                    if held.lost.load(Ordering::Acquire) {
                        bridge.metrics().lease_lost(self.name.as_str());
                    }
                    release(&bridge, &held.lease).await;
                }
                Ok(None) => self.sleep(self.options.poll, &stop).await,
                Err(error) => {
                    tracing::warn!(portal = %self.name, %error, "the lane cannot be taken: the database does not answer");
                    self.sleep(self.options.poll, &stop).await;
                }
            }
        }
    }

    async fn acquire(&self, stop: &CancellationToken) -> Result<Option<Held>, storage::Error> {
        let asked = Instant::now();
        let mut db = self.bridge.pool().acquire().await?;
        let seconds = self.options.lease.as_secs_f64();
        let lease =
            lanes::acquire(&mut db, self.name.as_str(), &self.options.owner, seconds).await?;
        Ok(lease.map(|lease| Held {
            lease,
            until: Arc::new(Mutex::new(valid_until(asked, self.options.lease))),
            lost: Arc::default(),
            stop: stop.clone(),
            options: self.options.clone(),
        }))
    }

    /// Brings what is due to the portal while the lease holds.
    async fn drive(&mut self, held: &Held) {
        while held.may_send() {
            let wait = match self.turn(held).await {
                Ok(wait) => wait,
                Err(app::Error::Storage(storage::Error::LeaseLost)) => {
                    held.lost.store(true, Ordering::Release);
                    return;
                }
                Err(error) => {
                    tracing::warn!(portal = %self.name, error = %chain(&error), "a turn of the lane failed");
                    Some(self.options.poll)
                }
            };
            if let Some(wait) = wait {
                self.sleep(wait, &held.stop).await;
            }
        }
    }

    /// One turn: a wave if anything is due. Returns how long to wait before the next.
    async fn turn(&mut self, held: &Held) -> Result<Option<Duration>, app::Error> {
        if let Some(wait) = self.paused(held).await? {
            return Ok(Some(wait));
        }
        let tries = self.tries();
        let claimed = self
            .bridge
            .claim(&held.lease, self.options.wave, &tries)
            .await?;
        if claimed.is_empty() {
            let due = self.bridge.next_due(self.name.as_str()).await?;
            let poll = self.options.poll.mul_f64(rand::random_range(0.9..1.1));
            let due = due.map_or(poll, |seconds| {
                Duration::from_secs_f64(seconds.clamp(0.02, 3600.0))
            });
            return Ok(Some(poll.min(due)));
        }
        held.reached(Point::Claimed).await;
        let (claims, jobs): (Vec<_>, Vec<_>) = claimed.into_iter().unzip();
        let facts = self.facts.clone();
        let done = perform::perform(&self.bridge, &self.portal, held, jobs, facts).await;
        self.facts = done.facts;
        held.reached(Point::BeforeSettle).await;
        let mut slots: Vec<_> = claims.into_iter().map(Some).collect();
        let pair = |settlement: crate::planner::Settlement| {
            let claim = slots.get_mut(settlement.job)?.take()?;
            Some((claim, settlement))
        };
        let ended = done.settlements.into_iter().filter_map(pair).collect();
        self.bridge.settle(&held.lease, &tries, ended).await?;
        held.reached(Point::AfterSettle).await;
        match done.failure {
            Some(failure) => {
                // A portal that answers now and then is not away: only failures in a row make pauses grow.
                if done.answered {
                    self.recovered(held).await?;
                }
                self.failed(held, &failure).await
            }
            None if done.answered => self.recovered(held).await.map(|()| None),
            None => Ok(None),
        }
    }

    fn tries(&self) -> Tries {
        let Options {
            attempts,
            backoff,
            backoff_cap,
            doubt,
            ..
        } = self.options;
        Tries {
            most: attempts,
            pause: backoff,
            cap: backoff_cap,
            doubt,
        }
    }

    /// How long a pause lasts, if there is one. A pause that a fault made ends when its time is over and the portal answers.
    async fn paused(&self, held: &Held) -> Result<Option<Duration>, app::Error> {
        let Some(row) = self.row().await? else {
            return Ok(None);
        };
        if row.paused_at.is_none() {
            return Ok(None);
        }
        match row.resume_in {
            None => Ok(Some(self.options.poll)),
            Some(seconds) if seconds > 0.0 => Ok(Some(
                Duration::from_secs_f64(seconds.min(3600.0)).min(self.options.poll),
            )),
            Some(_) => match self.portal.probe().await {
                Ok(()) => {
                    // The failures stay until a wave gets through, so that pauses keep growing meanwhile.
                    let mut db = self.bridge.pool().acquire().await?;
                    lanes::go_on(&mut db, &held.lease, false).await?;
                    Ok(None)
                }
                Err(failure) => self.failed(held, &failure).await,
            },
        }
    }

    async fn row(&self) -> Result<Option<LaneRow>, app::Error> {
        let mut db = self.bridge.pool().acquire().await?;
        Ok(lanes::one(&mut db, self.name.as_str()).await?)
    }

    /// Pauses the lane for as long as the failure asks.
    async fn failed(&self, held: &Held, failure: &Failure) -> Result<Option<Duration>, app::Error> {
        let failures = self.row().await?.map_or(0, |row| row.failures);
        let resume_in = match failure.class {
            // Looked up at once: nothing says that the portal is in trouble, unless it goes on like this.
            Class::InDoubt if failures == 0 => Duration::from_millis(200),
            Class::Throttled(pause) => pause,
            Class::Blocked(_) | Class::TokenExpired => self.options.probe,
            Class::InDoubt | Class::Down | Class::Refused | Class::MethodBlocked(_) => {
                let nth = failures.unsigned_abs().saturating_add(1);
                retry::delay(nth, self.options.backoff, Duration::from_mins(5))
            }
        };
        let fault = Fault {
            code: failure.code.as_str(),
            reason: &failure.message.replace('\0', " "),
            resume_in: resume_in.as_secs_f64(),
        };
        let mut db = self.bridge.pool().acquire().await?;
        lanes::fail(&mut db, &held.lease, &fault).await?;
        if matches!(failure.class, Class::Blocked(_) | Class::TokenExpired) {
            tracing::error!(portal = %self.name, code = %failure.code, "the portal refuses the bridge: {}", failure.message);
        } else {
            tracing::warn!(portal = %self.name, code = %failure.code, "the lane pauses: {}", failure.message);
        }
        Ok(Some(resume_in.min(self.options.poll)))
    }

    /// The portal answers again.
    async fn recovered(&self, held: &Held) -> Result<(), app::Error> {
        if self
            .row()
            .await?
            .is_some_and(|row| row.failures > 0 || row.paused_at.is_some())
        {
            let mut db = self.bridge.pool().acquire().await?;
            lanes::go_on(&mut db, &held.lease, true).await?;
        }
        Ok(())
    }

    async fn sleep(&self, time: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.bell.notified() => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Gives the lane back, so that another takes over at once.
async fn release(bridge: &Bridge, lease: &Lease) {
    let give = async {
        let mut db = bridge.pool().acquire().await?;
        lanes::release(&mut db, lease).await
    };
    if !matches!(
        tokio::time::timeout(Duration::from_secs(5), give).await,
        Ok(Ok(()))
    ) {
        tracing::warn!(portal = %lease.portal, "the lease could not be given back: it runs out by itself");
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
