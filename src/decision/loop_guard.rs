//! A guard against loops: a robot that answers each of our writes would keep us writing for ever,
//! so an order's latest writes are counted.

use crate::domain::{BridgeWrite, WriteLimit, WrittenValue};
use chrono::{DateTime, Utc};

/// How many turns speak against writing `next` once more; `None` if it may be written.
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
