//! Pictures of products, beside everything else: one wave at a time, which nobody waits for.

use super::{PortalLane, products::KindRest};
use crate::{
    app::{self, LaneWork},
    clients::bitrix24::Priority,
    worker::{
        PortalClient,
        lanes::{
            lease::HeldLease,
            picture_files::HostRests,
            wave_runner::{PicturesLearned, QueuedWave, WaveKind},
        },
    },
};
use std::time::Duration;
use tokio::task::Id;

/// The waves of pictures of a lane.
#[derive(Debug, Default)]
pub(super) struct PictureTurns {
    wave: Option<Id>,
    pub(super) rest: KindRest,
    hosts: HostRests,
}

impl PictureTurns {
    /// Whoever had the lane meanwhile may have changed anything.
    pub(super) fn doubt(&mut self) {
        self.wave = None;
        self.rest = KindRest::default();
    }
}

impl<P: PortalClient> PortalLane<P> {
    fn brings_pictures(&self) -> bool {
        let wave = self.pictures.wave;
        wave.is_some_and(|wave| self.waves.is_running(wave))
    }

    /// Sends a wave of pictures on its way, if some are due and none is under way.
    pub(super) async fn begin_pictures(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        let is_busy = self.brings_pictures() || self.waves.full();
        if is_busy || !self.pictures.rest.left().is_zero() {
            return Ok(());
        }
        let (busy, resting) = (self.waves.orders(), self.pictures.hosts.resting());
        let catalogue = &self.app.catalogue;
        let claimed = catalogue.claim_pictures(held.lease(), &busy, &resting);
        let (ordinary, few) = self.isolated.divide(claimed.await?);
        let claimed = if few.is_empty() { ordinary } else { few };
        if claimed.is_empty() {
            return Ok(());
        }
        let alone = claimed.len() == 1;
        let queued = |jobs| QueuedWave {
            kind: WaveKind::Pictures { jobs },
            priority: Priority::Backfill,
            judges: alone,
        };
        self.pictures.wave = Some(self.spawn_wave(held, claimed, queued));
        Ok(())
    }

    /// What a wave learned of the portal and of the hosts where pictures stand.
    pub(super) async fn learn_of_pictures(
        &mut self,
        learned: PicturesLearned,
    ) -> Result<(), app::Error> {
        self.pictures.hosts.learn(&learned.hosts);
        if let Some(hindrance) = learned.hindrance {
            let rest = self.rest_for(&hindrance);
            self.pictures.rest.begin(rest);
            return self.tell_hindered(&hindrance).await;
        }
        if learned.taken {
            self.pictures.rest.end();
        }
        self.tell_unhindered().await
    }

    /// How long no picture can be taken up; `None` if none waits, or the end of a wave rings.
    pub(super) async fn next_picture(
        &mut self,
        work: LaneWork,
    ) -> Result<Option<Duration>, app::Error> {
        if self.brings_pictures() || self.brings_products() || self.claims_products() {
            return Ok(None);
        }
        let poll = self.settings.poll;
        let resting = self.pictures.hosts.resting();
        let catalogue = &self.app.catalogue;
        let due = if work.pictures {
            let due = catalogue.next_picture_due(self.name.as_str(), &resting);
            due.await?
        } else {
            None
        };
        if due.is_none() && resting.is_empty() {
            self.pictures.rest.end();
        }
        let due = due.map(|due| {
            let due = Duration::from_secs_f64(due.clamp(0.02, 3600.0));
            due.max(self.pictures.rest.left())
                .max(self.isolated.rests().min(poll))
        });
        let soonest = [due, self.pictures.hosts.next()];
        Ok(soonest.into_iter().flatten().min())
    }
}
