//! Pictures of products, when nothing of the products themselves is under way: one wave at a time,
//! which nobody waits for.

use super::PortalLane;
use crate::{
    app,
    clients::bitrix24::Priority,
    worker::{
        PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{QueuedWave, WaveKind},
        },
    },
};
use std::time::Duration;

impl<P: PortalClient> PortalLane<P> {
    fn brings_pictures(&self) -> bool {
        self.pictures
            .is_some_and(|wave| self.waves.is_running(wave))
    }

    /// Sends a wave of pictures on its way, if some are due and neither one nor a wave of products
    /// is under way.
    pub(super) async fn begin_pictures(&mut self, held: &HeldLease) -> Result<(), app::Error> {
        let is_busy = self.brings_pictures() || self.brings_products() || self.waves.full();
        if is_busy || !self.products.rests().is_zero() {
            return Ok(());
        }
        let busy = self.waves.orders();
        let claimed = self.app.catalogue.claim_pictures(held.lease(), &busy);
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
        self.pictures = Some(self.spawn_wave(held, claimed, queued));
        Ok(())
    }

    /// How long no picture can be taken up; `None` if none waits, or the end of a wave rings.
    pub(super) async fn next_picture(&self) -> Result<Option<Duration>, app::Error> {
        if self.brings_pictures() || self.brings_products() {
            return Ok(None);
        }
        let poll = self.settings.poll;
        let due = self
            .app
            .catalogue
            .next_picture_due(self.name.as_str())
            .await?;
        Ok(due.map(|due| {
            let due = Duration::from_secs_f64(due.clamp(0.02, 3600.0));
            due.max(self.products.rests())
                .max(self.isolated.rests().min(poll))
        }))
    }
}
