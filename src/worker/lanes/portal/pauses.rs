//! The pauses of a lane whose portal is in trouble, or that somebody paused.

use super::PortalLane;
use crate::{
    app::{self, LaneFault},
    clients::bitrix24::Class,
    process::backoff,
    worker::{CallFailure, PortalClient, lanes::lease::HeldLease},
};
use std::time::Duration;

impl<P: PortalClient> PortalLane<P> {
    /// What the portal's answers mean for the lane: how long to wait, if anything failed.
    pub(super) async fn apply_outcome(
        &self,
        held: &HeldLease,
        failure: Option<&CallFailure>,
        answered: bool,
    ) -> Result<Option<Duration>, app::Error> {
        // A portal that answers now and then is not away: only failures in a row make pauses grow.
        if answered {
            self.recovered(held).await?;
        }
        match failure {
            Some(failure) => self.failed(held, failure).await,
            None => Ok(None),
        }
    }

    /// How long a pause lasts, if there is one. A pause that a fault made ends when its time is
    /// over and the portal answers.
    pub(super) async fn paused(
        &mut self,
        held: &HeldLease,
    ) -> Result<Option<Duration>, app::Error> {
        let Some(row) = self.app.lanes.row(self.name.as_str()).await? else {
            return Ok(None);
        };
        self.troubled = row.failures > 0 || row.paused_at.is_some();
        match row.rests_for(self.settings.poll) {
            None => Ok(None),
            Some(rest) if !rest.is_zero() => Ok(Some(rest)),
            Some(_) => match self.portal.probe().await {
                Ok(()) => {
                    // The failures stay until a wave gets through, so that pauses keep growing
                    // meanwhile.
                    self.app.lanes.clear_pause(held.lease(), false).await?;
                    Ok(None)
                }
                Err(failure) => self.failed(held, &failure).await,
            },
        }
    }

    /// Pauses the lane for as long as the failure asks.
    pub(super) async fn failed(
        &self,
        held: &HeldLease,
        failure: &CallFailure,
    ) -> Result<Option<Duration>, app::Error> {
        let failures = self
            .app
            .lanes
            .row(self.name.as_str())
            .await?
            .map_or(0, |row| row.failures);
        let resume_in = match failure.class {
            // Looked up at once: nothing says that the portal is in trouble, unless it goes on like
            // this.
            Class::InDoubt if failures == 0 => Duration::from_millis(200),
            Class::Throttled(pause) => pause,
            Class::Blocked(_) | Class::TokenExpired => self.settings.probe,
            Class::InDoubt
            | Class::Intercepted
            | Class::Down
            | Class::Refused
            | Class::MethodBlocked(_) => {
                let nth = failures.unsigned_abs().saturating_add(1);
                backoff::delay(nth, self.settings.backoff, Duration::from_mins(5))
            }
        };
        let fault = LaneFault {
            code: failure.code.as_str(),
            reason: &failure.message.replace('\0', " "),
            resume_in: resume_in.as_secs_f64(),
        };
        self.app.lanes.fail(held.lease(), &fault).await?;
        if matches!(failure.class, Class::Blocked(_) | Class::TokenExpired) {
            tracing::error!(
                portal = %self.name, code = %failure.code, "the portal refuses the bridge: {}",
                failure.message
            );
        } else {
            tracing::warn!(
                portal = %self.name, code = %failure.code, "the lane pauses: {}", failure.message
            );
        }
        Ok(Some(resume_in.min(self.settings.poll)))
    }

    /// The portal answers again.
    pub(super) async fn recovered(&self, held: &HeldLease) -> Result<(), app::Error> {
        if self.troubled {
            self.app.lanes.clear_pause(held.lease(), true).await?;
        }
        Ok(())
    }
}
