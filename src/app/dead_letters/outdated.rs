//! Letters that something newer of their order has made pointless, or whose reason is over.

use crate::{
    app::{Actor, DeadLetters, Error, Retry, intake::event_age},
    domain::{Age, ErrorCode, OrderKey, happening::OrderEvent},
    storage::{
        ClosedHow,
        dead_letters::{self, OpenRow},
        journal::{Line, LineKind},
        queue::{
            orders::{self, QueueHead},
            outbox,
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;

/// An order whose newest event was done.
pub(in crate::app) struct DoneOrder {
    pub(in crate::app) order: OrderKey,
    /// The row id of that event: letters about it or an older one are out of date.
    pub(in crate::app) event: i64,
}

/// Letters that close by themselves.
#[derive(Default)]
struct Closing {
    ids: Vec<i64>,
    hows: Vec<ClosedHow>,
    reasons: Vec<String>,
    /// Dead events that were overtaken, and by which.
    events: Vec<i64>,
    by: Vec<i64>,
    lines: Vec<Line>,
}

impl DeadLetters {
    /// Tries again what died because the deals of these orders were gone: they are there, restored
    /// or shown again. Whether there was any; the caller wakes the lane.
    pub(in crate::app) async fn retry_returned(
        &self,
        tx: &mut PgConnection,
        orders: Vec<OrderKey>,
    ) -> Result<bool, Error> {
        let gone = dead_letters::of_orders(tx, orders, ErrorCode::DealGone.as_str()).await?;
        let bridge = Actor::new("bridge");
        for letter in &gone {
            let retried = self.retry_in(tx, *letter, &bridge, Retry::default());
            match Box::pin(retried).await {
                Ok(_) => {}
                Err(Error::Invalid(_) | Error::NotFound) => {
                    tracing::warn!(letter, "a dead letter could not be tried again");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(!gone.is_empty())
    }

    /// Closes what waits about locked orders whose newest event was done. An event that could not
    /// be accepted is overtaken only if it is older. Returns what is to be said about the orders.
    pub(in crate::app) async fn close_outdated(
        &self,
        tx: &mut PgConnection,
        done: &[DoneOrder],
    ) -> Result<Vec<Line>, Error> {
        if done.is_empty() {
            return Ok(Vec::new());
        }
        let (shops, numbers) = OrderKey::columns(done.iter().map(|one| one.order.clone()));
        let open = dead_letters::open_of_orders(tx, &shops, &numbers).await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let events: HashMap<&OrderKey, i64> =
            done.iter().map(|one| (&one.order, one.event)).collect();
        let heads = orders::lock(tx, &shops, &numbers).await?;
        let heads: HashMap<OrderKey, &QueueHead> = heads
            .iter()
            .map(|head| (OrderKey::new(&head.shop, &head.number), head))
            .collect();
        let mut closing = Closing::default();
        for letter in &open {
            let key = OrderKey::new(&letter.shop, &letter.number);
            let (Some(event), Some(head)) = (events.get(&key), heads.get(&key)) else {
                continue;
            };
            match letter.outbox_id {
                Some(own) if own == *event => closing.through(letter),
                Some(own) => closing.overtaken(letter, Some((own, *event))),
                None => {
                    let tells = letter.tells.value().unwrap_or(&Value::Null);
                    let age = Age::of_unread(tells, letter.failed_at);
                    if self.is_outdated(tx, &age, head).await? {
                        closing.overtaken(letter, None);
                    }
                }
            }
        }
        outbox::overtake(tx, &closing.events, &closing.by).await?;
        let Closing { ids, hows, .. } = &closing;
        dead_letters::close_by_themselves(tx, ids, hows, &closing.reasons).await?;
        Ok(closing.lines)
    }

    /// Whether the newest known state of a locked order is newer than an event that is not
    /// accepted.
    pub(in crate::app) async fn is_outdated(
        &self,
        tx: &mut PgConnection,
        age: &Age,
        head: &QueueHead,
    ) -> Result<bool, Error> {
        let Some((_, known)) = event_age::age_of(head)? else {
            return Ok(false);
        };
        let clock = self.intake.shop_offset(tx, &head.shop).await?;
        Ok(known.outdates(age, clock, &self.intake.finality(&head.shop)))
    }
}

impl Closing {
    fn overtaken(&mut self, letter: &OpenRow, event: Option<(i64, i64)>) {
        if let Some((own, by)) = event {
            self.events.push(own);
            self.by.push(by);
        }
        let what = OrderEvent::LetterOvertaken { letter: letter.id };
        self.close(
            letter,
            ClosedHow::Overtaken,
            "a newer snapshot was settled",
            what,
        );
    }

    fn through(&mut self, letter: &OpenRow) {
        let what = OrderEvent::LetterThrough { letter: letter.id };
        self.close(letter, ClosedHow::Retried, "its event got through", what);
    }

    fn close(&mut self, letter: &OpenRow, how: ClosedHow, reason: &str, what: OrderEvent) {
        self.ids.push(letter.id);
        self.hows.push(how);
        self.reasons.push(reason.to_owned());
        self.lines.push(Line {
            shop: letter.shop.clone(),
            number: letter.number.clone(),
            kind: LineKind::Overtaken,
            what: what.into(),
            detail: None,
        });
    }
}

/// When a letter's event came in, as far as is known: not later than now.
pub(in crate::app) fn came_in(failed_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    failed_at.min(now)
}
