//! The order of two changes in time, by corrected clocks.

use super::Inputs;
use crate::domain::{Observation, Offset, Side};
use chrono::{DateTime, TimeDelta, Utc};

/// When both sides changed, on the bridge's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) shop: Option<DateTime<Utc>>,
    pub(super) portal: Option<DateTime<Utc>>,
    /// Between which times 1C said what counts, on the bridge's clock.
    pub(super) onec: Option<(Option<DateTime<Utc>>, DateTime<Utc>)>,
}

impl Times {
    pub(super) fn new(inputs: &Inputs<'_>) -> Self {
        Self {
            shop: corrected(inputs.shop, inputs.clocks.shop),
            portal: corrected(inputs.portal, inputs.clocks.portal),
            onec: None,
        }
    }

    /// The side that changed later; `None` if that would be a guess.
    pub(super) fn later(&self, inputs: &Inputs<'_>) -> Option<Side> {
        let clocks = &inputs.clocks;
        if let Some(said) = self.onec {
            let tolerance = inputs.policy.conflict.clock_tolerance;
            let margin = tolerance.checked_add(&clocks.portal.uncertainty())?;
            let later = outside(self.portal?, said, margin)?;
            return Some(if later { Side::Portal } else { Side::Shop });
        }
        let apart = self.shop? - self.portal?;
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

/// Whether a moment is surely after an interval (true) or before it (false); `None` if that would
/// be a guess.
pub(super) fn outside(
    moment: DateTime<Utc>,
    (from, to): (Option<DateTime<Utc>>, DateTime<Utc>),
    margin: TimeDelta,
) -> Option<bool> {
    if moment - to > margin {
        Some(true)
    } else if from.is_some_and(|from| from - moment > margin) {
        Some(false)
    } else {
        None
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
