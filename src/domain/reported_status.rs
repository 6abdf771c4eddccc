//! The status that an order's newest event reports, as it is stored with the order.

use super::{Event, EventBody, Offset};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the shop says. Stored over what it said before, so that a deletion keeps the last status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedStatus {
    /// The status; `None` if the shop never said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `status_changed_at`, by the shop's clock.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// When the event was accepted: set where it is stored.
    #[serde(default, skip_serializing)]
    pub seen: Option<DateTime<Utc>>,
    /// The newest time in it, by the shop's clock: its last change, else when it was sent. It shows
    /// the order as it was then, or later.
    #[serde(default)]
    pub made: Option<DateTime<Utc>>,
    /// Whether the order is paid.
    #[serde(default)]
    pub paid: bool,
    /// Whether it is cancelled.
    #[serde(default)]
    pub cancelled: bool,
    /// The shop deleted the order.
    #[serde(default)]
    pub deleted: bool,
}

impl ReportedStatus {
    /// What an event says.
    pub fn by(event: &Event) -> Self {
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
    pub fn heard(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.seen.unwrap_or(now)
    }

    /// Until when, on the bridge's clock, the snapshot can have been made by its own times.
    pub fn as_of(&self, clock: Offset) -> Option<DateTime<Utc>> {
        let made = self.made?;
        Some(clock.to_ours(made) + clock.uncertainty())
    }

    /// The part that is laid over what was said before; null takes away what is there. What is not
    /// known, or not so, is not stored: it lies beside every order.
    pub fn stored(&self) -> Value {
        if self.deleted {
            return json!({ "deleted": true });
        }
        let so = |flag: bool| flag.then_some(true);
        let mut stored = json!({
            "since": self.since, "made": self.made, "paid": so(self.paid),
            "cancelled": so(self.cancelled), "deleted": null
        });
        if let Some(status) = &self.status {
            stored["status"] = json!(status);
        }
        stored
    }
}
