//! The requests that a portal remembers, and its counters.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One request to the portal, as the log keeps it.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The method, in lower case.
    pub method: String,
    /// The methods of a batch's commands, in order.
    pub commands: Vec<String>,
    /// The HTTP status; 0 when the connection was cut instead of answered.
    pub status: u16,
    /// Whether the request was carried out.
    pub executed: bool,
    /// The fault that it met, if any.
    pub fault: Option<String>,
    /// When, by the portal's clock.
    pub at: String,
}

/// What has happened so far, in numbers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Requests to the REST interface.
    pub requests: u64,
    /// Commands carried out, alone or inside batches.
    pub commands: u64,
    /// Commands carried out, by method.
    pub methods: BTreeMap<String, u64>,
    /// Answers by HTTP status; 0 counts the cut connections.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers 503 because of the request rate.
    pub throttled: u64,
    /// Commands refused because of operating time.
    pub operation_limited: u64,
    /// How many notifications of events were sent.
    pub notifications_sent: u64,
    /// Notifications that their handler accepted.
    pub notifications_accepted: u64,
    /// Notifications lost on purpose or because the handler failed.
    pub notifications_lost: u64,
    /// Parameters that the method's description does not know, each once.
    pub warnings: BTreeSet<String>,
}
