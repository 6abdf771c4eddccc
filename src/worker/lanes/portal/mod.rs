//! One portal's lane: holds the lease, and brings what is due to the portal.

mod due;
mod pauses;
mod pictures;
mod products;
mod waves;

use super::{
    isolation::IsolatedOrders,
    lease::{HeldLease, LaneLimits},
    leased::{Beside, LaneTurn},
    lowered_pace,
    wave_runner::WaveJob,
    waves::Waves,
};
use crate::{
    app::{self, App, Claim, LaneWork, RetryPolicy, SubjectStep, SubjectWork, permit_wake_name},
    clients::bitrix24::Priority,
    domain::{ErrorCode, PortalName},
    planner::{Job, Planned, PortalFacts},
    worker::{
        PortalClient, Settings,
        lead_conversions::ConversionLooks,
        portal::{
            identity::{self, PortalRecognition},
            lead_mode::{LeadMode, Leads},
            permit_server,
        },
        stage_sync::{HeldPortal, ScanEnd, ScanOutcome, ScanWanted, StageSync},
    },
};
use pictures::PictureTurns;
use products::ProductTurns;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// A lane of this process.
pub(in crate::worker) struct PortalLane<P> {
    app: App,
    name: PortalName,
    portal: P,
    settings: Arc<Settings>,
    wake_up: Arc<Notify>,
    facts: PortalFacts,
    stage_sync: StageSync,
    isolated: IsolatedOrders,
    waves: Waves,
    recognition: PortalRecognition,
    /// Whether failures or a pause were on record when the turn began.
    troubled: bool,
    /// Whether history has just given way to what is read back: then it is its turn, however often
    /// that is due.
    history_waited: bool,
    lead_mode: LeadMode,
    conversions: ConversionLooks,
    products: ProductTurns,
    pictures: PictureTurns,
    /// Whether it may be on record that the catalogue may not be written.
    hindrance_told: bool,
}

impl<P: PortalClient> PortalLane<P> {
    pub(in crate::worker) fn new(
        app: App,
        name: PortalName,
        portal: P,
        settings: Arc<Settings>,
    ) -> Self {
        let wake_up = app.waker().subscribe(name.as_str());
        Self {
            app,
            name,
            portal,
            settings,
            wake_up,
            facts: PortalFacts::default(),
            stage_sync: StageSync::default(),
            isolated: IsolatedOrders::default(),
            waves: Waves::default(),
            recognition: PortalRecognition::default(),
            troubled: false,
            history_waited: false,
            lead_mode: LeadMode::default(),
            conversions: ConversionLooks::default(),
            products: ProductTurns::default(),
            pictures: PictureTurns::default(),
            hindrance_told: true,
        }
    }
}

impl<P: PortalClient> LaneTurn for PortalLane<P> {
    fn lane(&self) -> &str {
        self.name.as_str()
    }

    fn wake_up(&self) -> &Arc<Notify> {
        &self.wake_up
    }

    fn limits(&self) -> LaneLimits {
        LaneLimits {
            drains: self.portal.limit().full_drain_time(),
            lands_within: Some(self.settings.doubt),
        }
    }

    fn renew(&mut self, app: App) {
        self.app = app;
    }

    /// Begins with what earlier owners left of the portal's limit.
    async fn taken(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        // Whatever happened while somebody else, or nobody, held the lane.
        self.stage_sync.force_rescan();
        self.recognition.doubt();
        self.products.doubt();
        self.pictures.doubt();
        self.hindrance_told = true;
        self.portal.limit().take_over(held.limit_used());
        Ok(())
    }

