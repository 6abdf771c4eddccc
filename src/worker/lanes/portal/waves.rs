//! The waves of a lane: how one is sent on its way, and what its end means.

use super::PortalLane;
use crate::{
    app::{self, Claim, RetryPolicy},
    clients::bitrix24::Priority,
    domain::ErrorCode,
    planner::{JobIx, KnownLinks, Outcome, Planned, Settlement, Verdict},
    process::{
        bug::{self, Bug, Step},
        telemetry::traces,
    },
    worker::{
        CallFailure, CrashPoint, PortalClient,
        lanes::{
            isolation,
            lease::HeldLease,
            wave_runner::{self, WaveJob},
            waves::{Ended, PATIENCE, WaveInFlight},
        },
        portal::identity,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument as _;

impl<P: PortalClient> PortalLane<P> {
    /// One wave. Returns how long to wait, if the portal is in trouble. One that takes long goes on
    /// by itself.
    pub(super) async fn wave<J: WaveJob>(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
        claimed: Vec<(Claim, J)>,
        priority: Priority,
    ) -> Result<Option<Duration>, app::Error> {
        held.reached(CrashPoint::Claimed).await;
        let doubtful = self.app.delivery.customers_in_doubt(held.portal()).await?;
        let judges =
            matches!(&*claimed, [(claim, _)] if self.isolated.exhausted(&isolation::key(claim)));
        let facts = self.facts.clone();
        let queued = |jobs| wave_runner::QueuedWave {
            kind: J::kind(jobs, facts, doubtful),
            priority,
            judges,
        };
        let wave = self.spawn_wave(held, claimed, queued);
        let until = Instant::now() + PATIENCE;
        while self.waves.is_running(wave) {
            let patience = (!self.waves.full()).then_some(until);
            let Some(ended) = self.waves.next(patience).await else {
                break;
            };
            if let Some(wait) = self.ended(held, tries, ended).await? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// Sends a wave on its way.
    pub(super) fn spawn_wave<J: Planned>(
        &mut self,
        held: &HeldLease,
        claimed: Vec<(Claim, J)>,
        queued: impl FnOnce(Vec<J>) -> wave_runner::QueuedWave,
    ) -> tokio::task::Id {
        let span = tracing::info_span!("wave", portal = %self.name, orders = claimed.len());
        let (app, portal, held) = (self.app.clone(), self.portal.clone(), held.clone());
        let carried = WaveInFlight::of(&claimed);
        let (claims, jobs): (Vec<_>, Vec<_>) = claimed.into_iter().unzip();
        let numbers: Vec<_> = jobs.iter().map(|job| job.number().clone()).collect();
        let spans: Vec<_> = claims.iter().map(|claim| settling(claim, &span)).collect();
        let (queued, wake_up) = (queued(jobs), Arc::clone(&self.wake_up));
        let wave = async move {
            let done = bug::caught_in(async {
                for number in &numbers {
                    app.step(Step::Plan, number.as_str());
                }
                wave_runner::perform(&app, &portal, &held, queued).await
            });
            let done = done.await;
            drop(spans);
            wake_up.notify_one();
            Ended { claims, done }
        };
        self.waves.start(carried, wave.instrument(span))
    }

    /// Stores how a wave ended, and judges what that means for the lane.
    pub(super) async fn ended(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
        ended: Ended,
    ) -> Result<Option<Duration>, app::Error> {
        let Ended { claims, done } = ended;
        let mut done = match done {
            Ok(done) => done,
            Err(bug) => return self.broke(held, &claims, &bug).await,
        };
        if let Some(facts) = done.facts.take() {
            self.facts = facts;
        }
        if let Some(learned) = done.products.take() {
            self.learn_of_products(learned).await?;
        }
        if let Some(learned) = done.pictures.take() {
            self.learn_of_pictures(learned).await?;
        }
        self.learn(&claims, &done);
        if let Some(hidden) = self.put_off_hidden(held, &mut done.settlements).await? {
            done.failure = Some(hidden);
        }
        held.reached(CrashPoint::BeforeSettle).await;
        let mut slots: Vec<_> = claims.into_iter().map(Some).collect();
        let pair = |settlement: Settlement| {
            let claim = slots.get_mut(settlement.job.place())?.take()?;
            Some((claim, settlement))
        };
        let ended = done.settlements.into_iter().filter_map(pair).collect();
        self.app.delivery.settle(held.lease(), tries, ended).await?;
        held.reached(CrashPoint::AfterSettle).await;
        self.apply_outcome(held, done.failure.as_ref(), done.answered)
            .await
    }

    /// An order whose deal the portal no longer shows is not judged where it is another portal, or
    /// one that hides its deals from the bridge: what stands in the way then.
    async fn put_off_hidden(
        &mut self,
        held: &HeldLease,
        ended: &mut [Settlement],
    ) -> Result<Option<CallFailure>, app::Error> {
        let is_gone = |one: &Settlement| match one.outcome {
            Outcome::Hopeless { code, .. } => code == ErrorCode::DealGone,
            _ => false,
        };
        if !ended.iter().any(is_gone) {
            return Ok(None);
        }
        let asked = Box::pin(identity::inquire(&self.app, &self.portal, held));
        let failure = match asked.await? {
            Ok(Some(Verdict::Another | Verdict::WentBack)) => None,
            Ok(_) => return Ok(None),
            Err(failure) => Some(failure),
        };
        let code = failure
            .as_ref()
            .map_or(ErrorCode::OtherPortal, |failure| failure.code);
        for one in ended.iter_mut().filter(|one| is_gone(one)) {
            one.outcome = Outcome::Again { code };
            if failure.is_none() {
                // Every link was let go.
                one.known = KnownLinks::default();
            }
        }
        self.recognition.doubt();
        Ok(failure)
    }

    /// A wave ended by a panic. What it wrote is under way, and looked up when its orders are tried
    /// again: in smaller company, until the one is alone behind which the panic is. That one is
    /// given up.
    pub(super) async fn broke(
        &mut self,
        held: &HeldLease,
        claims: &[Claim],
        bug: &Bug,
    ) -> Result<Option<Duration>, app::Error> {
        let (orders, place) = (claims.len(), &bug.place);
        tracing::error!(portal = %self.name, orders, place, "a wave ended by a panic");
        if let [claim] = claims {
            let words = bug.to_string();
            self.app
                .delivery
                .dead_letter_claim(held.lease(), claim, ErrorCode::Bug, &words)
                .await?;
            self.isolated.clear(&isolation::key(claim));
        } else {
            let all: Vec<_> = claims.iter().map(isolation::key).collect();
            self.isolated.suspect(&all);
        }
        Ok(None)
    }

    /// Who is to be tried in smaller company, and who no longer.
    pub(super) fn learn(&mut self, claims: &[Claim], done: &wave_runner::WaveResult) {
        let of = |job: JobIx| claims.get(job.place()).map(isolation::key);
        let silent: Vec<_> = done.unanswered.iter().filter_map(|job| of(*job)).collect();
        let mut suspects = Vec::new();
        for settlement in &done.settlements {
            let Some(order) = of(settlement.job) else {
                continue;
            };
            match settlement.outcome {
                Outcome::Apart { .. } => suspects.push(order),
                _ if done.unanswered.contains(&settlement.job) => suspects.push(order),
                Outcome::Done { .. } | Outcome::Hopeless { .. } | Outcome::Onward => {
                    self.isolated.clear(&order);
                }
                Outcome::Refused { .. } | Outcome::Again { .. } => {}
            }
        }
        self.isolated.suspect(&suspects);
        if !silent.is_empty() || done.failure.is_some() {
            self.isolated.silent(&silent);
        }
    }
}

/// The span of one event's settling: part of the trace of the shop's request, and linked with the
/// wave whose calls many events share.
fn settling(claim: &Claim, wave: &tracing::Span) -> tracing::Span {
    let span = tracing::info_span!(parent: None, "settle", shop = claim.shop);
    if let Some(traceparent) = &claim.traceparent {
        traces::follow(&span, traceparent);
    }
    traces::link(&span, wave);
    span
}
