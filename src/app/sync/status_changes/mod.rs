//! Changes of status on their way to shops, by their lanes.
//!
//! To add what can become of a message: what it does to the agreement, in `agreement`, and a use
//! case in `outcome` that stores it under the lease.

mod agreement;
mod claim;
pub(super) mod messages;
mod outcome;

pub(in crate::app) use agreement::{acknowledge, lock_orders, revived};
pub use messages::{OutgoingChange, OutgoingMessage};
