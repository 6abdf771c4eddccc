//! Pages of conflicts: the list, and one with its decision.

pub(super) mod detail;
pub(super) mod list;
