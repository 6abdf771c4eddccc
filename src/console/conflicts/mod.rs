//! Pages of conflicts: the list, one with its decision, and what was decided lately.

pub(super) mod decisions;
pub(super) mod detail;
pub(super) mod list;
