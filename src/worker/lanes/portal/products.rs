//! Products beside everything else: one wave of them at a time, which nobody waits for; and what
//! keeps products or pictures waiting.

use super::PortalLane;
use crate::{
    app::{self, Claim, LaneWork, MOST_IN_A_WAVE},
    clients::bitrix24::Priority,
    domain::ErrorCode,
    planner::{CatalogueFacts, Hindrance, ProductJob},
    worker::{
        PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{ProductsLearned, QueuedWave, WaveKind},
        },
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};
use tracing::Instrument as _;

/// How long what was read of the catalogue counts: people add kinds of price and sections.
const COUNTS: Duration = Duration::from_mins(10);
/// Products that are claimed at least: about as many as one wave writes.
const FEWEST: usize = 500;
/// What was claimed longer ago is claimed again: a newer state of it may have come.
const STALE: Duration = Duration::from_secs(10);
/// How long products rest when the portal will not show its catalogue for another reason.
const UNREADABLE: Duration = Duration::from_mins(1);

/// A rest of products, or of pictures, that something in the portal hinders. At first nobody knows
/// whether something does.
#[derive(Debug)]
pub(super) struct KindRest {
    until: Option<Instant>,
    is_hindered: bool,
}

impl Default for KindRest {
    fn default() -> Self {
        Self {
            until: None,
            is_hindered: true,
        }
    }
}

impl KindRest {
    /// How long nothing of the kind is written.
    pub(super) fn left(&self) -> Duration {
        let until = self.until;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Something hinders all of the kind.
    pub(super) fn begin(&mut self, rest: Duration) {
        self.until = Some(Instant::now() + rest);
        self.is_hindered = true;
    }

    /// Nothing does, or nothing waits that it could hinder.
    pub(super) fn end(&mut self) {
        self.until = None;
        self.is_hindered = false;
    }
}

/// Products that were claimed, and since when.
type Claimed = (Result<Vec<(Claim, ProductJob)>, app::Error>, Instant);

/// The waves of products of a lane.
#[derive(Debug)]
pub(super) struct ProductTurns {
    facts: Option<(CatalogueFacts, Instant)>,
    wave: Option<Id>,
    /// The claim for the next wave. Thousands of products take a while to be read: whoever is in
    /// more of a hurry goes on meanwhile.
    claim: JoinSet<Claimed>,
    /// How many are claimed for it.
    most: usize,
    rest: KindRest,
    /// Whether pictures have waited for a wave of products.
    pictures_waited: bool,
}

impl Default for ProductTurns {
    fn default() -> Self {
        Self {
            facts: None,
            wave: None,
            claim: JoinSet::new(),
            most: MOST_IN_A_WAVE,
            rest: KindRest::default(),
            pictures_waited: false,
        }
    }
}

impl ProductTurns {
    /// Whoever had the lane meanwhile may have changed anything.
    pub(super) fn doubt(&mut self) {
        *self = Self::default();
    }

    /// A wave has ended. While there is more to write than fits into one, there is no use in
    /// claiming, and looking up, several times as many.
    pub(super) fn settled(&mut self, claimed: usize, settled: usize) {
        self.most = if settled < claimed {
            settled.max(FEWEST)
        } else {
            self.most.saturating_mul(2).min(MOST_IN_A_WAVE)
        };
    }

