//! The states of rows, as their columns name them. Each is one of the words that the column's
//! constraint allows; any other is an error that names the column.

use crate::domain::words;
use serde::Serialize;

words! {
    /// What became of an accepted event: `bridge.outbox.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum EventState {
        /// It is the newest of its order, and waits.
        Pending = "pending",
        /// The portal holds it.
        Done = "done",
        /// A newer one of its order stands for it.
        Superseded = "superseded",
        /// A dead letter stands for it.
        Dead = "dead",
    }
}

words! {
    /// What became of a message to a shop: `bridge.status_changes.state` and
    /// `bridge.shop_messages.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum MessageState {
        /// It is to be sent, or read from the feed.
        Waiting = "waiting",
        /// The shop has it.
        Delivered = "delivered",
        /// Something newer stands for it.
        Dropped = "dropped",
        /// A dead letter stands for it.
        Dead = "dead",
    }
}

words! {
    /// What an event that was published by SQL was taken up as: `bridge.published.outcome`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum PublishedOutcome {
        /// It is in the outbox.
        Queued = "queued",
        /// It was there before.
        Duplicate = "duplicate",
        /// It is a dead letter.
        Dead = "dead",
    }
}

words! {
    /// What a document of 1C is: `bridge.onec_documents.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DocumentKind {
        /// One document.
        Document = "document",
        /// Several in one container.
        Package = "package",
        /// A customer or a supplier.
        Counterparty = "counterparty",
        /// What cannot be read.
        Unreadable = "unreadable",
    }
}

words! {
    /// What became of a document of 1C: `bridge.onec_documents.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DocumentState {
        /// It is decided once something else is.
        Waiting = "waiting",
        /// It is carried out.
        Applied = "applied",
        /// It is not carried out, for a code.
        Refused = "refused",
        /// A newer one of its order stands for it.
        Overtaken = "overtaken",
        /// A person has let it go.
        Discarded = "discarded",
    }
}

words! {
    /// How far a file of 1C is: `bridge.onec_imports.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ImportState {
        /// It is being taken in.
        Working = "working",
        /// All of it is taken in.
        Taken = "taken",
        /// None of it is, for a code.
        Refused = "refused",
    }
}
