//! Transport: the endpoint that takes calls, batches, the control page, and a socket that fails on
//! demand.

pub(super) mod batch;
mod commands;
pub(super) mod control;
pub(super) mod endpoint;
pub(super) mod faulty_socket;
pub(super) mod page;
