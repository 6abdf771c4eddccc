//! Calls, mails and messages of a shop: what an event tells of one, and what of it is put on a
//! card.
//!
//! Owns: the event and its faults; which entries an activity becomes. Refuses: finding the card,
//! and writing. PURE.

mod entries;
mod event;

#[cfg(test)]
mod tests;

pub use entries::{entries, title};
pub use event::{Activity, ActivityEvent, ActivityKind, RECORDED};
