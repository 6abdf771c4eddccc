//! Outgoing messages of a shop's lane: changes of status, and others. One way to send, to fail and
//! to be given up.

use super::{compare::lane_of, level_messages::LevelMessage};
use crate::{
    app::{
        Error, OutgoingChange, OutgoingMessage, Sync, dead_letters::bug_letters::About,
        delivery::dead_letter::clean,
    },
    domain::{
        ErrorCode, Fault, ShopName,
        happening::{SyncEvent, Words},
    },
    storage::{
        Json, LetterAbout, MessageKind, MessageState, Unreadable,
        dead_letters::{self, Special},
        journal::{self, Line, LineKind},
        onec::births,
        queue::lanes::{self, Lease},
        sync::{
            clock_offsets,
            messages::{self, MessageRow},
        },
        written,
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::time::Duration;
use utoipa::ToSchema;

const DEFAULT_PAGE: u32 = 100;
/// What the keys of messages begin with, among those of orders.
const KEY: &str = "message ";
/// The key of what tells changed levels: one message at a time.
const LEVELS: &str = "levels of stock";

/// Something on its way to a shop.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// A change of an order's status.
    Change(Box<OutgoingChange>),
    /// A message that is no change of status, as of a receipt or of an order made in 1C.
    Message(Box<ShopMessage>),
    /// The newest figures of levels that changed.
    Levels(Box<LevelMessage>),
}

/// A message that is no change of status.
#[derive(Debug, Clone)]
pub struct ShopMessage {
    row: MessageRow,
    /// When it was first sent.
    first_sent_at: DateTime<Utc>,
    message: Value,
}

/// A page of a shop's messages.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShopMessages {
    /// The messages, as they are sent to shops that are called: CloudEvents, oldest first.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, Value>>)]
    pub messages: Vec<Value>,
    /// What to give as `after` next time; also where there is nothing new.
    pub next: i64,
}

impl Outgoing {
    /// What only one message at a time is on its way about: an order, or the message itself.
    pub fn key(&self) -> String {
        match self {
            Self::Change(change) => change.number().to_owned(),
            Self::Message(message) => format!("{KEY}{}", message.row.id),
            Self::Levels(_) => LEVELS.to_owned(),
        }
    }

    /// Its id: the same however often it is sent.
    pub fn id(&self) -> &str {
        match self {
            Self::Change(change) => &change.id,
            Self::Message(message) => &message.row.message_id,
            Self::Levels(levels) => &levels.id,
        }
    }

    /// The CloudEvents message that is sent.
    pub fn message(&self) -> &Value {
        match self {
            Self::Change(change) => &change.message,
            Self::Message(message) => &message.message,
            Self::Levels(levels) => &levels.message,
        }
    }

    /// Tries that the shop judged so far.
    pub fn attempts(&self) -> i32 {
        match self {
            Self::Change(change) => change.attempts(),
            Self::Message(message) => message.row.attempts,
            Self::Levels(levels) => levels.attempts,
        }
    }
}

/// The messages among the keys of what is on its way.
fn ids(keys: &[String]) -> Vec<i64> {
    let id = |key: &String| key.strip_prefix(KEY)?.parse().ok();
    keys.iter().filter_map(id).collect()
}

fn cloud_event(row: &MessageRow) -> Value {
    json!({
        "specversion": "1.0",
        "type": row.kind.as_str(),
        "source": format!("/b24-bridge/shops/{}", row.shop),
        "id": row.message_id,
        "subject": row.subject,
        "time": row.made_at,
        "datacontenttype": "application/json",
        "data": row.body.clone().shown(),
    })
}

impl Sync {
    /// What is due of a shop's lane. Messages get at most half of the room, so that neither waits
    /// for the other for ever; levels come last, in one message at a time.
    pub async fn claim_outgoing(
        &self,
        lease: &Lease,
        shop: &ShopName,
        wanted: OutgoingMessage<'_>,
    ) -> Result<Vec<Outgoing>, Error> {
        let half = wanted.limit.div_ceil(2);
        let mut sum = self
            .claim_messages(lease, shop, wanted.without, half)
            .await?;
        let room = |sum: &Vec<Outgoing>| {
            let taken = u32::try_from(sum.len()).unwrap_or(u32::MAX);
            wanted.limit.saturating_sub(taken)
        };
        let limit = room(&sum);
        if limit > 0 {
            let wanted = OutgoingMessage { limit, ..wanted };
            let changes = self.claim_changes(lease, shop, wanted).await?;
            let changes = changes.into_iter().map(Box::new);
            sum.extend(changes.map(Outgoing::Change));
        }
        let free = room(&sum) > 0 && !wanted.without.iter().any(|key| key == LEVELS);
        if free && let Some(levels) = self.claim_levels(shop).await? {
            sum.push(Outgoing::Levels(Box::new(levels)));
        }
        Ok(sum)
    }

