//! What cannot be delivered: to read, mend, replay or let go.

use super::{Actor, Bridge, Error};
use crate::{
    domain::{Code, PortalName, ShopName},
    storage::{
        journal::{self, Line},
        letters::{self, LetterRow},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

const DEFAULT_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

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

impl From<LetterRow> for Letter {
    fn from(row: LetterRow) -> Self {
        Self {
            id: row.id,
            shop: row.shop,
            portal: row.portal,
            number: row.number,
            code: row.code,
            message: row.message,
            remedy: row.remedy,
            attempts: row.attempts,
            first_failed_at: row.first_failed_at,
            last_failed_at: row.last_failed_at,
            payload: row.payload,
        }
    }
}

impl Bridge {
    /// Open letters.
    pub async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, Error> {
        let limit = if filter.limit == 0 {
            DEFAULT_PAGE
        } else {
            filter.limit.min(LARGEST_PAGE)
        };
        let wanted = letters::Filter {
            shop: filter.shop.as_ref().map(ShopName::as_str),
            portal: filter.portal.as_ref().map(PortalName::as_str),
            code: filter.code.map(Code::as_str),
            number: filter.number.as_deref(),
            after: filter.after.unwrap_or(0),
            limit: i64::from(limit) + 1,
        };
        let mut db = self.pool().acquire().await?;
        let mut rows = letters::list(&mut db, &wanted).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Ok(LetterPage {
            items: rows.into_iter().map(Letter::from).collect(),
            next,
        })
    }

    /// One open letter; none if there is none of that id, or it is closed.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<Letter>, Error> {
        let mut db = self.pool().acquire().await?;
        Ok(letters::open(&mut db, id).await?.map(Letter::from))
    }

    /// Lets a letter go, for a reason that is put on record.
    pub async fn discard(&self, id: i64, who: &Actor, reason: &str) -> Result<(), Error> {
        let mut tx = self.pool().begin().await?;
        let letter = letters::open(&mut tx, id).await?.ok_or(Error::NotFound)?;
        if !letters::close(&mut tx, id, "discarded", &who.0, Some(reason)).await? {
            return Err(Error::NotFound);
        }
        let detail = json!({ "reason": reason });
        journal::audit(&mut tx, &who.0, "letter.discard", &id.to_string(), &detail).await?;
        if let (Some(shop), Some(number)) = (letter.shop, letter.number) {
            let text = format!("dead letter {id} discarded by {}: {reason}", who.0);
            journal::add(
                &mut tx,
                &[Line {
                    shop,
                    number,
                    kind: "discarded",
                    text,
                    detail: None,
                }],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
