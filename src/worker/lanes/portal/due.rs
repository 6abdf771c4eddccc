//! What is due in a portal's lane: found by one statement, so that a portal where nothing happens
//! costs little. What does not wait is not asked for in that turn; what comes meanwhile wakes the
//! lane.

use super::PortalLane;
use crate::{
    app::{self, Claim, LaneWork},
    planner::Job,
    worker::{PortalClient, lanes::lease::HeldLease},
};
use std::time::Duration;

impl<P: PortalClient> PortalLane<P> {
    /// What waits for the portal, due now or later.
    pub(super) async fn work(&self) -> Result<LaneWork, app::Error> {
        let portal = self.name.as_str();
        let shops = self.app.registry().shops_of(portal);
        self.app.lanes.work(portal, &shops).await
    }

    /// The orders that are due and in nobody's hands.
    pub(super) async fn claim(
        &self,
        held: &HeldLease,
        work: LaneWork,
    ) -> Result<Vec<(Claim, Job)>, app::Error> {
        if !work.orders {
            return Ok(Vec::new());
        }
        let mut busy = self.waves.orders();
        busy.extend(self.stage_sync.orders());
        let delivery = &self.app.delivery;
        let claimed = delivery.claim_beside(held.lease(), self.settings.wave, &busy);
        Ok(self.waves.without_shared(claimed.await?))
    }

    /// How long nothing is due.
    pub(super) async fn idle(&mut self, work: LaneWork) -> Result<Duration, app::Error> {
        let soonest = [
            self.next_order(work).await?,
            self.next_subject(work).await?,
            self.next_lead(work).await?,
            self.next_product(work).await?,
            self.next_picture(work).await?,
            self.next_scan(work).await?,
        ];
        self.tell_unhindered().await?;
        let rest = self.settings.rest();
        let soonest = soonest.into_iter().flatten().min().unwrap_or(rest);
        Ok(soonest.clamp(Duration::from_millis(20), rest))
    }

    async fn next_order(&self, work: LaneWork) -> Result<Option<Duration>, app::Error> {
        if !work.orders {
            return Ok(None);
        }
        let due = self.app.delivery.next_due(self.name.as_str()).await?;
        // What is due and was not taken up is in a wave or a scan, or waits for one: its end wakes
        // the lane.
        let is_free = self.waves.is_empty() && !self.stage_sync.is_under_way();
        let due = due.filter(|due| *due > 0.0 || is_free);
        let rests = self.isolated.rests().min(self.settings.poll);
        Ok(due.map(|due| seconds(due).max(rests)))
    }

    async fn next_subject(&self, work: LaneWork) -> Result<Option<Duration>, app::Error> {
        if !work.subjects {
            return Ok(None);
        }
        let due = self.app.forms.next_subject_due(self.name.as_str()).await?;
        let due = due.filter(|due| *due > 0.0 || self.waves.is_empty());
        Ok(due.map(|due| seconds(due).max(self.lead_mode.rests())))
    }

    async fn next_lead(&self, work: LaneWork) -> Result<Option<Duration>, app::Error> {
        if !work.leads {
            return Ok(None);
        }
        let forms = &self.app.forms;
        let due = forms.next_lead_to_follow(self.name.as_str()).await?;
        Ok(due.map(|due| seconds(due).max(self.conversions.rests())))
    }

    async fn next_scan(&self, work: LaneWork) -> Result<Option<Duration>, app::Error> {
        let due = if work.comparisons {
            self.app.sync.next_comparison(self.name.as_str()).await?
        } else {
            None
        };
        let every = self.settings.reconcile;
        Ok(self.stage_sync.next(due.map(seconds), every))
    }
}

fn seconds(due: f64) -> Duration {
    Duration::from_secs_f64(due.clamp(0.02, 3600.0))
}