    /// What was claimed, once it is; an error of the claim.
    fn claimed(&mut self) -> Result<Option<Vec<(Claim, ProductJob)>>, app::Error> {
        match self.claim.try_join_next() {
            None => Ok(None),
            Some(Ok((claimed, at))) => Ok(Some(claimed?).filter(|_| at.elapsed() < STALE)),
            // It is stopped only together with all of this.
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<P: PortalClient> PortalLane<P> {
    /// Sends products and pictures on their way. While pictures wait, each wave of products is
    /// followed by one of pictures, which is some calls: so however many products wait, pictures
    /// get there, too.
    pub(super) async fn begin_catalogue(
        &mut self,
        held: &HeldLease,
        work: LaneWork,
    ) -> Result<(), app::Error> {
        if !work.products && !work.pictures && !self.claims_products() {
            return Ok(());
        }
        if self.products.pictures_waited && !self.brings_products() {
            self.products.pictures_waited = false;
            self.begin_pictures(held).await?;
        }
        self.begin_products(held).await?;
        if self.brings_products() {
            self.products.pictures_waited = true;
            return Ok(());
        }
        // Pictures are named while products are claimed: none is taken up meanwhile.
        if self.claims_products() {
            return Ok(());
        }
        self.begin_pictures(held).await
    }

    /// How long what is hindered so rests.
    pub(super) fn rest_for(&self, hindrance: &Hindrance) -> Duration {
        match hindrance.code {
            ErrorCode::CatNoRight => self.settings.without_right,
            _ => UNREADABLE,
        }
    }

    /// Puts on record what hinders products or pictures.
    pub(super) async fn tell_hindered(&mut self, by: &Hindrance) -> Result<(), app::Error> {
        self.hindrance_told = true;
        self.app.catalogue.hindered(&self.name, by).await
    }

    /// Once nothing hinders either of them, what is on record is over.
    pub(super) async fn tell_unhindered(&mut self) -> Result<(), app::Error> {
        let rests = [&self.products.rest, &self.pictures.rest];
        if rests.iter().any(|rest| rest.is_hindered) || !self.hindrance_told {
            return Ok(());
        }
        self.app.catalogue.unhindered(&self.name).await?;
        self.hindrance_told = false;
        Ok(())
    }

    /// What a wave learned; what stands in the way of all products makes them rest.
    pub(super) async fn learn_of_products(
        &mut self,
        learned: ProductsLearned,
    ) -> Result<(), app::Error> {
        let before = self.products.facts.take().map(|(_, at)| at);
        let at = before
            .filter(|at| at.elapsed() < COUNTS)
            .unwrap_or_else(Instant::now);
        self.products.facts = learned.facts.map(|facts| (facts, at));
        if let Some(hindrance) = learned.hindrance {
            let rest = self.rest_for(&hindrance);
            self.products.rest.begin(rest);
            return self.tell_hindered(&hindrance).await;
        }
        if self.products.facts.is_some() {
            self.products.rest.end();
        }
        self.tell_unhindered().await
    }

    /// Whether a wave of products is under way.
    pub(super) fn brings_products(&self) -> bool {
        let wave = self.products.wave;
        wave.is_some_and(|wave| self.waves.is_running(wave))
    }

    /// Whether products are being claimed, or are claimed, for the next wave.
    pub(super) fn claims_products(&self) -> bool {
        !self.products.claim.is_empty()
    }

    /// Sends a wave of products on its way, if some are claimed and none is under way; else has
    /// them claimed, if some are due.
    pub(super) async fn begin_products(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        if self.brings_products() || self.waves.full() || !self.products.rest.left().is_zero() {
            return Ok(());
        }
        let Some(claimed) = self.products.claimed()? else {
            return self.claim_products(held).await;
        };
        let (ordinary, few) = self.isolated.divide(claimed);
        let claimed = if few.is_empty() { ordinary } else { few };
        if claimed.is_empty() {
            return Ok(());
        }
        let facts = self.products.facts.as_ref();
        let fresh = facts.filter(|(_, at)| at.elapsed() < COUNTS);
        let facts = fresh.map(|(facts, _)| facts.clone());
        if facts.is_none() {
            self.products.facts = None;
        }
        let alone = claimed.len() == 1;
        let queued = |jobs| QueuedWave {
            kind: WaveKind::Products { jobs, facts },
            priority: Priority::Backfill,
            judges: alone,
        };
        let wave = self.spawn_wave(held, claimed, queued);
        self.products.wave = Some(wave);
        Ok(())
    }

    /// Has products claimed for the next wave, if some are due.
    async fn claim_products(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        if self.claims_products() {
            return Ok(());
        }
        let due = self.app.catalogue.next_due(self.name.as_str()).await?;
        if due.is_none_or(|due| due > 0.0) {
            return Ok(());
        }
        let (app, lease, most) = (self.app.clone(), held.lease().clone(), self.products.most);
        let (busy, wake_up) = (self.waves.orders(), Arc::clone(&self.wake_up));
        let claiming = async move {
            let at = Instant::now();
            let claimed = app.catalogue.claim(&lease, &busy, most).await;
            wake_up.notify_one();
            (claimed, at)
        };
        self.products.claim.spawn(claiming.in_current_span());
        Ok(())
    }

    /// How long no product can be taken up; `None` if none waits, or one wave is claimed or under
    /// way: its end wakes the lane.
    pub(super) async fn next_product(
        &mut self,
        work: LaneWork,
    ) -> Result<Option<Duration>, app::Error> {
        if self.brings_products() || self.claims_products() {
            return Ok(None);
        }
        let poll = self.settings.poll;
        let due = if work.products {
            self.app.catalogue.next_due(self.name.as_str()).await?
        } else {
            None
        };
        if due.is_none() {
            self.products.rest.end();
        }
        Ok(due.map(|due| {
            let due = Duration::from_secs_f64(due.clamp(0.02, 3600.0));
            due.max(self.products.rest.left())
                .max(self.isolated.rests().min(poll))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_are_claimed_as_a_wave_gets_done() {
        let mut turns = ProductTurns::default();
        let mut claims = Vec::new();
        // As many as there are to write, then what is as it is to be.
        for writes in [500, 500, 500, 500, 5_000, 5_000, 5_000, 5_000] {
            let claimed = turns.most;
            claims.push(claimed);
            turns.settled(claimed, claimed.min(writes));
        }
        assert_eq!(claims, [2_500, 500, 1_000, 500, 1_000, 2_000, 2_500, 2_500]);
        // A wave that got nothing done asks for few, and not for ever fewer.
        turns.settled(2_500, 0);
        assert_eq!(turns.most, FEWEST);
    }
}
