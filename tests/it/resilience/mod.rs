//! What must hold when something is wrong: any input, a panic anywhere, work at the same time,
//! somebody who goes away.

pub(super) mod closed_lists;
pub(super) mod cut_off;
pub(super) mod hostile;
pub(super) mod locks;
pub(super) mod traps;
pub(super) mod upgrade;
