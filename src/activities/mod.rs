//! Calls, mails and messages of a shop: what an event tells of one, and what of it is put on a
//! card.
//!
//! Owns: the event and its faults; which entries an activity becomes. Refuses: finding the card,
//! and writing. PURE.
//!
//! To add a kind: a variant that is read with every fault named, what is put on which card, its
//! config key if a shop may choose, and a scene in `tests/it/incoming/forms`.

mod entries;
mod event;

#[cfg(test)]
mod tests;

pub use entries::{entries, title};
pub use event::{Activity, ActivityEvent, ActivityKind, RECORDED};
