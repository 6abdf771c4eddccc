//! What is put on a card of the portal beside its fields: calls, mails, to-dos and comments.

use super::Phone;
use chrono::{DateTime, Utc};

/// What is put on a card. A mail that went out is a comment: as a mail of the portal it would be
/// sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A call.
    Call(CallEntry),
    /// A mail that was received.
    ReceivedMail(MailEntry),
    /// Something to be done by somebody, until then.
    Todo(TodoEntry),
    /// A comment.
    Comment(String),
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEntry {
    /// Whether the shop called.
    pub outgoing: bool,
    /// When it began.
    pub at: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// The customer's number.
    pub phone: Phone,
    /// In a few words.
    pub subject: String,
    /// In more.
    pub text: String,
}

/// A mail that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// The customer's address.
    pub email: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TodoEntry {
    /// In a few words.
    pub title: String,
    /// In more.
    pub text: String,
    /// Until when.
    pub deadline: DateTime<Utc>,
}
