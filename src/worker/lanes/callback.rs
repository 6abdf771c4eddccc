//! One shop's lane: tells it what was decided, several orders at a time, each order's changes one
//! after the other, and what else it is to know.
//!
//! A message that fails waits by itself, counts and dies; the lane pauses only where the shop as a
//! whole does not answer.

use super::{
    lease::HeldLease,
    leased::{LaneTurn, rests_for, sleep},
};
use crate::{
    app::{self, App, LaneFault, Lanes, Outgoing, OutgoingMessage, Sync},
    clients::callback::{Answer, Sender},
    domain::{ErrorCode, ShopName},
    process::{
        backoff,
        bug::{self, Bug},
        telemetry::{Metrics, chain},
    },
    worker::{Settings, incidents::SlowCallWatch},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::Instant,
};

/// Messages on their way at once.
const AT_ONCE: usize = 8;
/// So many orders failed one after the other, and none went through: it is the shop, not the
/// orders.
const SEVERAL: usize = 3;
/// How many times the usual number of tries a message has while no other proves that the shop is
/// there.
const PATIENCE: u32 = 4;
/// Pauses of a shop that does not answer grow to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What is on its way, and how the shop did lately.
#[derive(Default)]
struct SendWindow {
    sending: JoinSet<(Outgoing, Result<Answer, Bug>)>,
    /// Whose messages they are, and since when; the longest first.
    orders: Vec<(String, Instant)>,
    /// Orders that failed since the last that went through.
    failed: BTreeSet<String>,
    /// How often the lane paused since then.
    failures: i32,
}

impl SendWindow {
    fn numbers(&self) -> Vec<String> {
        self.orders
            .iter()
            .map(|(number, _)| number.clone())
            .collect()
    }

    /// Since when the longest is on its way.
    fn since(&self) -> Option<Instant> {
        self.orders.first().map(|(_, since)| *since)
    }
}

/// A shop's lane of this process: whom it calls, and what is on its way.
pub(in crate::worker) struct CallbackLane {
    calls: ShopCalls,
    window: SendWindow,
    slow: SlowCallWatch,
}

impl CallbackLane {
    pub(in crate::worker) fn new(
        app: App,
        shop: ShopName,
        sender: Sender,
        settings: Arc<Settings>,
    ) -> Self {
        let lane = app::lane_of(shop.as_str());
        let (wake_up, metrics) = (app.waker().subscribe(&lane), app.metrics().clone());
        Self {
            window: SendWindow::default(),
            slow: SlowCallWatch::new(&app.lanes, &lane),
            calls: ShopCalls {
                sync: app.sync,
                lanes: app.lanes,
                metrics,
                shop,
                lane,
                sender,
                settings,
                wake_up,
            },
        }
    }
}

impl LaneTurn for CallbackLane {
    fn lane(&self) -> &str {
        &self.calls.lane
    }

    fn wake_up(&self) -> &Arc<Notify> {
        &self.calls.wake_up
    }

    fn renew(&mut self, app: App) {
        self.calls.metrics = app.metrics().clone();
        (self.calls.sync, self.calls.lanes) = (app.sync, app.lanes);
    }

    async fn taken(&mut self, _: &HeldLease) -> Result<(), app::Error> {
        self.window = SendWindow::default();
        self.slow = SlowCallWatch::new(&self.calls.lanes, &self.calls.lane);
        Ok(())
    }

    async fn turn(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        self.calls
            .turn(held, &mut self.window, &mut self.slow)
            .await
    }

    async fn finish(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        while let Some(sent) = self.window.sending.join_next().await {
            match self.calls.answered(held, &mut self.window, sent).await {
                Ok(()) => {}
                Err(error) if error.is_lease_lost() => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        shop = %self.calls.shop, error = %chain(&error),
                        "an answer could not be stored"
                    );
                }
            }
        }
        Ok(())
    }
}

/// Calls to one shop.
struct ShopCalls {
    sync: Arc<Sync>,
    lanes: Arc<Lanes>,
    metrics: Metrics,
    shop: ShopName,
    lane: String,
    sender: Sender,
    settings: Arc<Settings>,
    wake_up: Arc<Notify>,
}

