//! Orders that were refused and are still tried by themselves: put right or given up before they
//! die.
//!
//! Such an order is taken out of the queue as a dead letter, which is retried or discarded in the
//! same transaction. A worker that has claimed it meanwhile settles as it does when a newer event
//! has come: what it wrote is known, and it brings nothing back into the queue.

use super::{DeadLetters, checked_reason, fields::Field};
use crate::{
    app::{Actor, Error, Retry, RetryOutcome},
    domain::ShopName,
    storage::{
        EventState, dead_letters,
        queue::{
            orders::{self, StoppedEvent},
            outbox,
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An order's newest event, which was refused and is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct StillTried {
    /// The id of the event: what is put right or given up is this one, and no newer one.
    pub event: i64,
    /// What it was refused with last.
    pub code: String,
    /// In the words of whoever refused.
    pub message: String,
    /// Tries that the portal judged.
    pub attempts: i32,
    /// When it is tried next.
    pub next_at: DateTime<Utc>,
    /// The event as it was accepted.
    pub payload: Value,
    /// The fields that the code points at.
    pub wrong: Vec<Field>,
}

impl DeadLetters {
    /// What is still tried of an order, after it was refused; none where nothing is.
    pub async fn still_tried(
        &self,
        shop: &ShopName,
        number: &str,
    ) -> Result<Option<StillTried>, Error> {
        let mut db = self.db.acquire().await?;
        let row = orders::still_tried(&mut db, shop.as_str(), number).await?;
        Ok(row.map(|row| {
            let payload = row.body.shown();
            StillTried {
                wrong: self.fields_of(Some(shop.as_str()), &row.code, &row.message, &payload),
                event: row.event,
                code: row.code,
                message: row.message,
                attempts: row.attempts,
                next_at: row.due_at,
                payload,
            }
        }))
    }

    /// Sends an order that is still tried with a mended payload in place of its newest event.
    /// `NotFound` if that event is not tried any more.
    pub async fn mend_tried(
        &self,
        order: (&ShopName, &str),
        event: i64,
        who: &Actor,
        payload: Value,
    ) -> Result<RetryOutcome, Error> {
        let mut tx = self.db.begin().await?;
        let letter = take_out(&mut tx, order, event).await?;
        let options = Retry {
            payload: Some(payload),
            ..Retry::default()
        };
        let (retried, lanes) = self.retry_in(&mut tx, letter, who, options).await?;
        tx.commit().await?;
        for lane in lanes {
            self.waker.wake(&lane);
        }
        Ok(retried)
    }

    /// Lets the newest event of an order that is still tried go, for a reason of 1 to 1,000
    /// characters that is put on record. `NotFound` if that event is not tried any more.
    pub async fn give_up_tried(
        &self,
        order: (&ShopName, &str),
        event: i64,
        who: &Actor,
        reason: &str,
    ) -> Result<(), Error> {
        let reason = checked_reason(reason)?;
        let mut tx = self.db.begin().await?;
        let letter = take_out(&mut tx, order, event).await?;
        self.discard_in(&mut tx, letter, who, reason).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Makes an event that is still tried a dead letter; returns the letter.
async fn take_out(
    tx: &mut PgConnection,
    (shop, number): (&ShopName, &str),
    event: i64,
) -> Result<i64, Error> {
    let stopped = orders::stop_trying(tx, (shop.as_str(), number, event)).await?;
    let StoppedEvent {
        code,
        message,
        attempts,
    } = stopped.ok_or(Error::NotFound)?;
    outbox::settle(tx, &[event], &[EventState::Dead]).await?;
    dead_letters::write(tx, &[event], &[code], &[message], &[attempts]).await?;
    let letter = dead_letters::of_event(tx, event).await?;
    letter.ok_or(Error::NotFound)
}
