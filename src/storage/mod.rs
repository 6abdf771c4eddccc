//! All SQL, and nothing else.
//!
//! Owns: the schema `bridge` (migrations included) and every statement that touches it. Statements name the schema
//! themselves, so no search path matters and a shop's own tables in the same database are never touched. Refuses:
//! decisions. A caller opens the transaction and says what to write; the rows come back as plain values.
//!
//! # Locks
//!
//! Locks are always taken in this order: lanes, tokens, jobs and files that are worked on, new orders with their events,
//! orders, what belongs to those orders, feeds, refused cards, links, bearers, reservations, stores, levels of stock. Of
//! one kind several are locked by one statement, sorted by key. So no two use cases can wait for each other in a circle.
//!
//! Whoever has an order has all that belongs to it: its outbox rows, also those that are still to be inserted, its
//! agreement, comparison, conflicts, status changes and dead letters. They are changed with the order locked, in any
//! sequence; a single row may be changed without it by whoever touches nothing else. A transaction that comes to its
//! orders one by one locks all of them before the first, or works on one order only.

pub mod agreements;
pub mod attempts;
pub mod backfills;
pub mod bearers;
pub mod bulk;
pub mod changes;
pub mod clocks;
pub mod comparisons;
pub mod conflicts;
pub mod contacts;
pub mod decisions;
pub mod figures;
pub mod glance;
pub mod grants;
pub mod history;
pub mod identity;
pub mod imports;
pub mod inbox;
pub mod indexes;
pub mod installation;
pub mod journal;
mod json;
pub mod lanes;
pub mod letters;
pub mod limits;
pub mod links;
pub mod onec;
pub mod orders;
pub mod outbox;
pub mod permits;
mod pool;
pub mod published;
pub mod search;
pub mod sessions;
mod settings;
pub mod stock;
mod storable;
pub mod subjects;
pub mod submissions;
pub mod tokens;
pub mod troubles;
pub mod under_way;

pub use json::Json;
pub use pool::{Error, SchemaVersion, connect, connect_with, migrate, schema_version};
pub use settings::{Settings, settings};
pub use storable::storable;
