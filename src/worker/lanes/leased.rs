//! A lane under a lease: taken when it is free, driven turn after turn while the lease holds, and
//! given back. What a lane does in a turn is its [`LaneTurn`].
//!
//! To add a lane: a type with a [`LaneTurn`], a name for its lease in `app`, and a task that keeps
//! its [`LeasedLane`] up in `worker::run`.

use super::{
    lease::{HeldLease, LaneLimits},
    leases::{Leases, TakenLease},
    restarts::Restarts,
};
use crate::{
    app::{self, App},
    process::backoff,
};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How many polls a lane rests at most whose turns fail: what fails by all at once, as where the
/// database has no connection left, must not be tried by all at every poll.
const LONGEST_REST: u32 = 15;

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

    /// Between two turns: the use cases over newer settings, which say the same of this lane. What
    /// is under way ends with those that it began with.
    fn renew(&mut self, app: App);

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

    /// For how long the portal's limit is used up, for the next owner; none: it has none.
    fn limit_used(&self) -> Option<Duration> {
        None
    }
}

/// A lane of this process.
pub(in crate::worker) struct LeasedLane<T> {
    work: T,
    poll: Duration,
    leases: Arc<Leases>,
    restarts: Restarts,
    newest: watch::Receiver<App>,
    /// Whether the next turn is the first since the lane was taken.
    begins: bool,
}

/// Why a lane's turns stopped.
enum Stopped {
    /// There are newer settings; the next turn is at that moment.
    Newer(App, Instant),
    /// Nothing may be sent any more.
    Ending,
    /// Somebody else has the lane.
    Lost,
}

impl<T: LaneTurn> LeasedLane<T> {
    /// `newest` tells of newer use cases than those of the work.
    pub(in crate::worker) fn new(
        work: T,
        poll: Duration,
        leases: Arc<Leases>,
        restarts: Restarts,
        newest: watch::Receiver<App>,
    ) -> Self {
        Self {
            work,
            poll,
            leases,
            restarts,
            newest,
            begins: true,
        }
    }

    /// Works until told to stop. What works is boxed, and only while it works: thousands of lanes
    /// rest at a time, each in little memory.
    pub(in crate::worker) async fn run(mut self: Box<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Some(taken) = self.take(&stop).await else {
                return;
            };
            let (leases, held) = (Arc::clone(&self.leases), taken.held().clone());
            leases.while_held(taken, Box::pin(self.own(&held))).await;
        }
    }

    /// Takes the lane as soon as it is free; `None` once told to stop. Newer settings meanwhile are
    /// handed to the work, and nobody is asked for the lane once more.
    async fn take(&mut self, stop: &CancellationToken) -> Option<TakenLease> {
        let (lane, limits) = (self.work.lane().to_owned(), self.work.limits());
        let (leases, wake_up) = (Arc::clone(&self.leases), Arc::clone(self.work.wake_up()));
        let mut taking = std::pin::pin!(leases.take((&*lane, limits), &wake_up, stop));
        loop {
            tokio::select! {
                taken = &mut taking => return taken,
                app = newer(&mut self.newest) => self.work.renew(app),
            }
        }
    }

    /// The work while the lease is held; tells for how long the portal's limit is used up, if that
    /// is known.
    pub(in crate::worker) async fn own(&mut self, held: &HeldLease) -> Option<Duration> {
        if let Err(error) = Box::pin(self.work.taken(held)).await {
            tracing::warn!(
                lane = self.work.lane(), error = %error.chain(), "the lane cannot be driven now"
            );
            return None;
        }
        self.begins = true;
        // Whoever has work is woken at once: see `due_watch`.
        let mut next = self.leases.first_turns.slot();
        loop {
            let beside = self.work.beside(held);
            let stopped = tokio::select! {
                stopped = self.drive(held, next) => stopped,
                () = beside => break,
            };
            match stopped {
                Stopped::Newer(app, then) => {
                    self.work.renew(app);
                    next = then;
                }
                Stopped::Ending => break,
                Stopped::Lost => {
                    held.lose();
                    return None;
                }
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
        self.work.limit_used()
    }

    /// A turn failed: the lane rests, longer with each that fails after it. Nothing that comes
    /// meanwhile wakes it, as it would fail the same way.
    async fn failed(&self, held: &HeldLease, error: &app::Error) {
        let error = error.chain();
        tracing::warn!(lane = self.work.lane(), %error, "a turn of the lane failed");
        self.restarts.failed(&error).await;
        let failed = self.restarts.failed_in_a_row();
        held.pause(rest_after(failed, self.poll)).await;
    }

    /// One turn after the other while the lease holds, the first at that moment.
    async fn drive(&mut self, held: &HeldLease, mut next: Instant) -> Stopped {
        while held.may_send() {
            // Even the shortest sleep lasts a millisecond.
            let rests = next > Instant::now();
            tokio::select! {
                biased;
                app = newer(&mut self.newest) => return Stopped::Newer(app, next),
                () = sleep_until(next, self.work.wake_up(), held.ending()), if rests => {}
                () = std::future::ready(()), if !rests => {}
            }
            if !held.may_send() {
                break;
            }
            let begins = std::mem::take(&mut self.begins);
            let done = if begins {
                let (first_turns, ending) = (self.leases.first_turns.clone(), held.ending());
                let first = first_turns.begin(|| Box::pin(self.work.turn(held)), ending);
                Box::pin(first).await
            } else {
                Some(Box::pin(self.work.turn(held)).await)
            };
            let wait = match done {
                None => break,
                Some(Ok(wait)) => {
                    self.restarts.went_well().await;
                    wait
                }
                Some(Err(error)) if error.is_lease_lost() => return Stopped::Lost,
                Some(Err(error)) => {
                    // Boxed, as it is rare: a lane that rests has no room for it.
                    Box::pin(self.failed(held, &error)).await;
                    None
                }
            };
            next = Instant::now() + wait.unwrap_or_default();
        }
        if held.is_lost() {
            return Stopped::Lost;
        }
        Stopped::Ending
    }
}

/// How long a lane rests after so many turns in a row that failed.
fn rest_after(failed: u32, poll: Duration) -> Duration {
    backoff::delay(failed, poll, poll.saturating_mul(LONGEST_REST))
}

/// Waits for newer use cases.
async fn newer(newest: &mut watch::Receiver<App>) -> App {
    // Whoever could tell of newer ones is gone where this worker ends.
    if newest.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    newest.borrow_and_update().clone()
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
    sleep_until(Instant::now() + time, wake_up, stop).await;
}

async fn sleep_until(until: Instant, wake_up: &Notify, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        () = wake_up.notified() => {}
        () = stop.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_whose_turns_fail_rests_longer_with_each() {
        let poll = Duration::from_secs(2);
        let longest = |failed| (0..500).map(|_| rest_after(failed, poll)).max();
        let longest = [1, 2, 4, 100].map(|failed| longest(failed).unwrap());
        assert!(longest.is_sorted(), "{longest:?}");
        assert!(longest[0] <= poll && longest[3] <= poll * LONGEST_REST);
        assert!(longest[3] > poll * 10);
    }
}
