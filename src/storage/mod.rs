//! All SQL, and nothing else.
//!
//! Owns: the schema `bridge` (migrations included) and every statement that touches it. Statements name the schema
//! themselves, so no search path matters and a shop's own tables in the same database are never touched. Refuses:
//! decisions. A caller opens the transaction and says what to write; the rows come back as plain values.
//!
//! Locks are always taken in this order, each group sorted by key: lanes, tokens, new orders with their events, other new outbox rows, orders,
//! outbox rows of those orders, agreements, comparisons, feeds, dead letters,
//! reservations, stores, levels of stock. So no two use cases can wait for each other in a circle.

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
