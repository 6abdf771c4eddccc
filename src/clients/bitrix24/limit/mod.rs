//! Limits of a portal: requests, operating time, and the gate that a call of another process
//! passes.

pub(super) mod call_gate;
pub(super) mod limiter;
pub(super) mod operating_time;
