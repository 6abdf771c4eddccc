//! The states of rows, as their columns name them. Each is one of the words that the column's
//! constraint allows; any other is an error that names the column.

use crate::domain::words;

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
