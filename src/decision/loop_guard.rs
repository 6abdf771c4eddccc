//! How often an order was written lately: a robot that answers each of our writes would keep us
//! writing for ever.

use crate::domain::{Stage, WriteLimit};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One write of the bridge for one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeWrite {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What was written.
    pub wrote: WrittenValue,
}

/// What was written, and to which side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenValue {
    /// To the portal.
    Stage(Stage),
    /// To the shop.
    Status(String),
    /// To 1C: the order's own status, against what 1C said.
    Onec(String),
}

/// How many turns speak against writing `next` once more; none if it may be written.
pub(super) fn too_many(
    turns: &[BridgeWrite],
    limit: &WriteLimit,
    next: &WrittenValue,
    now: DateTime<Utc>,
) -> Option<usize> {
    let recent = || turns.iter().filter(|turn| now - turn.at <= limit.window);
    let same = recent().filter(|turn| turn.wrote == *next).count();
    let any = recent().count();
    (same >= limit.same || any >= limit.any).then_some(any)
}
