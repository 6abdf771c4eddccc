//! Every call to a portal: counted, and one line in the log.

use super::client::code_of;
use crate::{
    clients::bitrix24::{CallObserver, CallRecord},
    domain::PortalName,
    process::telemetry::{Metrics, chain},
    worker::incidents::CallEvent,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// What is seen of calls and not written down yet; what comes beyond is only counted and logged.
const UNREAD: usize = 256;

/// Counts and logs the calls of one portal's client.
pub(in crate::worker) struct AttemptRecorder {
    portal: String,
    metrics: Metrics,
    seen: mpsc::Sender<CallEvent>,
}

impl AttemptRecorder {
    /// With what people are to see of the calls.
    pub(in crate::worker) fn new(
        name: &PortalName,
        metrics: &Metrics,
    ) -> (Self, mpsc::Receiver<CallEvent>) {
        let (seen, unread) = mpsc::channel(UNREAD);
        let attempts = Self {
            portal: name.as_str().to_owned(),
            metrics: metrics.clone(),
            seen,
        };
        (attempts, unread)
    }

    fn tell(&self, seen: CallEvent) {
        let _ = self.seen.try_send(seen);
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
