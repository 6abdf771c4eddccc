//! A lane under a lease: taken when it is free, driven turn after turn while the lease holds, and
//! given back. What a lane does in a turn is its [`LaneTurn`].
//!
//! To add a lane: a type with a [`LaneTurn`], a name for its lease in `app`, and a task that keeps
//! its [`LeasedLane`] up in `worker::run`.

use super::{
    lease::{HeldLease, LaneLimits},
    leases::Leases,
    restarts::Restarts,
};
use crate::app;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What runs beside the turns.
pub(in crate::worker) type Beside<'h> = Pin<Box<dyn Future<Output = ()> + Send + 'h>>;

/// What one kind of lane does while it is held.
pub(in crate::worker) trait LaneTurn: Send {
    /// The name that the lease is for.
    fn lane(&self) -> &str;

    /// What wakes the lane before its time.
    fn wake_up(&self) -> &Arc<Notify>;

    /// The lane's own bounds.
    fn limits(&self) -> LaneLimits {
        LaneLimits::default()
    }

    /// The lane is held from here on, whoever had it before. An error gives it back.
    fn taken(&mut self, held: &HeldLease) -> impl Future<Output = Result<(), app::Error>> + Send;

    /// What is done beside the turns. Must not end by itself.
    fn beside<'h>(&self, _held: &'h HeldLease) -> Beside<'h> {
        Box::pin(std::future::pending())
    }

    /// One turn. Returns how long to wait before the next, unless the lane is woken; `None`: not at
    /// all.
    fn turn(
        &mut self,
        held: &HeldLease,
    ) -> impl Future<Output = Result<Option<Duration>, app::Error>> + Send;

    /// Nothing may be sent any more: what is under way is heard to its end.
    fn finish(&mut self, held: &HeldLease) -> impl Future<Output = Result<(), app::Error>> + Send;

    /// The lane is about to be given back: what the next owner is to know is stored.
    fn give_back(&mut self, _held: &HeldLease) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A lane of this process.
pub(in crate::worker) struct LeasedLane<T> {
    work: T,
    poll: Duration,
    leases: Leases,
    restarts: Restarts,
}

impl<T: LaneTurn> LeasedLane<T> {
    pub(in crate::worker) fn new(
        work: T,
        poll: Duration,
        leases: Leases,
        restarts: Restarts,
    ) -> Self {
        Self {
            work,
            poll,
            leases,
            restarts,
        }
    }

    /// Works until told to stop. What works is boxed, and only while it works: thousands of lanes
    /// rest at a time, each in little memory.
    pub(in crate::worker) async fn run(mut self: Box<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let of = (self.work.lane(), self.work.limits());
            let Some(taken) = self.leases.take(of, self.work.wake_up(), &stop).await else {
                return;
            };
            let (leases, held) = (self.leases.clone(), taken.held().clone());
            leases.while_held(taken, Box::pin(self.own(&held))).await;
        }
    }

    /// The work while the lease is held.
    pub(in crate::worker) async fn own(&mut self, held: &HeldLease) {
        let taken = {
            let begin = held.ending().run_until_cancelled(self.leases.begin());
            let Some(_turn) = begin.await else { return };
            Box::pin(self.work.taken(held)).await
        };
        if let Err(error) = taken {
            tracing::warn!(
                lane = self.work.lane(), error = %error.chain(), "the lane cannot be driven now"
            );
            return;
        }
        // Whoever has work is woken at once: see `due_watch`.
        self.sleep(self.leases.spread(), held.ending()).await;
        let beside = self.work.beside(held);
        tokio::select! {
            () = self.drive(held) => {}
            () = beside => {}
        }
        Box::pin(self.work.give_back(held)).await;
    }

    /// One turn after the other while the lease holds.
    async fn drive(&mut self, held: &HeldLease) {
        while held.may_send() {
            let wait = match Box::pin(self.work.turn(held)).await {
                Ok(wait) => {
                    self.restarts.went_well().await;
                    wait
                }
                Err(error) if error.is_lease_lost() => return held.lose(),
                Err(error) => {
                    tracing::warn!(
                        lane = self.work.lane(), error = %error.chain(),
                        "a turn of the lane failed"
                    );
                    self.restarts.failed(&error.chain()).await;
                    Some(self.poll)
                }
            };
            if let Some(wait) = wait {
                self.sleep(wait, held.ending()).await;
            }
        }
        match Box::pin(self.work.finish(held)).await {
            Ok(()) => {}
            Err(error) if error.is_lease_lost() => held.lose(),
            Err(error) => tracing::warn!(
                lane = self.work.lane(), error = %error.chain(),
                "the end of what was under way is not stored"
            ),
        }
    }

    async fn sleep(&self, time: Duration, stop: &CancellationToken) {
        sleep(time, self.work.wake_up(), stop).await;
    }
}

/// How long a held lane rests, looked at again after `longest` at most, none if it may send; and
/// how often it failed. A pause whose time is over is taken away: what is sent next is the trial.
pub(in crate::worker) async fn rests_for(
    lanes: &app::Lanes,
    held: &HeldLease,
    longest: Duration,
) -> Result<(Option<Duration>, i32), app::Error> {
    let Some(row) = lanes.row(held.lane()).await? else {
        return Ok((None, 0));
    };
    let rest = row.rests_for(longest);
    if rest == Some(Duration::ZERO) {
        lanes.clear_pause(held.lease(), false).await?;
    }
    Ok((rest.filter(|rest| !rest.is_zero()), row.failures))
}

/// Waits until the lane is woken, the time is over, or somebody says stop.
pub(in crate::worker) async fn sleep(time: Duration, wake_up: &Notify, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = wake_up.notified() => {}
        () = stop.cancelled() => {}
    }
}
