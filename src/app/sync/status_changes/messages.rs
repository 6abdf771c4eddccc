//! A message to a shop on its way, and its line in the life of its order.

use crate::{
    domain::happening::Happening,
    storage::{
        journal::{Line, LineKind},
        sync::status_changes::ChangeRow,
    },
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A message to a shop on its way.
#[derive(Debug, Clone)]
pub struct OutgoingChange {
    pub(super) change: ChangeRow,
    /// When this try began.
    pub(super) sent_at: DateTime<Utc>,
    /// Its id: the same however often it is sent.
    pub id: String,
    /// The CloudEvents message that is sent or read.
    pub message: Value,
}

/// Which messages are to be sent next.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingMessage<'a> {
    /// Orders whose message is on its way.
    pub without: &'a [String],
    /// Whether the shop is on trial: a message that never failed tells more than one that did.
    pub trial: bool,
    /// At most so many.
    pub limit: u32,
}

impl OutgoingChange {
    pub(super) fn new(change: ChangeRow, sent_at: DateTime<Utc>) -> Self {
        let id = change.message_id.clone();
        let message = json!({
            "specversion": "1.0",
            "type": "bridge.order.status.v1",
            "source": format!("/b24-bridge/portals/{}", change.portal),
            "id": id,
            "subject": change.number,
            "time": change.decided_at,
            "datacontenttype": "application/json",
            "data": {
                "shop": change.shop, "number": change.number, "status": change.status,
                "previous_status": change.previous_status, "stage": change.stage, "decided_at":
                    change.decided_at,
                "reason": change.reason, "source": change.source,
                "decision_id": change.decision_id, "denies": change.denies,
            },
        });
        Self {
            change,
            sent_at,
            id,
            message,
        }
    }

    /// The order it is about.
    pub fn number(&self) -> &str {
        &self.change.number
    }

    /// Tries that the shop judged so far.
    pub fn attempts(&self) -> i32 {
        self.change.attempts
    }
}

/// What happened to a message, as a line in the life of its order.
pub(in crate::app) fn line(change: &ChangeRow, kind: LineKind, what: impl Into<Happening>) -> Line {
    Line {
        shop: change.shop.clone(),
        number: change.number.clone(),
        kind,
        what: what.into(),
        detail: Some(json!({
            "change": change.seq, "decision": change.decision_id, "decided_at": change.decided_at,
        })),
    }
}
