//! Every call to a portal: counted, and one line in the log.

use super::portal::code;
use crate::{
    bitrix24::{Called, Watch},
    domain::PortalName,
    telemetry::Metrics,
};
use std::time::Duration;

/// Counts and logs the calls of one portal's client.
pub(super) struct Attempts {
    portal: String,
    metrics: Metrics,
}

impl Attempts {
    pub(super) fn new(name: &PortalName, metrics: &Metrics) -> Self {
        let portal = name.as_str().to_owned();
        let metrics = metrics.clone();
        Self { portal, metrics }
    }
}

impl Watch for Attempts {
    fn called(&self, call: &Called<'_>) {
        let result = match call.failed {
            None => "ok",
            Some(error) => code(&error.class()).as_str(),
        };
        let (portal, metrics) = (&self.portal, &self.metrics);
        metrics.limited(portal, call.waited);
        metrics.paced(portal, call.pace);
        metrics.called(portal, call.method, result, call.took);
        if let Some(commands) = call.commands {
            metrics.batched(portal, commands);
        }
        tracing::info!(
            portal,
            method = call.method,
            commands = call.commands.unwrap_or(1),
            result,
            duration_ms = millis(call.took),
            waited_ms = millis(call.waited),
            "attempt"
        );
    }

    fn commanded(&self, method: &str, taken: bool) {
        let result = if taken { "ok" } else { "refused" };
        self.metrics.commanded(&self.portal, method, result);
    }

    fn operating(&self, method: &str, seconds: f64) {
        self.metrics.operating(&self.portal, method, seconds);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
