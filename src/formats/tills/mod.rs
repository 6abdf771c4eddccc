//! Tills: what was sold and brought back in a store.
//!
//! PURE. Owns: the words of `[tills.NAME]`, receipts as they come by event, the bodies in which the
//! vendors of tills send theirs, and what is put on a card of one. Refuses: what a receipt does to
//! goods, which is the stock's affair, and telling whether it is a till that sends it.
//!
//! A *receipt* is a snapshot with an identity: its till, and its id there. It may come twice, late,
//! changed, or annulled. Quantities are above zero; which way the goods went is said by its kind.
//!
//! To add a vendor: a reader from its bodies to receipts with every fault named, its kind in the
//! settings, its door in `http::webhooks` or its client in `clients`, and samples of real bodies.

mod card;
mod evotor;
pub mod moysklad;
mod receipt;
mod setup;
mod sums;

pub use card::{ReceiptDeals, as_order, comment, key};
pub(in crate::formats) use card::{amount, bare, customer, plain};
pub use evotor::EvotorReceipts;
pub use moysklad::{MoyskladDocument, MoyskladHint};
pub use receipt::{Receipt, ReceiptEvent, ReceiptLine, SAVED};
pub use setup::{TillKind, TillSettings, TillStores};