    /// Gives others places in the portal's limit, and tells of a lowered pace.
    fn beside<'h>(&self, held: &'h HeldLease) -> Beside<'h> {
        let lanes = Arc::clone(&self.app.lanes);
        let asked = self
            .app
            .waker()
            .subscribe(&permit_wake_name(self.name.as_str()));
        let (portal, rest) = (self.portal.clone(), self.settings.rest());
        Box::pin(async move {
            tokio::select! {
                () = permit_server::serve(&lanes, &portal, held, (&asked, rest)) => {}
                () = lowered_pace::tell(&lanes, &portal, held) => {}
            }
        })
    }

    /// One turn: a wave of orders if any are due, then a scan of stages, then a wave of history if
    /// nothing else is due. Returns how long to wait before the next.
    async fn turn(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        while let Some(ended) = self.waves.ended() {
            if let Some(wait) = self.ended(held, ended).await? {
                return Ok(Some(wait));
            }
        }
        if let Some(end) = self.stage_sync.ended()
            && let Some(wait) = self.apply_scan(held, end).await?
        {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.paused(held).await? {
            self.stage_sync.force_rescan();
            return Ok(Some(wait));
        }
        let every = self.settings.reconcile * 10;
        let asked = self
            .recognition
            .ask(&self.app.delivery, &self.portal, held, every);
        if let Some(failure) = asked.await? {
            return self.failed(held, &failure).await;
        }
        // After the portal was asked: orders may be to be found again.
        let work = self.work().await?;
        // Whoever sent a form waits for a call: forms go before orders, a call or two of them a
        // turn.
        let (wait, answered) = self.forms(held, work).await?;
        if wait.is_some() {
            return Ok(wait);
        }
        self.begin_catalogue(held, work).await?;
        let claimed = self.claim(held, work).await?;
        let (history, live): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|(claim, _)| claim.history);
        let (live, few) = self.isolated.divide(live);
        let worked = answered || !live.is_empty() || !few.is_empty();
        if worked || !history.is_empty() {
            self.stage_sync.expect_moves();
        }
        if !live.is_empty()
            && let Some(wait) = self.wave(held, live, Priority::Live).await?
        {
            return Ok(Some(wait));
        }
        if let Some(wait) = self.small_wave(held, few, Priority::Live).await? {
            return Ok(Some(wait));
        }
        if !history.is_empty() && std::mem::take(&mut self.history_waited) {
            return self.history(held, (history, work)).await;
        }
        if work.leads
            && let Some(wait) = self.follow(held).await?
        {
            return Ok(Some(wait));
        }
        let of = (&*self.app.delivery, &*self.app.dead_letters);
        if work.unverified && identity::find_again(of, &self.portal, held).await? {
            return Ok(None);
        }
        // What was brought may have to be compared.
        let (wait, scanned) = self.scan_stages(held, work.comparisons || worked).await?;
        if wait.is_some() {
            return Ok(wait);
        }
        // What came meanwhile goes before history.
        if worked || scanned {
            self.history_waited = scanned;
            return Ok(None);
        }
        if !history.is_empty() {
            return self.history(held, (history, work)).await;
        }
        self.idle(work).await.map(Some)
    }

    async fn finish(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        while let Some(ended) = self.waves.next(None).await {
            if let Err(error) = self.ended(held, ended).await {
                tracing::warn!(
                    portal = %self.name, error = %error.chain(),
                    "a wave's end is not stored: its orders are looked up"
                );
            }
        }
        if let Some(end) = self.stage_sync.end().await
            && let Err(error) = self.apply_scan(held, end).await
        {
            tracing::warn!(
                portal = %self.name, error = %error.chain(),
                "a scan's end is not stored: its orders are scanned again"
            );
        }
        Ok(())
    }

    fn limit_used(&self) -> Option<Duration> {
        Some(self.portal.limit().drain_time())
    }
}

impl<P: PortalClient> PortalLane<P> {
    /// One scan of stages, if something is due: how long to wait, if the portal is in trouble, and
    /// whether there was one. A scan that takes long goes on by itself. `waits` says that there may
    /// be something to compare.
    async fn scan_stages(
        &mut self,
        held: &HeldLease,
        waits: bool,
    ) -> Result<(Option<Duration>, bool), app::Error> {
        let busy = self.waves.orders();
        let of = HeldPortal {
            app: &self.app,
            portal: &self.portal,
            held,
        };
        let (wanted, wake_up) = (
            ScanWanted {
                interval: self.settings.reconcile,
                waits,
            },
            Arc::clone(&self.wake_up),
        );
        let begun = self
            .stage_sync
            .begin(of, wanted, self.tries(), &busy, wake_up);
        if !begun.await? {
            return Ok((None, false));
        }
        let of = HeldPortal {
            app: &self.app,
            portal: &self.portal,
            held,
        };
        let wait = match self.stage_sync.wait(of, &busy).await {
            Some(end) => self.apply_scan(held, end).await?,
            None => None,
        };
        Ok((wait, true))
    }

    /// Judges what a scan means for the lane.
    async fn apply_scan(
        &mut self,
        held: &HeldLease,
        end: ScanEnd,
    ) -> Result<Option<Duration>, app::Error> {
        let ScanOutcome {
            failure, answered, ..
        } = end?;
        // Before anything else is sent it is asked whether that is over.
        if failure
            .as_ref()
            .is_some_and(|failure| failure.code == ErrorCode::Rights)
        {
            self.recognition.doubt();
        }
        self.apply_outcome(held, failure.as_ref(), answered).await
    }

