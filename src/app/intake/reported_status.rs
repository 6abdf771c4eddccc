//! What an order's newest event says of its status, as it is stored with the order.

use crate::domain::{Event, EventBody, Offset};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the shop says. Stored over what it said before, so that a deletion keeps the last status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::app) struct ReportedStatus {
    /// The status; none if the shop never said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::app) status: Option<String>,
    /// `status_changed_at`, by the shop's clock.
    #[serde(default)]
    pub(in crate::app) since: Option<DateTime<Utc>>,
    /// When the event was accepted: set where it is stored.
    #[serde(default, skip_serializing)]
    pub(in crate::app) seen: Option<DateTime<Utc>>,
    /// The newest time in it, by the shop's clock: its last change, else when it was sent. It shows
    /// the order as it was then, or later.
    #[serde(default)]
    pub(in crate::app) made: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(in crate::app) paid: bool,
    #[serde(default)]
    pub(in crate::app) cancelled: bool,
    /// The shop deleted the order.
    #[serde(default)]
    pub(in crate::app) deleted: bool,
}

impl ReportedStatus {
    pub(in crate::app) fn by(event: &Event) -> Self {
        match &event.body {
            EventBody::Saved(snapshot) => Self {
                status: Some(snapshot.status.clone()),
                since: snapshot.status_changed_at,
                seen: None,
                made: (snapshot.updated_at.max(snapshot.status_changed_at)).or(event.time),
                paid: snapshot.paid,
                cancelled: snapshot.cancelled,
                deleted: false,
            },
            EventBody::Deleted { .. } => Self {
                status: None,
                since: None,
                seen: None,
                made: None,
                paid: false,
                cancelled: false,
                deleted: true,
            },
        }
    }

    /// When the snapshot came in.
    pub(in crate::app) fn heard(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.seen.unwrap_or(now)
    }

    /// Until when, on the bridge's clock, the snapshot can have been made by its own times.
    pub(in crate::app) fn as_of(&self, clock: Offset) -> Option<DateTime<Utc>> {
        let made = self.made?;
        Some(clock.to_ours(made) + clock.uncertainty())
    }

    /// The part that is laid over what was said before.
    pub(in crate::app) fn stored(&self) -> Value {
        if self.deleted {
            json!({ "deleted": true })
        } else {
            serde_json::to_value(self).unwrap_or_default()
        }
    }

    pub(in crate::app) fn read(stored: Option<&Value>) -> Option<Self> {
        serde_json::from_value(stored?.clone()).ok()
    }
}
