//! Entries that are put on a card of the portal beside its fields: calls, mails, to-dos and
//! comments.

use super::Phone;
use chrono::{DateTime, Utc};

/// What is put on a card. A mail that went out is a comment: as a mail of the portal it would be
/// sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A call that was taken, or missed.
    Call(CallEntry),
    /// A mail that was received.
    ReceivedMail(MailEntry),
    /// Something to be done by somebody, until then.
    Todo(TodoEntry),
    /// A comment in the card's timeline.
    Comment(String),
}

/// A call, as the card shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEntry {
    /// Whether the shop called.
    pub outgoing: bool,
    /// When the call began, in UTC.
    pub at: DateTime<Utc>,
    /// When the call ended, in UTC.
    pub ended: DateTime<Utc>,
    /// The telephone of the customer, whoever of the two called.
    pub phone: Phone,
    /// What stands in the card's list.
    pub subject: String,
    /// The whole text, with what was asked for.
    pub text: String,
}

/// A mail that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEntry {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The e-mail address that the customer wrote from.
    pub email: String,
    /// The subject, as the card's list shows it.
    pub subject: String,
    /// The whole text of the mail.
    pub text: String,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodoEntry {
    /// What stands in the card's list.
    pub title: String,
    /// The whole text, below the title.
    pub text: String,
    /// Until when it is to be done.
    pub deadline: DateTime<Utc>,
}
