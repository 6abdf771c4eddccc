//! The lead mode of a portal: whether it works with leads. Asked at the write, and again each day.

use crate::{
    clients::bitrix24::{Command, Priority},
    worker::{CallFailure, PortalClient},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long what the portal said counts.
const COUNTS: Duration = Duration::from_hours(24);
/// How long submissions rest where the portal does not say.
const REST: Duration = Duration::from_secs(30);

/// What is known of it.
#[derive(Debug, Default)]
pub(in crate::worker) struct LeadMode {
    known: Option<(bool, Instant)>,
    rest_until: Option<Instant>,
}

/// What the portal says of it.
pub(in crate::worker) enum Leads {
    /// Whether it works with leads.
    Known(bool),
    /// It does not say, in these words.
    Untold(String),
    /// The call failed as a whole.
    Failed(CallFailure),
}

impl LeadMode {
    /// How long submissions rest.
    pub(in crate::worker) fn rests(&self) -> Duration {
        let until = self
            .rest_until
            .map(|until| until.saturating_duration_since(Instant::now()));
        until.unwrap_or_default()
    }

    /// The portal is asked again: somebody, or the portal by itself, has made a deal of a lead.
    pub(in crate::worker) fn doubt(&mut self) {
        self.known = None;
    }

    /// Whether the portal works with leads; it is asked only where that matters.
    pub(in crate::worker) async fn leads<P: PortalClient>(
        &mut self,
        portal: &P,
        matters: bool,
    ) -> Leads {
        let fresh = self.known.filter(|(_, at)| at.elapsed() < COUNTS);
        if let Some((leads, _)) = fresh {
            return Leads::Known(leads);
        }
        if !matters {
            return Leads::Known(true);
        }
        let command = Command {
            key: "mode".to_owned(),
            method: "crm.settings.mode.get".to_owned(),
            params: json!({}),
        };
        let answer = match portal.batch(&[command], Priority::Live).await {
            Ok(answer) => answer,
            Err(failure) => return Leads::Failed(failure),
        };
        let words = match answer.get("mode") {
            Some(Ok(response)) => match lead_mode(&response.result) {
                Some(leads) => {
                    self.known = Some((leads, Instant::now()));
                    return Leads::Known(leads);
                }
                None => response.result.to_string(),
            },
            Some(Err(refused)) => format!("{} {}", refused.error, refused.description),
            None => "no answer".to_owned(),
        };
        self.rest_until = Some(Instant::now() + REST);
        Leads::Untold(words.trim().chars().take(300).collect())
    }
}

/// What the answer of `crm.settings.mode.get` says: 1 is with leads, 2 without.
pub fn lead_mode(result: &Value) -> Option<bool> {
    let text = match result {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.as_str() {
        "1" => Some(true),
        "2" => Some(false),
        _ => None,
    }
}
