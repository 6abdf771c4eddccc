//! What cannot be delivered: to read, mend, replay or let go.

use super::{Actor, Bridge, Error};
use crate::domain::{Code, PortalName, ShopName};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// One open dead letter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Letter {
    /// Its id.
    pub id: i64,
    /// The shop, if the event named a known one.
    pub shop: Option<String>,
    /// The portal.
    pub portal: Option<String>,
    /// The order.
    pub number: Option<String>,
    /// What happened.
    pub code: String,
    /// What exactly, in the words of whoever refused.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Tries that the remote side judged.
    pub attempts: i32,
    /// When it first failed.
    pub first_failed_at: DateTime<Utc>,
    /// When it last failed.
    pub last_failed_at: DateTime<Utc>,
    /// The event.
    pub payload: Value,
}

/// Which letters to list.
#[derive(Debug, Clone, Default)]
pub struct LetterFilter {
    /// Only of this shop.
    pub shop: Option<ShopName>,
    /// Only of this portal.
    pub portal: Option<PortalName>,
    /// Only of this code.
    pub code: Option<Code>,
    /// Only of this order.
    pub number: Option<String>,
    /// Only with ids above this: the `next` of the page before.
    pub after: Option<i64>,
    /// How many: at most 500; 0 means 50.
    pub limit: u32,
}

/// A page of letters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LetterPage {
    /// The letters, oldest first.
    pub items: Vec<Letter>,
    /// Where the next page starts; none if this is the last.
    pub next: Option<i64>,
}

/// How to try a letter again.
#[derive(Debug, Clone, Default)]
pub struct Retry {
    /// A mended event, or a mended snapshot (the event's `data`).
    pub payload: Option<Value>,
    /// Make a new deal if the old one is gone.
    pub recreate: bool,
}

/// What a retry came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retried {
    /// The event waits for its lane again.
    Queued,
    /// The shop has sent a newer snapshot since: the letter was closed, nothing is sent.
    Overtaken,
}

impl Bridge {
    /// Open letters.
    pub async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, Error> {
        todo!("{filter:?}")
    }

    /// One open letter; none if there is none of that id, or it is closed.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<Letter>, Error> {
        todo!("{id}")
    }

    /// Tries a letter again.
    pub async fn retry(&self, id: i64, who: &Actor, options: Retry) -> Result<Retried, Error> {
        todo!("{id} {who:?} {options:?}")
    }

    /// Lets a letter go, for a reason that is put on record.
    pub async fn discard(&self, id: i64, who: &Actor, reason: &str) -> Result<(), Error> {
        todo!("{id} {who:?} {reason}")
    }
}
