//! Intents: what a wave is about to write, stored before it is sent, so that after a crash it is
//! known what may still land, and until when.

use super::{CrashPoint, lanes::lease::HeldLease};
use crate::{
    app::Delivery,
    planner::{Intention, Rounds},
};
use std::time::Duration;
use tokio::time::Instant;

/// What a wave is about to write, stored before it is sent, and again while that takes long.
pub(super) struct WriteIntents<'a> {
    delivery: &'a Delivery,
    held: &'a HeldLease,
    lands_within: Duration,
    /// When it was last stored.
    stored: Option<Instant>,
}

impl<'a> WriteIntents<'a> {
    pub(super) fn new(delivery: &'a Delivery, held: &'a HeldLease) -> Self {
        Self {
            delivery,
            held,
            lands_within: held.lands_within(),
            stored: None,
        }
    }

    /// How old the record may be when a call is sent: part of the margin.
    fn period(&self) -> Duration {
        (self.lands_within / 10).max(Duration::from_secs(1))
    }

    /// Sees to it that what this wave may write is on record; false: nothing may be sent.
    pub(super) async fn ready(&mut self, wave: &impl Rounds) -> bool {
        if self
            .stored
            .is_some_and(|stored| stored.elapsed() < self.period())
        {
            return true;
        }
        let now = Instant::now();
        let ready = self.store(&wave.intentions()).await;
        if ready {
            self.stored = Some(now);
            self.held.reached(CrashPoint::Intended).await;
        }
        ready
    }

    async fn store(&self, intentions: &[Intention]) -> bool {
        let lease = self.held.lease();
        match self
            .delivery
            .record_write_intents(lease, intentions, self.lands_within)
            .await
        {
            Ok(true) => true,
            Ok(false) => {
                self.held.lose();
                false
            }
            Err(error) => {
                let error = error.chain();
                tracing::warn!(
                    portal = self.held.portal(),
                    error,
                    "nothing is written: what is about to be written cannot be stored"
                );
                false
            }
        }
    }

    /// Does the work; the record stays fresh however long that waits before it is sent.
    pub(super) async fn while_fresh<T>(
        &self,
        wave: &impl Rounds,
        work: impl Future<Output = T>,
    ) -> T {
        let keep = async {
            let intentions = wave.intentions();
            loop {
                tokio::time::sleep(self.period()).await;
                self.store(&intentions).await;
            }
        };
        tokio::select! {
            done = work => done,
            never = keep => never,
        }
    }
}