    async fn claim_messages(
        &self,
        lease: &Lease,
        shop: &ShopName,
        without: &[String],
        limit: u32,
    ) -> Result<Vec<Outgoing>, Error> {
        let without = ids(without);
        let mut tx = self.db.begin().await?;
        let of = (shop.as_str(), &*without);
        let due = messages::due(&mut tx, lease, of, i64::from(limit)).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        lanes::fence(&mut tx, lease).await?;
        let now = clock_offsets::now(&mut tx).await?;
        let sent: Vec<i64> = due.iter().map(|row| row.id).collect();
        messages::sent(&mut tx, &sent, now).await?;
        let due = self.readable(&mut tx, due, now).await?;
        tx.commit().await?;
        Ok(due
            .into_iter()
            .map(Box::new)
            .map(Outgoing::Message)
            .collect())
    }

    /// Seconds until something is due of a shop's lane, what is on its way left out.
    pub async fn next_outgoing_due(
        &self,
        shop: &ShopName,
        without: &[String],
    ) -> Result<Option<f64>, Error> {
        let change = self.next_change_due(shop, without).await?;
        let levels = if without.iter().any(|key| key == LEVELS) {
            None
        } else {
            self.next_levels_due(shop).await?
        };
        let mut db = self.db.acquire().await?;
        let message = messages::next_due(&mut db, shop.as_str(), &ids(without)).await?;
        let due = [change, message, levels];
        Ok(due.into_iter().flatten().reduce(f64::min))
    }

    /// Whether the shop took something else since this was first sent.
    pub async fn outgoing_fails_alone(&self, sent: &Outgoing) -> Result<bool, Error> {
        match sent {
            Outgoing::Change(change) => self.fails_alone(change).await,
            Outgoing::Message(one) => {
                let mut db = self.db.acquire().await?;
                let of = (&*one.row.shop, one.row.id);
                Ok(messages::taken_since(&mut db, of, one.first_sent_at).await?)
            }
            Outgoing::Levels(levels) => {
                let mut db = self.db.acquire().await?;
                Ok(messages::taken_since(&mut db, (levels.shop(), 0), levels.sent_at).await?)
            }
        }
    }

    /// The shop took it; of an order that was made in 1C it may say which number it gives it.
    pub async fn outgoing_taken(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        number: Option<&str>,
    ) -> Result<(), Error> {
        let one = match sent {
            Outgoing::Change(change) => return self.mark_delivered(lease, change).await,
            Outgoing::Levels(levels) => return self.levels_taken(lease, levels).await,
            Outgoing::Message(one) => one,
        };
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        messages::settle(
            &mut tx,
            one.row.id,
            MessageState::Delivered,
            one.row.attempts,
        )
        .await?;
        let born = one.message["data"]["id"].as_str();
        let born = born.filter(|_| one.row.kind == MessageKind::OrderCreated);
        if let Some((born, number)) = born.zip(number) {
            births::answered(&mut tx, (&*one.row.shop, born), &clean(number)).await?;
        }
        tx.commit().await?;
        self.metrics.callback("delivered");
        Ok(())
    }

    /// The shop answered that it has another opinion, with a snapshot of an order.
    pub async fn outgoing_contradicted(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        snapshot: &Value,
    ) -> Result<(), Error> {
        match sent {
            Outgoing::Change(change) => self.reject_with_snapshot(lease, change, snapshot).await,
            Outgoing::Message(_) | Outgoing::Levels(_) => Err(Error::Invalid(vec![Fault {
                pointer: String::new(),
                detail: "the message is about no status".to_owned(),
            }])),
        }
    }

    /// Nobody looked at it: another try after `delay`, and none is counted.
    pub async fn postpone_outgoing(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        delay: Duration,
    ) -> Result<(), Error> {
        let one = match sent {
            Outgoing::Change(change) => return self.put_off(lease, change, delay).await,
            Outgoing::Levels(levels) => {
                return self.levels_put_off(lease, levels, false, Some(delay)).await;
            }
            Outgoing::Message(one) => one,
        };
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (id, tries) = (one.row.id, one.row.attempts);
        messages::put_off(&mut tx, id, tries, None, delay.as_secs_f64()).await?;
        Ok(tx.commit().await?)
    }

