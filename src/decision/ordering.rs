//! Which change is the later one.

use super::Inputs;
use crate::domain::{Observation, Offset, Side};
use chrono::{DateTime, Utc};

/// When both sides changed, on the bridge's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) shop: Option<DateTime<Utc>>,
    pub(super) portal: Option<DateTime<Utc>>,
}

impl Times {
    pub(super) fn new(inputs: &Inputs<'_>) -> Self {
        Self {
            shop: corrected(inputs.shop, inputs.clocks.shop),
            portal: corrected(inputs.portal, inputs.clocks.portal),
        }
    }

    /// The side that changed later; none if that would be a guess.
    pub(super) fn later(&self, inputs: &Inputs<'_>) -> Option<Side> {
        let apart = self.shop? - self.portal?;
        let clocks = &inputs.clocks;
        let margin = inputs
            .policy
            .conflict
            .clock_tolerance
            .checked_add(&clocks.shop.uncertainty())?
            .checked_add(&clocks.portal.uncertainty())?;
        if apart.abs() <= margin {
            None
        } else if apart > chrono::TimeDelta::zero() {
            Some(Side::Shop)
        } else {
            Some(Side::Portal)
        }
    }
}

/// The time of a change on our clock: nothing can have happened after it was said, or after we
/// learnt of it.
fn corrected<V>(observation: &Observation<V>, offset: Offset) -> Option<DateTime<Utc>> {
    let said = observation.made_by();
    observation
        .since
        .map(|since| offset.to_ours(since).min(said))
}
