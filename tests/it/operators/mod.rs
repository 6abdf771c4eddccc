//! What people see and do: the console, dead letters, and running the bridge.

pub(super) mod console;
pub(super) mod dead_letters;
pub(super) mod operations;
