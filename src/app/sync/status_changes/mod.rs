//! Changes of status on their way to shops, by their lanes.
//!
//! To add what can become of a message: what it does to the agreement, in `agreed`, and a use case
//! in `outcome` that stores it under the lease.

mod agreed;
mod claim;
pub(super) mod message;
mod outcome;

pub(in crate::app) use agreed::{acknowledge, lock_orders, revived};
pub use message::{OutgoingChange, OutgoingMessage};
