//! The lane of a 1C base that is told of orders at once: one order after the other.
//!
//! An order that the service refuses, or at which it fails, waits, counts and dies by itself; the
//! lane pauses where the service as a whole does not answer, does not take the login, or answers
//! what cannot be read.

use super::{
    lease::HeldLease,
    leased::{LaneTurn, rests_for},
};
use crate::{
    app::{self, App, LaneFault, Lanes, Onec, onec::Push, onec_lane_of},
    clients::onec::{Answer, Client},
    domain::{BaseName, ErrorCode, OrderKey},
    process::{backoff, bug},
    worker::{CrashPoint, Settings},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// So many orders failed one after the other, and none went through: it is the service, not the
/// orders.
const SEVERAL: usize = 3;
/// How many times the usual number of tries an order has while no other proves that the service
/// works.
const PATIENCE: u32 = 4;
/// Pauses of a service that does not answer grow to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A base's lane of this process.
pub(in crate::worker) struct PushLane {
    onec: Arc<Onec>,
    lanes: Arc<Lanes>,
    base: BaseName,
    lane: String,
    client: Client,
    settings: Arc<Settings>,
    wake_up: Arc<Notify>,
    /// Orders at which the service failed since the last that it judged.
    failed: BTreeSet<OrderKey>,
    /// The service has judged an order since the lane was taken or paused.
    works: bool,
    /// How often the lane paused since then.
    failures: i32,
}

impl PushLane {
    pub(in crate::worker) fn new(
        app: App,
        base: BaseName,
        client: Client,
        settings: Arc<Settings>,
    ) -> Self {
        let lane = onec_lane_of(base.as_str());
        let wake_up = app.waker().subscribe(&lane);
        Self {
            onec: app.onec,
            lanes: app.lanes,
            base,
            lane,
            client,
            settings,
            wake_up,
            failed: BTreeSet::new(),
            works: false,
            failures: 0,
        }
    }
}

impl LaneTurn for PushLane {
    fn lane(&self) -> &str {
        &self.lane
    }

    fn wake_up(&self) -> &Arc<Notify> {
        &self.wake_up
    }

    fn renew(&mut self, app: App) {
        (self.onec, self.lanes) = (app.onec, app.lanes);
    }

    async fn taken(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        self.failed.clear();
        self.works = false;
        let row = self.lanes.row(&self.lane).await?;
        let code = row.and_then(|row| row.paused_code);
        let mended = [ErrorCode::OneCPushLogin, ErrorCode::OneCPushAnswer];
        // Whoever takes the lane may have been told of another login or address.
        if mended
            .iter()
            .any(|one| code.as_deref() == Some(one.as_str()))
        {
            self.lanes.clear_pause(held.lease(), false).await?;
        }
        Ok(())
    }

    async fn turn(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        let (rest, failures) = rests_for(&self.lanes, held, self.settings.rest()).await?;
        self.failures = failures;
        if rest.is_some() {
            return Ok(rest);
        }
        let onec = &self.onec;
        let within = held.lands_within();
        let Some(push) = onec.claim_push(held.lease(), &self.base, within).await? else {
            let next = onec.next_push(&self.base).await?;
            let rest = self.settings.rest();
            return Ok(Some(next.unwrap_or(rest).max(self.settings.poll).min(rest)));
        };
        held.reached(CrashPoint::Intended).await;
        if !held.may_send() {
            let at_once = (Duration::ZERO, false);
            onec.push_again(held.lease(), &push, at_once).await?;
            return Ok(None);
        }
        let document = push.document().to_vec();
        let sending = self.client.push(document, push.charset(), within);
        let answer = bug::caught_in(sending).await;
        held.reached(CrashPoint::Called).await;
        match answer {
            Ok(answer) => self.answered(held, &push, answer).await?,
            // Whether it was sent is not known.
            Err(bug) => {
                let words = bug.to_string();
                self.pause(held, ErrorCode::Bug, &words, None).await?;
            }
        }
        Ok(None)
    }

    async fn finish(&mut self, _: &HeldLease) -> Result<(), app::Error> {
        Ok(())
    }
}

impl PushLane {
    async fn answered(
        &mut self,
        held: &HeldLease,
        push: &Push,
        answer: Answer,
    ) -> Result<(), app::Error> {
        let (onec, lease) = (&self.onec, held.lease());
        let not_sent = (Duration::ZERO, false);
        match answer {
            Answer::Taken => {
                onec.push_taken(lease, push).await?;
                self.judged(held).await
            }
            Answer::Refused(words) => {
                onec.push_refused(lease, push, &words).await?;
                self.judged(held).await
            }
            Answer::Failed(words) => self.failed_at(held, push, &words).await,
            Answer::Login(words) => {
                onec.push_again(lease, push, not_sent).await?;
                let pause = Some(self.settings.probe);
                self.pause(held, ErrorCode::OneCPushLogin, &words, pause)
                    .await
            }
            Answer::Nowhere(words) => {
                onec.push_again(lease, push, not_sent).await?;
                self.pause(held, ErrorCode::OneCPushAnswer, &words, None)
                    .await
            }
            Answer::Down { words, pause } => {
                onec.push_again(lease, push, not_sent).await?;
                self.pause(held, ErrorCode::OneCPushDown, &words, pause)
                    .await
            }
            // What may have arrived stays on record as under way until it can arrive no more.
            Answer::Odd(words) => {
                self.pause(held, ErrorCode::OneCPushAnswer, &words, None)
                    .await
            }
            Answer::Lost(words) => {
                self.pause(held, ErrorCode::OneCPushDown, &words, None)
                    .await
            }
        }
    }

    /// The service works: it has judged an order.
    async fn judged(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        self.failed.clear();
        self.works = true;
        if self.failures > 0 {
            self.lanes.clear_pause(held.lease(), true).await?;
            self.failures = 0;
        }
        Ok(())
    }

    /// The service's handler failed at an order. It waits by itself; only where several failed and
    /// none went through is it the service.
    async fn failed_at(
        &mut self,
        held: &HeldLease,
        push: &Push,
        words: &str,
    ) -> Result<(), app::Error> {
        self.failed.insert(push.order());
        let tries = push.attempts().saturating_add(1);
        let cap = self.settings.backoff_cap.min(LONGEST_PAUSE);
        let own = backoff::delay(tries, self.settings.backoff, cap);
        let (onec, lease) = (&self.onec, held.lease());
        if self.failures > 0 || self.failed.len() >= SEVERAL {
            onec.push_again(lease, push, (own, false)).await?;
            return self.pause(held, ErrorCode::OneCPushDown, words, None).await;
        }
        let patience = if self.works { 1 } else { PATIENCE };
        if tries < self.settings.attempts.saturating_mul(patience) {
            return onec.push_again(lease, push, (own, true)).await;
        }
        onec.push_refused(lease, push, words).await
    }

    /// Nothing is sent for a while.
    async fn pause(
        &mut self,
        held: &HeldLease,
        code: ErrorCode,
        words: &str,
        pause: Option<Duration>,
    ) -> Result<(), app::Error> {
        self.works = false;
        let nth = self.failures.unsigned_abs().saturating_add(1);
        let usual = backoff::delay(nth, self.settings.backoff, LONGEST_PAUSE);
        let fault = LaneFault {
            code: code.as_str(),
            reason: words,
            resume_in: pause.unwrap_or(usual).as_secs_f64(),
        };
        self.lanes.fail(held.lease(), &fault).await?;
        tracing::warn!(base = %self.base, %code, "orders are not pushed for a while: {words}");
        Ok(())
    }
}
