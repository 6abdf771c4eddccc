//! Looking what became of the leads of forms.

use super::{
    CallFailure, PortalClient,
    lanes::{
        lease::HeldLease,
        wave_runner::{fails_alone, send},
    },
};
use crate::{
    app::{self, Forms},
    clients::bitrix24::Priority,
    planner::{CallAnswer, LEADS_AT_ONCE, ask_conversions, read_conversions},
};
use std::time::Duration;
use tokio::time::Instant;

/// Looks follow each other no faster than this: one call each.
const PACE: Duration = Duration::from_secs(10);

/// What a lane remembers of it.
#[derive(Debug, Default)]
pub(super) struct ConversionLooks {
    looked: Option<Instant>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// How many leads turned out to be deals now.
    pub(super) converted: usize,
    /// What cut it short.
    pub(super) failure: Option<CallFailure>,
}

impl ConversionLooks {
    /// How long until the next look may be.
    pub(super) fn rests(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| {
            PACE.saturating_sub(looked.elapsed())
        })
    }

    /// One look, if it is time and a lead is to be looked at.
    pub(super) async fn turn<P: PortalClient>(
        &mut self,
        forms: &Forms,
        portal: &P,
        held: &HeldLease,
    ) -> Result<Followed, app::Error> {
        let mut followed = Followed::default();
        if !self.rests().is_zero() || !held.may_send() {
            return Ok(followed);
        }
        let leads = forms.leads_to_follow(held.lease(), LEADS_AT_ONCE).await?;
        if leads.is_empty() {
            return Ok(followed);
        }
        self.looked = Some(Instant::now());
        let ids: Vec<u64> = leads
            .iter()
            .filter_map(|one| u64::try_from(one.lead_id).ok())
            .collect();
        let call = ask_conversions(&ids);
        let answer = match send(portal, held, &call, Priority::Reconcile, None).await {
            Ok(answer) => answer,
            Err(fault) => {
                // Nobody else waits for a call that fails for what is in it.
                followed.failure = fails_alone(portal, held, &fault).await.err();
                CallAnswer::NotRun
            }
        };
        if followed.failure.is_some() {
            return Ok(followed);
        }
        let (found, refused) = read_conversions(answer);
        if let Some(words) = refused {
            tracing::warn!(
                portal = held.portal(),
                words,
                "what became of some leads cannot be read"
            );
        }
        followed.converted = forms.followed(held.lease(), &leads, &found).await?;
        Ok(followed)
    }
}
