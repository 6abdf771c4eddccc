//! CloudEvents 1.0 messages from a shop.

use super::{OrderNumber, Snapshot};
use chrono::{DateTime, Utc};

/// One accepted message: identity and content.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// `time`, if the shop sent one.
    pub time: Option<DateTime<Utc>>,
    /// What it says.
    pub body: EventBody,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// `shop.order.saved.v1`
    Saved(Box<Snapshot>),
    /// `shop.order.deleted.v1`; `data` carries `number` and may carry `version` and `updated_at`.
    Deleted {
        /// Which order.
        number: OrderNumber,
        /// As in the snapshot.
        version: Option<i64>,
        /// As in the snapshot.
        updated_at: Option<DateTime<Utc>>,
    },
}