    /// Waves of submissions of forms and of activities, if any are due: how long to wait, if the
    /// portal is in trouble, and whether there were any.
    async fn forms(
        &mut self,
        held: &HeldLease,
        work: LaneWork,
    ) -> Result<(Option<Duration>, bool), app::Error> {
        if !work.subjects || !self.lead_mode.rests().is_zero() {
            return Ok((None, false));
        }
        let busy = self.waves.orders();
        let work = self.app.forms.claim_subjects(held.lease(), &busy).await?;
        if work.is_empty() {
            return Ok((None, false));
        }
        let asks = work.iter().any(SubjectWork::asks_for_leads);
        let priority = if work.iter().any(SubjectWork::is_urgent) {
            Priority::Urgent
        } else {
            Priority::Live
        };
        let leads = match self.lead_mode.leads(&self.portal, asks).await {
            Leads::Known(leads) => leads,
            Leads::Untold(words) => {
                self.app.forms.leads_untold(&self.name, &words).await?;
                return Ok((None, false));
            }
            Leads::Failed(failure) => return Ok((self.failed(held, &failure).await?, false)),
        };
        let (mut made, mut put) = (Vec::new(), Vec::new());
        for one in work {
            match one.step(leads) {
                SubjectStep::Make(claim, job) => made.push((claim, *job)),
                SubjectStep::Put(claim, job) => put.push((claim, *job)),
            }
        }
        // What is made for somebody is found by what is put on a card of theirs afterwards.
        let (wait, some) = self.subjects(held, made, priority).await?;
        if wait.is_some() {
            return Ok((wait, some));
        }
        let (wait, more) = self.subjects(held, first_of_each(put), priority).await?;
        Ok((wait, some || more))
    }

    /// A wave of subjects of one sort, and one of those that are tried in small company: how long
    /// to wait, if the portal is in trouble, and whether there were any.
    async fn subjects<J: WaveJob>(
        &mut self,
        held: &HeldLease,
        claimed: Vec<(Claim, J)>,
        priority: Priority,
    ) -> Result<(Option<Duration>, bool), app::Error> {
        let claimed = self.waves.without_shared(claimed);
        let (ordinary, few) = self.isolated.divide(claimed);
        let some = !ordinary.is_empty() || !few.is_empty();
        if !ordinary.is_empty()
            && let Some(wait) = self.wave(held, ordinary, priority).await?
        {
            return Ok((Some(wait), some));
        }
        Ok((self.small_wave(held, few, priority).await?, some))
    }

    /// Looks what became of the leads of forms, if it is time: how long to wait, if the portal is
    /// in trouble.
    async fn follow(&mut self, held: &HeldLease) -> Result<Option<Duration>, app::Error> {
        let turn = self.conversions.turn(&self.app.forms, &self.portal, held);
        let followed = turn.await?;
        if followed.converted > 0 {
            self.lead_mode.doubt();
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
        (claimed, work): (Vec<(Claim, Job)>, LaneWork),
    ) -> Result<Option<Duration>, app::Error> {
        let (ordinary, few) = self.isolated.divide(claimed);
        match (ordinary.is_empty(), few.is_empty()) {
            (false, _) => self.wave(held, ordinary, Priority::Backfill).await,
            (true, false) => self.small_wave(held, few, Priority::Backfill).await,
            (true, true) => self.idle(work).await.map(Some),
        }
    }

    /// A wave of orders that are tried in small company.
    async fn small_wave<J: WaveJob>(
        &mut self,
        held: &HeldLease,
        claimed: Vec<(Claim, J)>,
        priority: Priority,
    ) -> Result<Option<Duration>, app::Error> {
        if claimed.is_empty() {
            return Ok(None);
        }
        let begun = Instant::now();
        let wait = self.wave(held, claimed, priority).await;
        self.isolated.took(begun.elapsed());
        wait
    }

    fn tries(&self) -> RetryPolicy {
        let Settings {
            attempts,
            backoff,
            backoff_cap,
            doubt,
            ..
        } = *self.settings;
        RetryPolicy {
            most: attempts,
            pause: backoff,
            cap: backoff_cap,
            doubt,
        }
    }
}

/// Of those who may be of one customer the first: what it makes is found by the others.
fn first_of_each<J: Planned>(claimed: Vec<(Claim, J)>) -> Vec<(Claim, J)> {
    let mut seen = BTreeSet::new();
    let mut first = |(_, job): &(Claim, J)| {
        let own = job.customers();
        let new = !own.iter().any(|who| seen.contains(who));
        seen.extend(own);
        new
    };
    claimed.into_iter().filter(|one| first(one)).collect()
}
