//! All SQL, and nothing else.
//!
//! Owns: the schema `bridge` (migrations included) and every statement that touches it. Statements
//! name the schema themselves, so no search path matters and a shop's own tables in the same
//! database are never touched. Refuses: decisions. A caller opens the transaction and says what to
//! write; the rows come back as plain values.
//!
//! # Locks
//!
//! Locks are always taken in this order: lanes, tokens, jobs and files that are worked on, new
//! orders with their events, orders, other subjects, what belongs to those orders, feeds, refused
//! cards, links, bearers, receipts, reservations, stores, levels of stock, shortages. Of one kind
//! several are locked by one statement, sorted by key. So no two use cases can wait for each other
//! in a circle. The subject of a receipt is written after its goods have moved, and a sale is
//! locked for its refunds then: whoever has either never asks for goods.
//!
//! Whoever has an order has all that belongs to it: its outbox rows, also those that are still to
//! be inserted, its agreement, comparison, conflicts, status changes and dead letters. They are
//! changed with the order locked, in any sequence; a single row may be changed without it by
//! whoever touches nothing else. A transaction that comes to its orders one by one locks all of
//! them before the first, or works on one order only.
//!
//! To add a statement: one function, one checked macro, named by what it does to its table; it
//! takes `&mut PgConnection` and returns rows as types. JSON has its type in the query, as in
//! `agreed AS "agreed: Json<Agreed>"`, and a column of words is an enum of `states`. What cannot be
//! read is an error that names table, column and key: never absent, never a default. To add a table
//! or a column: a new file in `migrations/`, named by the current time, one concern, expand before
//! contract; comments on table and columns; then `.ci/sqlx`, and rows of it in the newest version
//! of `tests/it/resilience/upgrade.rs`.

pub mod access;
pub mod catalogue;
pub mod dead_letters;
pub mod forms;
pub mod intake;
pub mod journal;
mod json;
pub mod onec;
pub mod pictures;
pub mod queue;
pub mod schema;
mod states;
pub mod stock;
pub mod sync;
mod text;
pub mod views;
mod words;

pub use json::{Json, JsonText, Unreadable, written};
pub use schema::pool::{
    Error, SchemaVersion, beside, connect, connect_with, migrate, schema_version,
};
pub use schema::server_settings::{Settings, settings};
pub use states::{
    BulkState, CataloguePart, ClosedHow, ConflictEnd, CustomerCard, DocumentKind, DocumentState,
    EventKind, EventState, ExchangeKind, HintEntity, ImportState, InboxState, LetterAbout,
    LinkEntity, ListKind, MessageKind, MessageSource, MessageState, MoveCause, OfferState,
    OrderIdKind, PublishedOutcome, PushState, ReservationState, ShortageEnd, StockEventKind,
    SubjectKind,
};
pub use sync::{
    comparisons::AskedBy,
    decisions::{DecisionAction, DecisionBasis, DecisionWinner},
};
pub use text::storable;

use crate::domain::ErrorCode;

/// Why something was refused, was given up, or is in trouble.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    /// The stable code.
    pub code: ErrorCode,
    /// What was said with it, in the words of whoever refused, or in ours.
    pub message: &'a str,
}

impl<'a> Reason<'a> {
    /// This code, with these words.
    pub const fn new(code: ErrorCode, message: &'a str) -> Self {
        Self { code, message }
    }
}
