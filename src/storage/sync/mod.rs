//! Two-way sync: what was agreed, what is to be compared, what was decided, and what shops are
//! told.

pub mod agreements;
pub mod clock_offsets;
pub mod comparisons;
pub mod conflicts;
pub mod decisions;
pub mod inbox;
pub mod messages;
pub mod stage_history;
pub mod status_changes;
