//! Commands about what the bridge keeps: look, decide, try again.

pub(super) mod audit;
pub(super) mod catalogue;
mod changes;
pub(super) mod conflicts;
pub(super) mod dead_letters;
pub(super) mod forms;
pub(super) mod onec;
pub(super) mod orders;
pub(super) mod stock;
pub(super) mod tills;
mod tries;
