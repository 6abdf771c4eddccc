//! The queue: orders with their newest event, the outbox, processes, lanes with leases and limits,
//! links, writes in flight, and what is brought to a portal beside orders.

pub mod attempts;
pub mod customer_values;
pub mod due_lanes;
pub mod lanes;
pub mod links;
pub mod orders;
pub mod outbox;
pub mod portal_identity;
pub mod processes;
pub mod rate_permits;
pub mod rate_state;
pub mod subjects;
pub mod writes_in_flight;
