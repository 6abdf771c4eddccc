//! The waves of a lane: how one is sent on its way, and what its end means.

use super::PortalLane;
use crate::{
    app::{self, Claim, Delivery, Forms, LaneWaker, RetryPolicy},
    clients::bitrix24::{Blocked, Class, Priority},
    domain::{ErrorCode, OrderKey},
    planner::{CrmEntity, KnownLinks, Outcome, Planned, Settlement, Verdict},
    process::{
        bug::{self, Bug, Step},
        telemetry::traces,
    },
    worker::{
        CallFailure, CrashPoint, PortalClient,
        lanes::{
            isolation::{self, Lessons},
            lease::HeldLease,
            wave_runner::{self, WaveJob, WaveResult},
            waves::{Ended, PATIENCE, WaveEnd, WaveInFlight},
        },
        portal::identity,
    },
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument as _;

/// How far looks for what is urgent lie apart: while thousands of orders come in, each wakes the
/// lane.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

impl<P: PortalClient> PortalLane<P> {
    /// One wave. Returns how long to wait, if the portal is in trouble; not at all, if meanwhile
    /// something is due that goes before everything else. A wave that takes long, or that is not
    /// waited for, goes on by itself.
    pub(super) async fn wave<J: WaveJob>(
        &mut self,
        held: &HeldLease,
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
        let (until, busy) = (Instant::now() + PATIENCE, self.waves.orders());
        while self.waves.is_running(wave) {
            let is_full = self.waves.full();
            let of = (self.app.waker(), &*self.app.forms);
            let patience = (!is_full).then_some(until);
            let ended = tokio::select! {
                biased;
                ended = self.waves.next(patience) => ended,
                () = urgent(of, held.portal(), &busy), if !is_full => {
                    return Ok(Some(Duration::ZERO));
                }
            };
            let Some(ended) = ended else {
                break;
            };
            if let Some(wait) = self.ended(held, ended).await? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// Sends a wave on its way. Its end is stored before the lane hears of it: a wave that nobody
    /// waits for keeps nobody waiting with its end either.
    pub(super) fn spawn_wave<J: Planned>(
        &mut self,
        held: &HeldLease,
        claimed: Vec<(Claim, J)>,
        queued: impl FnOnce(Vec<J>) -> wave_runner::QueuedWave,
    ) -> tokio::task::Id {
        let span = tracing::info_span!("wave", portal = %self.name, orders = claimed.len());
        let delivery = Arc::clone(&self.app.delivery);
        let (portal, held) = (self.portal.clone(), held.clone());
        let (carried, tries) = (WaveInFlight::of(&claimed), self.tries());
        let (claims, jobs): (Vec<_>, Vec<_>) = claimed.into_iter().unzip();
        let numbers: Vec<_> = jobs.iter().map(|job| job.number().clone()).collect();
        let spans: Vec<_> = claims.iter().map(|claim| settling(claim, &span)).collect();
        let (queued, wake_up) = (queued(jobs), Arc::clone(&self.wake_up));
        let wave = async move {
            let done = bug::caught_in(async {
                for number in &numbers {
                    delivery.step(Step::Plan, number.as_str());
                }
                wave_runner::perform(&delivery, &portal, &held, queued).await
            });
            let done = done.await;
            drop(spans);
            let ended = match done {
                Ok(done) => Ended::Done(Box::new(
                    stored((&delivery, &portal, &held), &tries, claims, done).await,
                )),
                Err(bug) => Ended::Broke(claims, bug),
            };
            wake_up.notify_one();
            ended
        };
        self.waves.start(carried, wave.instrument(span))
    }

    /// Judges what the end of a wave means for the lane.
    pub(super) async fn ended(
        &mut self,
        held: &HeldLease,
        ended: Ended,
    ) -> Result<Option<Duration>, app::Error> {
        let end = match ended {
            Ended::Done(end) => *end,
            Ended::Broke(claims, bug) => return self.broke(held, &claims, &bug).await,
        };
        let WaveEnd {
            result, lessons, ..
        } = end;
        if let Some(facts) = result.facts {
            self.facts = facts;
        }
        if let Some(learned) = result.products {
            self.products.settled(end.claimed, end.settled);
            self.learn_of_products(learned).await?;
        }
        if let Some(learned) = result.pictures {
            self.learn_of_pictures(learned).await?;
        }
        self.isolated.learn(&lessons);
        if end.hidden {
            self.recognition.doubt();
        }
        end.stored?;
        self.apply_outcome(held, result.failure.as_ref(), result.answered)
            .await
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
}

/// Stores how a wave ended.
async fn stored<P: PortalClient>(
    (delivery, portal, held): (&Delivery, &P, &HeldLease),
    tries: &RetryPolicy,
    claims: Vec<Claim>,
    mut result: WaveResult,
) -> WaveEnd {
    tell_hidden(&mut result);
    put_off_denied(&mut result);
    let (lessons, claimed) = (Lessons::of(&claims, &result), claims.len());
    let hidden = put_off_hidden((delivery, portal, held), &mut result).await;
    let (hidden, unasked) = match hidden {
        Ok(hidden) => (hidden, None),
        Err(error) => (true, Some(error)),
    };
    held.reached(CrashPoint::BeforeSettle).await;
    let mut slots: Vec<_> = claims.into_iter().map(Some).collect();
    let pair = |settlement: Settlement| {
        let claim = slots.get_mut(settlement.job.place())?.take()?;
        Some((claim, settlement))
    };
    let settlements = std::mem::take(&mut result.settlements);
    let ended: Vec<_> = settlements.into_iter().filter_map(pair).collect();
    let settled = ended.len();
    let stored = match unasked {
        Some(error) => Err(error),
        None => delivery.settle(held.lease(), tries, ended).await.map(drop),
    };
    held.reached(CrashPoint::AfterSettle).await;
    WaveEnd {
        result,
        lessons,
        claimed,
        settled,
        hidden,
        stored: held.heard(stored),
    }
}

/// An order whose deal the portal no longer shows is not judged where it is another portal, or one
/// that hides its deals from the bridge: what stands in the way then. Returns whether that is so,
/// and the portal is to be asked again who it is.
async fn put_off_hidden<P: PortalClient>(
    (delivery, portal, held): (&Delivery, &P, &HeldLease),
    result: &mut WaveResult,
) -> Result<bool, app::Error> {
    let is_gone = |one: &Settlement| match one.outcome {
        Outcome::Hopeless { code, .. } => code == ErrorCode::DealGone,
        _ => false,
    };
    if !result.settlements.iter().any(is_gone) {
        return Ok(false);
    }
    let failure = match Box::pin(identity::inquire(delivery, portal, held)).await? {
        Ok(Some(Verdict::Another | Verdict::WentBack)) => None,
        Ok(_) => return Ok(false),
        Err(failure) => Some(failure),
    };
    let code = failure
        .as_ref()
        .map_or(ErrorCode::OtherPortal, |failure| failure.code);
    for one in result.settlements.iter_mut().filter(|one| is_gone(one)) {
        one.outcome = Outcome::Again { code };
        if failure.is_none() {
            // Every link was let go.
            one.known = KnownLinks::default();
        }
    }
    if failure.is_some() {
        result.failure = failure;
    }
    Ok(true)
}

/// Where not one linked card of a kind is to be seen, the wave has made nobody another one: the
/// lane waits until the right is back.
fn tell_hidden(result: &mut WaveResult) {
    let unseen = Outcome::Again {
        code: ErrorCode::Rights,
    };
    if result.settlements.iter().all(|one| one.outcome != unseen) {
        return;
    }
    let message = "the portal shows none of the contacts or companies that orders are linked with, \
                   and its user is no administrator: he may no longer see them";
    result.failure.get_or_insert(CallFailure {
        class: Class::Blocked(Blocked::Reads),
        code: ErrorCode::Rights,
        message: message.to_owned(),
        maybe_executed: false,
    });
}

/// Where the bridge's user may write nothing of a kind, no order is to blame: those that were
/// denied wait, and the lane waits with them until the right is back. That it is not the right to
/// one deal alone is told by what else the wave wrote: nothing new was made though something was to
/// be, or not one of several deals was changed.
fn put_off_denied(result: &mut WaveResult) {
    // Only orders and forms: activities and products have their own ways.
    if result.facts.is_none() {
        return;
    }
    let words = |one: &Settlement| match &one.outcome {
        Outcome::Refused { code, message } | Outcome::Apart { code, message }
            if *code == ErrorCode::Rights =>
        {
            Some(message.clone())
        }
        _ => None,
    };
    let ended = &result.settlements;
    let wrote = |one: &&Settlement| matches!(one.outcome, Outcome::Done { wrote: true });
    let denied = ended.iter().filter(|one| words(one).is_some());
    let (old, new): (Vec<_>, Vec<_>) = denied.partition(|one| one.known.target.is_some());
    // What a lead was made as is not told.
    let made = |one: &Settlement| {
        one.made_as.is_some() || matches!(one.known.target, Some(CrmEntity::Lead(_)))
    };
    let (makes, changes): (Vec<_>, Vec<_>) = ended.iter().filter(wrote).partition(|one| made(one));
    let makes_nothing = !new.is_empty() && makes.is_empty();
    let changes_nothing = old.len() > 1 && changes.is_empty();
    if !makes_nothing && !changes_nothing {
        return;
    }
    let message = ended.iter().find_map(words).unwrap_or_default();
    for one in &mut result.settlements {
        if words(one).is_some() {
            one.outcome = Outcome::Again {
                code: ErrorCode::Rights,
            };
        }
    }
    result.failure.get_or_insert(CallFailure {
        class: Class::Blocked(Blocked::Writes),
        code: ErrorCode::Rights,
        message: format!("the portal lets the bridge read, and denies what it writes: {message}"),
        maybe_executed: false,
    });
}

/// Comes back when something is due that goes before everything else, and is not in hand already:
/// what is under way goes on beside it.
async fn urgent((waker, forms): (&LaneWaker, &Forms), portal: &str, busy: &BTreeSet<OrderKey>) {
    let wake_up = waker.subscribe(portal);
    loop {
        // Consuming the wake-up here is safe: the lane looks again after what it waits for.
        wake_up.notified().await;
        if forms.is_urgent(portal, busy).await.unwrap_or(false) {
            return;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
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
