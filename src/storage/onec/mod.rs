//! The exchange with 1C.
//!
//! Locks here are taken in this order: sessions, the turn to store a base's goods, with these and
//! their prints, files that are taken in, the orders that a document may be about and their
//! agreements (as everywhere), documents, receipts that are documents, orders of bases with their
//! payments and shipments (each group sorted), offers, pushes; no statement of another room waits
//! for them. Pictures are locked before products, each in their order.

pub mod bases;
pub mod births;
pub mod contents;
pub mod documents;
pub mod facts;
pub mod files;
pub mod goods;
pub mod imports;
pub mod news;
pub mod offers;
pub mod orders;
pub mod pictures;
pub mod pushes;
pub mod receipts;
pub mod sessions;
pub mod sides;
