//! Products beside everything else: one wave of them at a time, which nobody waits for.

use super::PortalLane;
use crate::{
    app::{self, App},
    clients::bitrix24::Priority,
    domain::{ErrorCode, PortalName},
    planner::CatalogueFacts,
    worker::{
        PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{ProductsLearned, QueuedWave, WaveKind},
        },
    },
};
use std::time::Duration;
use tokio::{task::Id, time::Instant};

/// How long what was read of the catalogue counts: people add kinds of price and sections.
const COUNTS: Duration = Duration::from_mins(10);
/// How long products rest that the bridge may not write.
const NO_RIGHT: Duration = Duration::from_hours(1);
/// How long they rest when the portal will not show its catalogue for another reason.
const UNREADABLE: Duration = Duration::from_mins(1);

/// The waves of products of a lane.
#[derive(Debug, Default)]
pub(super) struct ProductTurns {
    facts: Option<(CatalogueFacts, Instant)>,
    wave: Option<Id>,
    rest_until: Option<Instant>,
    hindered: bool,
}

impl ProductTurns {
    /// Whoever had the lane meanwhile may have changed anything.
    pub(super) fn doubt(&mut self) {
        self.facts = None;
        self.wave = None;
        self.rest_until = None;
        self.hindered = true;
    }

    /// How long nothing of a catalogue is written.
    pub(super) fn rests(&self) -> Duration {
        let until = self.rest_until;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// What a wave learned; what stands in the way of all products makes them rest.
    pub(super) async fn learn(
        &mut self,
        app: &App,
        portal: &PortalName,
        learned: ProductsLearned,
    ) -> Result<(), app::Error> {
        let before = self.facts.take().map(|(_, at)| at);
        let at = before
            .filter(|at| at.elapsed() < COUNTS)
            .unwrap_or_else(Instant::now);
        self.facts = learned.facts.map(|facts| (facts, at));
        if let Some(hindrance) = learned.hindrance {
            let rest = if hindrance.code == ErrorCode::CatNoRight {
                NO_RIGHT
            } else {
                UNREADABLE
            };
            self.rest_until = Some(Instant::now() + rest);
            self.hindered = true;
            return app.catalogue.hindered(portal, &hindrance).await;
        }
        if self.facts.is_some() && std::mem::take(&mut self.hindered) {
            return app.catalogue.unhindered(portal).await;
        }
        Ok(())
    }
}

impl<P: PortalClient> PortalLane<P> {
    /// Whether a wave of products is under way.
    pub(super) fn brings_products(&self) -> bool {
        let wave = self.products.wave;
        wave.is_some_and(|wave| self.waves.is_running(wave))
    }

    /// Sends a wave of products on its way, if some are due and none is under way.
    pub(super) async fn begin_products(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        if self.brings_products() || self.waves.full() || !self.products.rests().is_zero() {
            return Ok(());
        }
        let busy = self.waves.orders();
        let claimed = self.app.catalogue.claim(held.lease(), &busy).await?;
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

    /// How long no product can be taken up; `None` if none waits, or one wave is under way: its end
    /// wakes the lane.
    pub(super) async fn next_product(&self) -> Result<Option<Duration>, app::Error> {
        if self.brings_products() {
            return Ok(None);
        }
        let poll = self.settings.poll;
        let due = self.app.catalogue.next_due(self.name.as_str()).await?;
        Ok(due.map(|due| {
            let due = Duration::from_secs_f64(due.clamp(0.02, 3600.0));
            due.max(self.products.rests())
                .max(self.isolated.rests().min(poll))
        }))
    }
}
