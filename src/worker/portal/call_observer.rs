//! Every call to a portal: counted, and one line in the log.

use super::client::code_of;
use crate::{
    clients::bitrix24::{CallObserver, CallRecord},
    process::telemetry::{Metrics, chain},
    worker::incidents::{CallEvent, CallEvents, Caller},
};
use std::time::Duration;

/// Counts and logs the calls of one portal's client.
pub(in crate::worker) struct AttemptRecorder {
    portal: Caller,
    metrics: Metrics,
    seen: CallEvents,
}

impl AttemptRecorder {
    /// People are to see what is told of the calls there.
    pub(in crate::worker) fn new(portal: Caller, metrics: &Metrics, seen: CallEvents) -> Self {
        Self {
            portal,
            metrics: metrics.clone(),
            seen,
        }
    }

    fn tell(&self, seen: CallEvent) {
        let _ = self.seen.try_send((self.portal.clone(), seen));
    }
}

impl CallObserver for AttemptRecorder {
    fn sending(&self, method: &str) {
        self.tell(CallEvent::Sending(method.to_owned()));
    }

    fn blocked(&self, method: &str, rests: Duration) {
        self.tell(CallEvent::Rests(method.to_owned(), rests));
    }

    fn moved(&self, host: &str) {
        self.tell(CallEvent::Moved(host.to_owned()));
    }

    fn called(&self, call: &CallRecord<'_>) {
        let result = match call.failed {
            None => "ok",
            Some(error) => code_of(error).as_str(),
        };
        let failed = call.failed.map(|error| (code_of(error), chain(error)));
        self.tell(CallEvent::Ended(failed));
        let (portal, metrics) = (&*self.portal.lane, &self.metrics);
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
        self.metrics.commanded(&self.portal.lane, method, result);
    }

    fn operating(&self, method: &str, seconds: f64) {
        self.metrics.operating(&self.portal.lane, method, seconds);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