impl ShopCalls {
    /// Sends what is due and takes the next answer; returns how long to wait before the next look.
    async fn turn(
        &self,
        held: &HeldLease,
        window: &mut SendWindow,
        slow: &mut SlowCallWatch,
    ) -> Result<Option<Duration>, app::Error> {
        let (pause, failures) = rests_for(&self.lanes, held, self.settings.poll).await?;
        window.failures = failures;
        let rest = match pause {
            Some(left) => Some(left),
            None => self.send(held, window).await?,
        };
        let Some(since) = window.since() else {
            return Ok(rest);
        };
        // Where the window is full only an answer makes room.
        let rest = rest.unwrap_or(LONGEST_PAUSE);
        let sent = tokio::select! {
            () = sleep(rest, &self.wake_up, held.ending()) => return Ok(None),
            sent = slow.while_waiting(since, window.sending.join_next()) => sent,
        };
        if let Some(sent) = sent {
            self.answered(held, window, sent).await?;
        }
        slow.heard(window.since()).await;
        Ok(None)
    }

    /// Fills the window; returns how long to wait for more, or none if it is full.
    async fn send(
        &self,
        held: &HeldLease,
        window: &mut SendWindow,
    ) -> Result<Option<Duration>, app::Error> {
        // After a failure of the whole shop one message is the trial, not eight.
        let trial = window.failures > 0;
        let most = if trial { 1 } else { AT_ONCE };
        let free = most.saturating_sub(window.orders.len());
        if free == 0 {
            return Ok(None);
        }
        let without = window.numbers();
        let wanted = OutgoingMessage {
            without: &without,
            trial,
            limit: u32::try_from(free).unwrap_or(u32::MAX),
        };
        let due = self
            .sync
            .claim_outgoing(held.lease(), &self.shop, wanted)
            .await?;
        for one in due {
            let sender = self.sender.clone();
            window.orders.push((one.key(), Instant::now()));
            window.sending.spawn(async move {
                let answer = bug::caught_in(sender.send(one.id(), one.message())).await;
                (one, answer)
            });
        }
        if window.orders.len() >= most {
            return Ok(None);
        }
        let next = self
            .sync
            .next_outgoing_due(&self.shop, &window.numbers())
            .await?;
        let next = next.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.02, 3600.0)));
        let rest = self.settings.rest();
        Ok(Some(next.unwrap_or(rest).min(rest)))
    }

    /// Takes what became of a message.
    async fn answered(
        &self,
        held: &HeldLease,
        window: &mut SendWindow,
        sent: Result<(Outgoing, Result<Answer, Bug>), JoinError>,
    ) -> Result<(), app::Error> {
        let Ok((one, answer)) = sent else {
            // The task died with its order's name: the others are heard first, then all are looked
            // at again.
            if window.sending.is_empty() {
                window.orders.clear();
            }
            return Ok(());
        };
        window.orders.retain(|(number, _)| *number != one.key());
        let answer = match answer {
            Ok(answer) => answer,
            Err(bug) => {
                let words = bug.to_string();
                return self.sync.outgoing_failed(held.lease(), &one, &words).await;
            }
        };
        match answer {
            Answer::Gone => self.gone(held).await,
            Answer::Down { words, pause } => self.failed(held, window, &one, &words, pause).await,
            Answer::Unreachable { words } => {
                self.sync
                    .postpone_outgoing(held.lease(), &one, self.own_pause(&one))
                    .await?;
                self.pause(held, window, &words, None).await
            }
            answer => {
                window.failed.clear();
                if window.failures > 0 {
                    self.lanes.clear_pause(held.lease(), true).await?;
                    window.failures = 0;
                }
                match self.take(held, &one, answer).await {
                    Err(error) if error.is_of_the_row() => {
                        let words = error.chain();
                        self.sync.outgoing_failed(held.lease(), &one, &words).await
                    }
                    taken => taken,
                }
            }
        }
    }

    /// Nobody judged the message. It waits by itself; only where several orders failed and none
    /// went through is it the shop.
    async fn failed(
        &self,
        held: &HeldLease,
        window: &mut SendWindow,
        one: &Outgoing,
        words: &str,
        pause: Option<Duration>,
    ) -> Result<(), app::Error> {
        window.failed.insert(one.key());
        let own = self.own_pause(one).max(pause.unwrap_or_default());
        if window.failures > 0 || window.failed.len() >= SEVERAL {
            self.sync.postpone_outgoing(held.lease(), one, own).await?;
            return self.pause(held, window, words, pause).await;
        }
        self.metrics.callback("failed");
        let tries = one.attempts().unsigned_abs().saturating_add(1);
        let alone = self.sync.outgoing_fails_alone(one).await?;
        // A shop of which nothing else is known may just be away for a while.
        let most = self
            .settings
            .attempts
            .saturating_mul(if alone { 1 } else { PATIENCE });
        let delay = (tries < most).then_some(own);
        self.sync
            .outgoing_refused(held.lease(), one, words, delay)
            .await
    }

    /// The pause of a message after its next failure.
    fn own_pause(&self, one: &Outgoing) -> Duration {
        let tries = one.attempts().unsigned_abs().saturating_add(1);
        let cap = self.settings.backoff_cap.min(LONGEST_PAUSE);
        backoff::delay(tries, self.settings.backoff, cap)
    }

    /// Takes an answer. A panic about it is its own message's fault.
    async fn take(
        &self,
        held: &HeldLease,
        one: &Outgoing,
        answer: Answer,
    ) -> Result<(), app::Error> {
        let taking = async {
            self.sync.outgoing_answered(one);
            self.settle(held, one, answer).await
        };
        bug::caught_in(Box::pin(taking)).await?
    }

    async fn settle(
        &self,
        held: &HeldLease,
        one: &Outgoing,
        answer: Answer,
    ) -> Result<(), app::Error> {
        match answer {
            Answer::Taken => self.sync.outgoing_taken(held.lease(), one, None).await,
            Answer::TakenAs(number) => {
                let sync = &self.sync;
                sync.outgoing_taken(held.lease(), one, Some(&number)).await
            }
            Answer::Conflict(Some(snapshot)) => {
                let words = match self
                    .sync
                    .outgoing_contradicted(held.lease(), one, &snapshot)
                    .await
                {
                    Err(app::Error::Invalid(faults)) => app::sentence(&faults),
                    Err(app::Error::Storage(error)) if error.is_of_the_row() => chain(&error),
                    other => return other,
                };
                let words = format!("409 with a snapshot that cannot be used: {words}");
                self.refused(held, one, &words).await
            }
            Answer::Conflict(None) => self.refused(held, one, "409 without a snapshot").await,
            Answer::Refused { words } => self.refused(held, one, &words).await,
            // Handled by the caller: nobody looked at the message.
            Answer::Down { .. } | Answer::Unreachable { .. } | Answer::Gone => Ok(()),
        }
    }

    async fn refused(
        &self,
        held: &HeldLease,
        one: &Outgoing,
        words: &str,
    ) -> Result<(), app::Error> {
        let attempts = one.attempts().unsigned_abs().saturating_add(1);
        let delay = (attempts < self.settings.attempts)
            .then(|| backoff::delay(attempts, self.settings.backoff, self.settings.backoff_cap));
        self.sync
            .outgoing_refused(held.lease(), one, words, delay)
            .await
    }

    /// Nothing is sent until somebody resumes the lane.
    async fn gone(&self, held: &HeldLease) -> Result<(), app::Error> {
        let code = ErrorCode::CallbackGone;
        tracing::error!(
            shop = %self.shop, %code,
            "the shop's callback is gone: nothing is sent until somebody resumes the lane"
        );
        self.metrics.callback("down");
        self.lanes.stop(held.lease(), code).await
    }

    /// Nothing is sent for a while: the shop is away.
    async fn pause(
        &self,
        held: &HeldLease,
        window: &mut SendWindow,
        words: &str,
        pause: Option<Duration>,
    ) -> Result<(), app::Error> {
        self.metrics.callback("down");
        let nth = window.failures.unsigned_abs().saturating_add(1);
        let usual = backoff::delay(nth, self.settings.backoff, LONGEST_PAUSE);
        let fault = LaneFault {
            code: ErrorCode::CallbackDown.as_str(),
            reason: words,
            resume_in: pause.unwrap_or(usual).as_secs_f64(),
        };
        self.lanes.fail(held.lease(), &fault).await?;
        tracing::warn!(
            shop = %self.shop, code = %ErrorCode::CallbackDown, "the shop's lane pauses: {words}"
        );
        Ok(())
    }
}
