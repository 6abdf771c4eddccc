//! One portal's lane: holds the lease, and brings what is due to the portal.

use super::{
    isolation::{self, IsolatedOrders},
    lease::{HeldLease, chain},
    lowered_pace,
    restarts::Restarts,
    wave_runner,
    waves::{Ended, Hand, PATIENCE, Waves},
};
use crate::{
    app::{self, App, Claim, FormWork, RetryPolicy},
    backoff,
    bitrix24::{Class, Priority},
    bug::{self, Bug, Step},
    domain::{ErrorCode, PortalName},
    planner::{Job, Outcome, PortalFacts, Settlement},
    storage::{
        self,
        queue::{
            lanes::{self, LaneFault, LaneRow},
            rate_state,
        },
    },
    telemetry::traces,
    worker::{
        CallFailure, CrashPoint, Options, PortalClient,
        lead_conversions::ConversionLooks,
        lead_mode::{LeadMode, Leads},
        permit_server,
        portal_identity::{self, PortalRecognition},
        stage_sync::StageSyncTurn,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// A lane of this process.
pub(in crate::worker) struct PortalLane<P> {
    app: App,
    name: PortalName,
    portal: P,
    options: Options,
    bell: Arc<Notify>,
    facts: PortalFacts,
    back: StageSyncTurn,
    apart: IsolatedOrders,
    waves: Waves,
    acquaintance: PortalRecognition,
    /// Whether failures or a pause were on record when the turn began.
    troubled: bool,
    /// Whether history has just given way to what is read back: then it is its turn, however often
    /// that is due.
    gave_way: bool,
    enquiries: LeadMode,
    following: ConversionLooks,
    turns: Restarts,
}

impl<P: PortalClient> PortalLane<P> {
    pub(in crate::worker) fn new(
        app: App,
        name: PortalName,
        portal: P,
        mut options: Options,
        turns: Restarts,
    ) -> Self {
        options.drains = portal.full_drain_time();
        let bell = app.waker().subscribe(name.as_str());
        Self {
            app,
            name,
            portal,
            options,
            bell,
            facts: PortalFacts::default(),
            back: StageSyncTurn::default(),
            apart: IsolatedOrders::default(),
            waves: Waves::default(),
            acquaintance: PortalRecognition::default(),
            troubled: false,
            gave_way: false,
            enquiries: LeadMode::default(),
            following: ConversionLooks::default(),
            turns,
        }
    }

    /// Works until told to stop.
    pub(in crate::worker) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match HeldLease::acquire(&self.app, self.name.as_str(), &self.options, &stop).await {
                Ok(Some(held)) => {
                    // Whatever happened while somebody else, or nobody, held the lane.
                    self.back.force_rescan();
                    self.acquaintance.doubt();
                    let app = self.app.clone();
                    held.while_held(&app, self.own(&held)).await;
                }
                Ok(None) => self.sleep(self.options.poll, &stop).await,
                Err(error) => {
                    tracing::warn!(portal = %self.name, %error, "the lane cannot be taken: the database does not answer");
                    self.sleep(self.options.poll, &stop).await;
                }
            }
        }
    }

    /// Drives the lane with what earlier owners left of the portal's limit, and tells the next
    /// owner what is left.
    async fn own(&mut self, held: &HeldLease) {
        match self.take_over(held).await {
            Ok(left) => self.portal.take_over(left),
            Err(error) => {
                tracing::warn!(portal = %self.name, error = %chain(&error), "the portal's limit is not known");
                return;
            }
        }
        let guests = permit_server::serve(
            self.app.clone(),
            self.portal.clone(),
            held,
            self.options.poll,
        );
        let (app, portal) = (self.app.clone(), self.portal.clone());
        tokio::select! {
            () = self.drive(held) => {}
            () = guests => {}
            () = lowered_pace::tell(&app, portal, held) => {}
        }
        let left = self.portal.drain_time().as_secs_f64();
        if let Ok(mut db) = self.app.pool().acquire().await
            && let Err(error) = rate_state::hand_over(&mut db, held.lease(), left).await
        {
            tracing::debug!(portal = %self.name, %error, "the next owner takes the portal's limit for used up");
        }
    }

    async fn take_over(&self, held: &HeldLease) -> Result<Duration, app::Error> {
        let mut db = self.app.pool().acquire().await?;
        let drains = self.options.drains.as_secs_f64();
        let left = rate_state::take_over(&mut db, held.lease(), drains).await?;
        Ok(Duration::from_secs_f64(left.min(3600.0)))
    }

    /// Brings what is due to the portal while the lease holds.
    async fn drive(&mut self, held: &HeldLease) {
        while held.may_send() {
            let wait = match self.turn(held).await {
                Ok(wait) => {
                    self.turns.went_well().await;
                    wait
                }
                Err(app::Error::Storage(storage::Error::LeaseLost)) => {
                    held.lose();
                    return;
                }
                Err(error) => {
                    tracing::warn!(portal = %self.name, error = %chain(&error), "a turn of the lane failed");
                    self.turns.failed(&chain(&error)).await;
                    Some(self.options.poll)
                }
            };
            if let Some(wait) = wait {
                self.sleep(wait, held.stop()).await;
            }
        }
        // What is under way sends nothing any more; how it ended is stored.
        let tries = self.tries();
        while let Some(ended) = self.waves.next(None).await {
            if let Err(error) = self.ended(held, &tries, ended).await {
                tracing::warn!(portal = %self.name, error = %chain(&error), "a wave's end is not stored: its orders are looked up");
            }
        }
    }

    /// One turn: a wave of orders if any are due, then the way back, then a wave of history if
    /// nothing else is due. Returns how long to wait before the next.
    async fn turn(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        let tries = self.tries();
        while let Some(ended) = self.waves.ended() {
            if let Some(wait) = self.ended(held, &tries, ended).await? {
                return Ok(Some(wait));
            }
        }
        if let Some(wait) = self.paused(held).await? {
            self.back.force_rescan();
            return Ok(Some(wait));
        }
        let every = self.options.reconcile * 10;
        let asked = self.acquaintance.ask(&self.app, &self.portal, held, every);
        if let Some(failure) = asked.await? {
            return self.failed(held, &failure).await;
        }
        // Whoever sent a form waits for a call: forms go before orders, a call or two of them a
        // turn.
        let (wait, answered) = self.forms(held, &tries).await?;
        if wait.is_some() {
            return Ok(wait);
        }
        let busy = self.waves.orders();
        let claimed = self
            .app
            .delivery
            .claim_beside(held.lease(), self.options.wave, &busy);
        let claimed = self.waves.without_shared(claimed.await?);
        let (history, live): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|(claim, _)| claim.history);
        let (live, few) = self.apart.divide(live);
        let worked = answered || !live.is_empty() || !few.is_empty();
        if !live.is_empty()
            && let Some(wait) = self.wave(held, &tries, live, Priority::Live).await?
        {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.few(held, &tries, few, Priority::Live).await? {
            return Ok(Some(wait));
        }
        if !history.is_empty() && std::mem::take(&mut self.gave_way) {
            return self.history(held, &tries, history).await;
        }
        if let Some(wait) = self.follow(held).await? {
            return Ok(Some(wait));
        }
        if portal_identity::find_again(&self.app, &self.portal, held).await? {
            return Ok(None);
        }
        let reconcile = self.options.reconcile;
        let turned = self
            .back
            .turn(&self.app, &self.portal, held, (reconcile, &tries), &busy)
            .await?;
        if let Some(turned) = &turned
            && let Some(wait) = self
                .apply_outcome(held, turned.failure.as_ref(), turned.answered)
                .await?
        {
            return Ok(Some(wait));
        }
        // What came meanwhile goes before history.
        if worked || turned.is_some() {
            self.gave_way = turned.is_some();
            return Ok(None);
        }
        if !history.is_empty() {
            return self.history(held, &tries, history).await;
        }
        self.idle().await.map(Some)
    }

    /// A wave of submissions of forms, if any are due: how long to wait, if the portal is in
    /// trouble, and whether there were any.
    async fn forms(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
    ) -> Result<(Option<Duration>, bool), app::Error> {
        if !self.enquiries.rests().is_zero() {
            return Ok((None, false));
        }
        let busy = self.waves.orders();
        let work = self.app.forms.claim_forms(held.lease(), &busy).await?;
        if work.is_empty() {
            return Ok((None, false));
        }
        let asks = work.iter().any(FormWork::asks_for_leads);
        let leads = match self.enquiries.leads(&self.portal, asks).await {
            Leads::Known(leads) => leads,
            Leads::Untold(words) => {
                self.app.forms.leads_untold(&self.name, &words).await?;
                return Ok((None, false));
            }
            Leads::Failed(failure) => return Ok((self.failed(held, &failure).await?, false)),
        };
        let claimed = work.into_iter().map(|one| one.job(leads)).collect();
        let claimed = self.waves.without_shared(claimed);
        let (ordinary, few) = self.apart.divide(claimed);
        let mut wait = None;
        if !ordinary.is_empty() {
            wait = self.wave(held, tries, ordinary, Priority::Live).await?;
        }
        if wait.is_none() {
            wait = self.few(held, tries, few, Priority::Live).await?;
        }
        Ok((wait, true))
    }

    /// Looks what became of the leads of forms, if it is time: how long to wait, if the portal is
    /// in trouble.
    async fn follow(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        let looked = self.following.turn(&self.app, &self.portal, held);
        let followed = looked.await?;
        if followed.converted > 0 {
            self.enquiries.doubt();
        }
        match followed.failure {
            Some(failure) => self.failed(held, &failure).await,
            None => Ok(None),
        }
    }

    /// A wave of history, or one of few whose call failed before.
    async fn history(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
        claimed: Vec<(Claim, Job)>,
    ) -> Result<Option<Duration>, app::Error> {
        let (ordinary, few) = self.apart.divide(claimed);
        match (ordinary.is_empty(), few.is_empty()) {
            (false, _) => self.wave(held, tries, ordinary, Priority::Backfill).await,
            (true, false) => self.few(held, tries, few, Priority::Backfill).await,
            (true, true) => self.idle().await.map(Some),
        }
    }

    /// A wave of orders that are tried in small company.
    async fn few(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
        claimed: Vec<(Claim, Job)>,
        priority: Priority,
    ) -> Result<Option<Duration>, app::Error> {
        if claimed.is_empty() {
            return Ok(None);
        }
        let begun = Instant::now();
        let wait = self.wave(held, tries, claimed, priority).await;
        self.apart.took(begun.elapsed());
        wait
    }

    /// How long nothing is due.
    async fn idle(&self) -> Result<Duration, app::Error> {
        let seconds = |due: f64| Duration::from_secs_f64(due.clamp(0.02, 3600.0));
        let poll = self.options.poll.mul_f64(rand::random_range(0.9..1.1));
        let due = self.app.delivery.next_due(self.name.as_str()).await?;
        // What is due and was not taken up is in some wave, or waits for one: its end rings.
        let due = due.filter(|due| *due > 0.0 || self.waves.is_empty());
        let due = due.map(seconds);
        let due = due.map(|due| due.max(self.apart.rests().min(poll)));
        let form = self.app.forms.next_form_due(self.name.as_str()).await?;
        let form = form.filter(|due| *due > 0.0 || self.waves.is_empty());
        let form = form.map(|due| seconds(due).max(self.enquiries.rests()));
        let lead = self
            .app
            .forms
            .next_lead_to_follow(self.name.as_str())
            .await?;
        let lead = lead.map(|due| seconds(due).max(self.following.rests()));
        let comparison = self.app.sync.next_comparison(self.name.as_str()).await?;
        let comparison = comparison.map(|due| seconds(due).max(self.back.min_interval()));
        let reread = self.back.until_next(self.options.reconcile);
        let soonest = [due, form, lead, comparison, Some(reread)]
            .into_iter()
            .flatten()
            .min();
        Ok(poll
            .min(soonest.unwrap_or(poll))
            .max(Duration::from_millis(20)))
    }

    /// One wave. Returns how long to wait, if the portal is in trouble. One that takes long goes on
    /// by itself.
    async fn wave(
        &mut self,
        held: &HeldLease,
        tries: &RetryPolicy,
        claimed: Vec<(Claim, Job)>,
        priority: Priority,
    ) -> Result<Option<Duration>, app::Error> {
        held.reached(CrashPoint::Claimed).await;
        let doubtful = self.app.delivery.customers_in_doubt(held.portal()).await?;
        let judges =
            matches!(&*claimed, [(claim, _)] if self.apart.exhausted(&isolation::key(claim)));
        let facts = self.facts.clone();
        let work = |jobs| wave_runner::Work {
            jobs,
            facts,
            doubtful,
            priority,
            judges,
        };
        let wave = self.set_out(held, claimed, work);
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
    fn set_out(
        &mut self,
        held: &HeldLease,
        claimed: Vec<(Claim, Job)>,
        work: impl FnOnce(Vec<Job>) -> wave_runner::Work,
    ) -> tokio::task::Id {
        let span = tracing::info_span!("wave", portal = %self.name, orders = claimed.len());
        let (app, portal, held) = (self.app.clone(), self.portal.clone(), held.clone());
        let hand = Hand::of(&claimed);
        let (claims, jobs): (Vec<_>, Vec<_>) = claimed.into_iter().unzip();
        let spans: Vec<_> = claims.iter().map(|claim| settling(claim, &span)).collect();
        let (work, bell) = (work(jobs), Arc::clone(&self.bell));
        let wave = async move {
            let done = bug::caught_in(async {
                for job in &work.jobs {
                    app.step(Step::Plan, job.number.as_str());
                }
                wave_runner::perform(&app, &portal, &held, work).await
            });
            let done = done.await;
            drop(spans);
            bell.notify_one();
            Ended { claims, done }
        };
        self.waves.start(hand, wave.instrument(span))
    }

    /// Stores how a wave ended, and judges what that means for the lane.
    async fn ended(
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
        self.facts = std::mem::take(&mut done.facts);
        self.learn(&claims, &done);
        held.reached(CrashPoint::BeforeSettle).await;
        let mut slots: Vec<_> = claims.into_iter().map(Some).collect();
        let pair = |settlement: Settlement| {
            let claim = slots.get_mut(settlement.job)?.take()?;
            Some((claim, settlement))
        };
        let ended = done.settlements.into_iter().filter_map(pair).collect();
        self.app.delivery.settle(held.lease(), tries, ended).await?;
        held.reached(CrashPoint::AfterSettle).await;
        self.apply_outcome(held, done.failure.as_ref(), done.answered)
            .await
    }

    /// A wave ended by a panic. What it wrote is under way, and looked up when its orders are tried
    /// again: in smaller company, until the one is alone behind which the panic is. That one is
    /// given up.
    async fn broke(
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
            self.apart.clear(&isolation::key(claim));
        } else {
            let all: Vec<_> = claims.iter().map(isolation::key).collect();
            self.apart.suspect(&all);
        }
        Ok(None)
    }

    /// Who is to be tried in smaller company, and who no longer.
    fn learn(&mut self, claims: &[Claim], done: &wave_runner::Performed) {
        let of = |job: usize| claims.get(job).map(isolation::key);
        let silent: Vec<_> = done.unanswered.iter().filter_map(|job| of(*job)).collect();
        let mut suspects = Vec::new();
        for settlement in &done.settlements {
            let Some(order) = of(settlement.job) else {
                continue;
            };
            match settlement.outcome {
                Outcome::Apart { .. } => suspects.push(order),
                _ if done.unanswered.contains(&settlement.job) => suspects.push(order),
                Outcome::Done { .. } | Outcome::Hopeless { .. } => self.apart.clear(&order),
                Outcome::Refused { .. } | Outcome::Again { .. } => {}
            }
        }
        self.apart.suspect(&suspects);
        if !silent.is_empty() || done.failure.is_some() {
            self.apart.silent(&silent);
        }
    }

    /// What the portal's answers mean for the lane: how long to wait, if anything failed.
    async fn apply_outcome(
        &self,
        held: &HeldLease,
        failure: Option<&CallFailure>,
        answered: bool,
    ) -> Result<Option<Duration>, app::Error> {
        // A portal that answers now and then is not away: only failures in a row make pauses grow.
        if answered {
            self.recovered(held).await?;
        }
        match failure {
            Some(failure) => self.failed(held, failure).await,
            None => Ok(None),
        }
    }

    fn tries(&self) -> RetryPolicy {
        let Options {
            attempts,
            backoff,
            backoff_cap,
            doubt,
            ..
        } = self.options;
        RetryPolicy {
            most: attempts,
            pause: backoff,
            cap: backoff_cap,
            doubt,
        }
    }

    /// How long a pause lasts, if there is one. A pause that a fault made ends when its time is
    /// over and the portal answers.
    async fn paused(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        let Some(row) = self.row().await? else {
            return Ok(None);
        };
        self.troubled = row.failures > 0 || row.paused_at.is_some();
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
                    // The failures stay until a wave gets through, so that pauses keep growing
                    // meanwhile.
                    let mut db = self.app.pool().acquire().await?;
                    lanes::clear_pause(&mut db, held.lease(), false).await?;
                    Ok(None)
                }
                Err(failure) => self.failed(held, &failure).await,
            },
        }
    }

    async fn row(&self) -> Result<Option<LaneRow>, app::Error> {
        let mut db = self.app.pool().acquire().await?;
        Ok(lanes::one(&mut db, self.name.as_str()).await?)
    }

    /// Pauses the lane for as long as the failure asks.
    async fn failed(
        &self,
        held: &HeldLease,
        failure: &CallFailure,
    ) -> Result<Option<Duration>, app::Error> {
        let failures = self.row().await?.map_or(0, |row| row.failures);
        let resume_in = match failure.class {
            // Looked up at once: nothing says that the portal is in trouble, unless it goes on like
            // this.
            Class::InDoubt if failures == 0 => Duration::from_millis(200),
            Class::Throttled(pause) => pause,
            Class::Blocked(_) | Class::TokenExpired => self.options.probe,
            Class::InDoubt
            | Class::Intercepted
            | Class::Down
            | Class::Refused
            | Class::MethodBlocked(_) => {
                let nth = failures.unsigned_abs().saturating_add(1);
                backoff::delay(nth, self.options.backoff, Duration::from_mins(5))
            }
        };
        let fault = LaneFault {
            code: failure.code.as_str(),
            reason: &failure.message.replace('\0', " "),
            resume_in: resume_in.as_secs_f64(),
        };
        let mut db = self.app.pool().acquire().await?;
        lanes::fail(&mut db, held.lease(), &fault).await?;
        if matches!(failure.class, Class::Blocked(_) | Class::TokenExpired) {
            tracing::error!(portal = %self.name, code = %failure.code, "the portal refuses the bridge: {}", failure.message);
        } else {
            tracing::warn!(portal = %self.name, code = %failure.code, "the lane pauses: {}", failure.message);
        }
        Ok(Some(resume_in.min(self.options.poll)))
    }

    /// The portal answers again.
    async fn recovered(&self, held: &HeldLease) -> Result<(), app::Error> {
        if self.troubled {
            let mut db = self.app.pool().acquire().await?;
            lanes::clear_pause(&mut db, held.lease(), true).await?;
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
