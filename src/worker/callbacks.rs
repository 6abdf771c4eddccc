//! One shop's lane: tells it what was decided, several orders at a time, each order's changes one after the other.

use super::{
    Options,
    lease::{Held, chain},
    troubles::Slow,
};
use crate::{
    app::{self, Bridge, Outgoing},
    callback::{Answer, Sender},
    domain::{Code, ShopName},
    retry,
    storage::{
        self,
        lanes::{self, Fault},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Messages on their way at once.
const AT_ONCE: u32 = 8;
/// Pauses of a shop that does not answer grow to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A shop's lane of this process.
pub(super) struct CallbackLane {
    bridge: Bridge,
    shop: ShopName,
    lane: String,
    sender: Sender,
    options: Options,
    bell: Arc<Notify>,
}

impl CallbackLane {
    pub(super) fn new(bridge: Bridge, shop: ShopName, sender: Sender, options: Options) -> Self {
        let lane = app::lane_of(shop.as_str());
        let bell = bridge.bell().of(&lane);
        Self {
            bridge,
            shop,
            lane,
            sender,
            options,
            bell,
        }
    }

    /// Works until told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match Held::acquire(&self.bridge, &self.lane, &self.options, &stop).await {
                Ok(Some(held)) => held.while_held(&self.bridge, self.drive(&held)).await,
                Ok(None) => self.sleep(self.options.poll, &stop).await,
                Err(error) => {
                    tracing::warn!(shop = %self.shop, %error, "the shop's lane cannot be taken: the database does not answer");
                    self.sleep(self.options.poll, &stop).await;
                }
            }
        }
    }

    async fn drive(&self, held: &Held) {
        while held.may_send() {
            let wait = match self.turn(held).await {
                Ok(wait) => wait,
                Err(app::Error::Storage(storage::Error::LeaseLost)) => return held.lose(),
                Err(error) => {
                    tracing::warn!(shop = %self.shop, error = %chain(&error), "a turn of the shop's lane failed");
                    Some(self.options.poll)
                }
            };
            if let Some(wait) = wait {
                self.sleep(wait, held.stop()).await;
            }
        }
    }

    /// Sends what is due; returns how long to wait before the next look.
    async fn turn(&self, held: &Held) -> Result<Option<Duration>, app::Error> {
        let row = {
            let mut db = self.bridge.pool().acquire().await?;
            lanes::one(&mut db, &self.lane).await?
        };
        let failures = row.as_ref().map_or(0, |row| row.failures);
        if let Some(row) = row.filter(|row| row.paused_at.is_some()) {
            match row.resume_in {
                None => return Ok(Some(self.options.poll)),
                Some(seconds) if seconds > 0.0 => {
                    let rest = Duration::from_secs_f64(seconds.min(3600.0));
                    return Ok(Some(rest.min(self.options.poll)));
                }
                // The pause is over: the next message is the trial.
                Some(_) => {
                    let mut db = self.bridge.pool().acquire().await?;
                    lanes::go_on(&mut db, held.lease(), false).await?;
                }
            }
        }
        // After a failure one message is the trial, not eight.
        let many = if failures > 0 { 1 } else { AT_ONCE };
        let due = self.bridge.outgoing(held.lease(), &self.shop, many).await?;
        if due.is_empty() {
            let next = self.bridge.next_outgoing(&self.shop).await?;
            let next = next.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.02, 3600.0)));
            return Ok(Some(
                self.options.poll.min(next.unwrap_or(self.options.poll)),
            ));
        }
        let mut sending = JoinSet::new();
        for one in due {
            let sender = self.sender.clone();
            sending.spawn(async move {
                let answer = sender.send(&one.id, &one.message).await;
                (one, answer)
            });
        }
        let (mut failed, mut answered) = (None, false);
        let mut slow = Slow::new(&self.bridge, &self.lane);
        while let Some(sent) = slow.while_waiting(sending.join_next()).await {
            let Ok((one, answer)) = sent else { continue };
            match answer {
                Answer::Down { .. } | Answer::Gone => failed = Some(answer),
                answer => {
                    answered = true;
                    self.settle(held, &one, answer).await?;
                }
            }
        }
        slow.over().await;
        match failed {
            Some(failed) => self.pause(held, failures, failed).await.map(Some),
            None if answered && failures > 0 => {
                let mut db = self.bridge.pool().acquire().await?;
                lanes::go_on(&mut db, held.lease(), true).await?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    async fn settle(&self, held: &Held, one: &Outgoing, answer: Answer) -> Result<(), app::Error> {
        match answer {
            Answer::Taken => self.bridge.told(held.lease(), one).await,
            Answer::Conflict(Some(snapshot)) => {
                match self.bridge.contradicted(held.lease(), one, &snapshot).await {
                    Err(app::Error::Invalid(faults)) => {
                        let words = format!(
                            "409 with a snapshot that cannot be used: {}",
                            app::sentence(&faults)
                        );
                        self.refused(held, one, &words).await
                    }
                    other => other,
                }
            }
            Answer::Conflict(None) => self.refused(held, one, "409 without a snapshot").await,
            Answer::Refused { words } => self.refused(held, one, &words).await,
            // Handled by the caller: nobody looked at the message.
            Answer::Down { .. } | Answer::Gone => Ok(()),
        }
    }

    async fn refused(&self, held: &Held, one: &Outgoing, words: &str) -> Result<(), app::Error> {
        let attempts = one.attempts().unsigned_abs().saturating_add(1);
        let delay = (attempts < self.options.attempts)
            .then(|| retry::delay(attempts, self.options.backoff, self.options.backoff_cap));
        self.bridge.not_told(held.lease(), one, words, delay).await
    }

    /// Nothing is sent for a while: the shop is away, or does not want to be called.
    async fn pause(
        &self,
        held: &Held,
        failures: i32,
        answer: Answer,
    ) -> Result<Duration, app::Error> {
        self.bridge.metrics().callback("down");
        let mut db = self.bridge.pool().acquire().await?;
        let Answer::Down { words, pause } = answer else {
            let code = Code::CallbackGone;
            tracing::error!(shop = %self.shop, %code, "the shop's callback is gone: nothing is sent until somebody resumes the lane");
            lanes::stop(&mut db, held.lease(), code.as_str(), code.sentence()).await?;
            return Ok(self.options.poll);
        };
        let nth = failures.unsigned_abs().saturating_add(1);
        let usual = retry::delay(nth, self.options.backoff, LONGEST_PAUSE);
        let resume_in = pause.unwrap_or(usual);
        let fault = Fault {
            code: Code::CallbackDown.as_str(),
            reason: &words,
            resume_in: resume_in.as_secs_f64(),
        };
        lanes::fail(&mut db, held.lease(), &fault).await?;
        tracing::warn!(shop = %self.shop, code = %Code::CallbackDown, "the shop's lane pauses: {words}");
        Ok(resume_in.min(self.options.poll))
    }

    async fn sleep(&self, time: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.bell.notified() => {}
            () = stop.cancelled() => {}
        }
    }
}