    /// The shop refused it, or failed at it: another try after `delay`, or a dead letter.
    pub async fn outgoing_refused(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        words: &str,
        delay: Option<Duration>,
    ) -> Result<(), Error> {
        let one = match sent {
            Outgoing::Change(change) => {
                return self.mark_refused(lease, change, words, delay).await;
            }
            // Newer figures will stand for these: there is nothing that could be lost.
            Outgoing::Levels(levels) => {
                tracing::warn!(words, "a shop does not take what changed in stock");
                return self.levels_put_off(lease, levels, true, delay).await;
            }
            Outgoing::Message(one) => one,
        };
        let words = clean(words);
        let attempts = one.row.attempts.saturating_add(1);
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        if let Some(delay) = delay {
            let fault = Some((ErrorCode::Callback.as_str(), &*words));
            let seconds = delay.as_secs_f64();
            messages::put_off(&mut tx, one.row.id, attempts, fault, seconds).await?;
            self.metrics.callback("refused");
        } else {
            self.dead_letter_message(&mut tx, one, (ErrorCode::Callback, &words), attempts)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The bridge failed at it, or at the shop's answer to it: a dead letter.
    pub async fn outgoing_failed(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        words: &str,
    ) -> Result<(), Error> {
        let one = match sent {
            Outgoing::Change(change) => return self.failed_at(lease, change, words).await,
            Outgoing::Levels(levels) => {
                tracing::error!(words, "what changed in stock could not be told");
                return self.levels_put_off(lease, levels, true, None).await;
            }
            Outgoing::Message(one) => one,
        };
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let words = clean(words);
        self.dead_letter_message(&mut tx, one, (ErrorCode::Bug, &words), one.row.attempts)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The messages whose contents can be read. Any other is a dead letter that says where they
    /// stand, and keeps nobody waiting.
    async fn readable(
        &self,
        tx: &mut PgConnection,
        rows: Vec<MessageRow>,
        now: DateTime<Utc>,
    ) -> Result<Vec<ShopMessage>, Error> {
        let mut readable = Vec::with_capacity(rows.len());
        for row in rows {
            let unreadable = row.body.value().err();
            let unreadable =
                unreadable.map(|why| Unreadable::of("bridge.shop_messages", "body", row.id, why));
            let one = ShopMessage {
                first_sent_at: row.first_sent_at.unwrap_or(now),
                message: cloud_event(&row),
                row,
            };
            match unreadable {
                None => readable.push(one),
                Some(why) => {
                    let (why, attempts) = (why.to_string(), one.row.attempts);
                    self.dead_letter_message(tx, &one, (ErrorCode::Bug, &why), attempts)
                        .await?;
                }
            }
        }
        Ok(readable)
    }

    async fn dead_letter_message(
        &self,
        tx: &mut PgConnection,
        one: &ShopMessage,
        (code, words): (ErrorCode, &str),
        attempts: i32,
    ) -> Result<(), Error> {
        let row = &one.row;
        if !messages::settle(tx, row.id, MessageState::Dead, attempts).await? {
            return Ok(());
        }
        let about = About::Message {
            id: row.id,
            message: one.message.clone(),
        };
        let shop = ShopName::parse(&row.shop).ok();
        let portal = shop.as_ref().and_then(|shop| self.registry.rules(shop));
        let letter = Special {
            about: LetterAbout::Message,
            portal: portal.map(|rules| rules.portal.as_str()),
            shop: Some(&row.shop),
            number: row.number.as_deref(),
            code: code.as_str(),
            message: words,
            payload: &Json::Value(written(&about)?),
        };
        dead_letters::write_special(tx, &letter).await?;
        if let Some(number) = &row.number {
            let what = SyncEvent::GivenUpMessage {
                message: row.kind.as_str().to_owned(),
                words: Words(words.to_owned()),
                code: code.to_string(),
            };
            let line = Line {
                shop: row.shop.clone(),
                number: number.clone(),
                kind: LineKind::Dead,
                what: what.into(),
                detail: None,
            };
            journal::add(tx, &[line]).await?;
        }
        self.metrics.died(&lane_of(&row.shop), code.as_str());
        self.metrics.callback("dead");
        Ok(())
    }

    /// An answer to something that was sent is taken.
    pub(crate) fn outgoing_answered(&self, sent: &Outgoing) {
        if let Outgoing::Change(change) = sent {
            self.answers(change);
        }
    }

    /// The messages of a shop above `after`, in order. Read by the shop itself, what is below has
    /// been heard, unless the shop is called.
    pub async fn shop_messages(
        &self,
        shop: &ShopName,
        (after, limit): (i64, u32),
        by_itself: bool,
    ) -> Result<ShopMessages, Error> {
        let name = shop.as_str();
        let two_way = self.registry.two_way(name);
        let called = two_way.is_some_and(|two_way| two_way.callback);
        let limit = if limit == 0 { DEFAULT_PAGE } else { limit };
        let mut tx = self.db.begin().await?;
        messages::number(&mut tx, name).await?;
        if by_itself && !called {
            messages::read_up_to(&mut tx, name, after).await?;
        }
        let rows = messages::feed(&mut tx, name, after, i64::from(limit)).await?;
        let next = rows.last().map_or(after, |row| row.seq);
        let now = clock_offsets::now(&mut tx).await?;
        let readable = self.readable(&mut tx, rows, now).await?;
        tx.commit().await?;
        let messages = readable.into_iter().map(|one| one.message).collect();
        Ok(ShopMessages { messages, next })
    }
}
