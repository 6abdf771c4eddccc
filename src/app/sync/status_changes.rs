//! Changes of status on their way to shops, by their lanes.

use super::{
    compare::lane_of,
    withdrawal::{self, reopen, took},
};
use crate::{
    app::{
        Error, Sync,
        bisection::Bisection,
        delivery::dead_letter::clean,
        intake::{accept, event_age, event_reader},
    },
    domain::{
        ErrorCode, Fault, ShopName,
        happening::{Acknowledged, Happening, OrderEvent, SyncEvent, Words},
    },
    process::bug::Step,
    storage::{
        MessageState,
        journal::{self, Line},
        queue::{
            lanes::{self, Lease},
            orders,
            outbox::{self, NewEvent},
        },
        sync::{
            agreements::{self, Row},
            clock_offsets, comparisons,
            status_changes::{self, ChangeRow, Wanted},
        },
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::time::Duration;

/// A message to a shop on its way.
#[derive(Debug, Clone)]
pub struct OutgoingChange {
    change: ChangeRow,
    /// When this try began.
    sent_at: DateTime<Utc>,
    /// Its id: the same however often it is sent.
    pub id: String,
    /// The CloudEvents message.
    pub message: Value,
}

/// Which messages are to be sent next.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingMessage<'a> {
    /// Orders whose message is on its way.
    pub without: &'a [String],
    /// Whether the shop is on trial: a message that never failed tells more than one that did.
    pub trial: bool,
    /// At most so many.
    pub limit: u32,
}

impl OutgoingChange {
    fn new(change: ChangeRow, sent_at: DateTime<Utc>) -> Self {
        let id = change.message_id.clone();
        let message = json!({
            "specversion": "1.0",
            "type": "bridge.order.status.v1",
            "source": format!("/b24-bridge/portals/{}", change.portal),
            "id": id,
            "subject": change.number,
            "time": change.decided_at,
            "datacontenttype": "application/json",
            "data": {
                "shop": change.shop, "number": change.number, "status": change.status,
                "previous_status": change.previous_status, "stage": change.stage, "decided_at":
                    change.decided_at,
                "reason": change.reason, "source": change.source,
                "decision_id": change.decision_id, "denies": change.denies,
            },
        });
        Self {
            change,
            sent_at,
            id,
            message,
        }
    }

    /// The order it is about.
    pub fn number(&self) -> &str {
        &self.change.number
    }

    /// Tries that the shop judged so far.
    pub fn attempts(&self) -> i32 {
        self.change.attempts
    }
}

impl Sync {
    /// The due messages of a shop's lane, the oldest of each order, each checked against what is
    /// known by now: what no longer stands is taken back and decided again.
    pub async fn claim_changes(
        &self,
        lease: &Lease,
        shop: &ShopName,
        wanted: OutgoingMessage<'_>,
    ) -> Result<Vec<OutgoingChange>, Error> {
        let wanted = Wanted {
            shop: shop.as_str(),
            without: wanted.without,
            fresh_first: wanted.trial,
            limit: i64::from(wanted.limit),
        };
        let due = {
            let mut db = self.db.acquire().await?;
            status_changes::due(&mut db, lease, &wanted).await?
        };
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut sum = Vec::new();
        let mut parts = Bisection::of(due);
        while let Some(part) = parts.next() {
            match self.looked_at(lease, shop, part.clone()).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some(one) = parts.failed(part) {
                        let mut tx = self.db.begin().await?;
                        let now = clock_offsets::now(&mut tx).await?;
                        lanes::fence(&mut tx, lease).await?;
                        self.bury_message(&mut tx, &one, now, &error.chain())
                            .await?;
                        tx.commit().await?;
                    }
                }
                standing => sum.extend(standing?),
            }
        }
        Ok(sum)
    }

    /// Looks at some due messages in one transaction; returns those that still stand.
    async fn looked_at(
        &self,
        lease: &Lease,
        shop: &ShopName,
        due: Vec<ChangeRow>,
    ) -> Result<Vec<OutgoingChange>, Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let checked = self.check(&mut tx, due).await?;
        let now = clock_offsets::now(&mut tx).await?;
        self.hand_out(&mut tx, shop.as_str(), &checked.standing, now)
            .await?;
        tx.commit().await?;
        self.wake_for_withdrawn(&checked);
        let send = |mut change: ChangeRow| {
            change.first_sent_at.get_or_insert(now);
            OutgoingChange::new(change, now)
        };
        Ok(checked.standing.into_iter().map(send).collect())
    }

    /// Seconds until the next message of a shop is due, orders whose message is on its way left
    /// out.
    pub async fn next_change_due(
        &self,
        shop: &ShopName,
        without: &[String],
    ) -> Result<Option<f64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(status_changes::next_due(&mut db, shop.as_str(), without).await?)
    }

    /// Whether the shop took another order's message since this one was first sent: then this one
    /// fails, not the shop.
    pub async fn fails_alone(&self, sent: &OutgoingChange) -> Result<bool, Error> {
        let Some(since) = sent.change.first_sent_at else {
            return Ok(false);
        };
        let mut db = self.db.acquire().await?;
        let order = (&*sent.change.shop, &*sent.change.number);
        Ok(status_changes::taken_since(&mut db, order, since).await?)
    }

    /// The shop took the message.
    pub async fn mark_delivered(&self, lease: &Lease, sent: &OutgoingChange) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        acknowledge(
            &mut tx,
            std::slice::from_ref(&sent.change),
            Acknowledged::Told,
        )
        .await?;
        tx.commit().await?;
        self.metrics.callback("delivered");
        Ok(())
    }

    /// The shop answered that it has another status, with its own snapshot: a new observation,
    /// decided afresh. An error if the snapshot cannot be used: then the message counts as refused.
    pub async fn reject_with_snapshot(
        &self,
        lease: &Lease,
        sent: &OutgoingChange,
        snapshot: &Value,
    ) -> Result<(), Error> {
        let change = &sent.change;
        // The same snapshot is the same event, however often the shop answers with it.
        let print = STANDARD_NO_PAD.encode(event_reader::fingerprint(snapshot));
        let event = json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "/b24-bridge/callback",
            "id": format!("{}-{print}", sent.id), "data": snapshot,
        });
        let shop = ShopName::parse(&change.shop).map_err(|_| Error::NotFound)?;
        let number = match snapshot.get("number") {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        if number != change.number {
            return Err(Error::Invalid(vec![Fault {
                pointer: "/number".to_owned(),
                detail: format!("the message is about order `{}`", change.number),
            }]));
        }
        let new = self
            .intake
            .read_event(Some(&shop), &event)
            .map_err(|rejected| Error::Invalid(rejected.faults))?;
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        accept::store(&self.intake, &mut tx, &[&new]).await?;
        prefer(&mut tx, &new, sent.sent_at).await?;
        if let Some(mut row) = locked(&mut tx, change).await? {
            let awaited = reopen(&mut row, |agreed| agreed.refused(change.decided_at));
            if let Some(agreed) = &mut row.agreed {
                agreed.insists = snapshot["status"]
                    .as_str()
                    .map(|status| status.trim().to_owned());
            }
            agreements::save(&mut tx, &[row]).await?;
            status_changes::drop_except(&mut tx, &change.shop, &change.number, &awaited).await?;
            ask(&mut tx, change).await?;
        }
        status_changes::settle(
            &mut tx,
            &change.shop,
            change.seq,
            MessageState::Dropped,
            change.attempts,
        )
        .await?;
        let what = SyncEvent::ShopSentSnapshot {
            status: change.status.clone(),
        };
        journal::add(&mut tx, &[line(change, "told", what)]).await?;
        tx.commit().await?;
        self.metrics.callback("conflict");
        self.waker.wake(&change.portal);
        Ok(())
    }

    /// Nobody looked at the message: another try after `delay`, and none is counted.
    pub async fn put_off(
        &self,
        lease: &Lease,
        sent: &OutgoingChange,
        delay: Duration,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let key = (&*sent.change.shop, sent.change.seq);
        status_changes::hold(&mut tx, key, delay.as_secs_f64()).await?;
        Ok(tx.commit().await?)
    }

    /// The shop refused the message, or failed at it: another try after `delay`, or a dead letter.
    pub async fn mark_refused(
        &self,
        lease: &Lease,
        sent: &OutgoingChange,
        words: &str,
        delay: Option<Duration>,
    ) -> Result<(), Error> {
        let change = &sent.change;
        let attempts = change.attempts.saturating_add(1);
        let (code, words) = (
            ErrorCode::Callback.as_str(),
            words.replace('\0', "\u{fffd}"),
        );
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let Some(delay) = delay else {
            self.give_up(&mut tx, sent, (ErrorCode::Callback, &words), attempts)
                .await?;
            tx.commit().await?;
            self.waker.wake(&change.portal);
            return Ok(());
        };
        let key = (&*change.shop, change.seq);
        status_changes::put_off(&mut tx, key, attempts, (code, &words), delay.as_secs_f64())
            .await?;
        let what = SyncEvent::ShopRefused {
            status: change.status.clone(),
            words: Words(words),
            attempt: attempts,
            next_in: delay.as_secs(),
        };
        journal::add(&mut tx, &[line(change, "told", what)]).await?;
        tx.commit().await?;
        self.metrics.callback("refused");
        Ok(())
    }

    /// The bridge failed at a message, or at the shop's answer to it: a dead letter.
    pub async fn failed_at(
        &self,
        lease: &Lease,
        sent: &OutgoingChange,
        words: &str,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        self.give_up(&mut tx, sent, (ErrorCode::Bug, words), sent.change.attempts)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The same before it is sent, in a transaction of the caller's.
    pub(in crate::app) async fn bury_message(
        &self,
        tx: &mut PgConnection,
        change: &ChangeRow,
        now: DateTime<Utc>,
        words: &str,
    ) -> Result<(), Error> {
        let sent = OutgoingChange::new(change.clone(), now);
        self.give_up(tx, &sent, (ErrorCode::Bug, words), change.attempts)
            .await
    }

    async fn give_up(
        &self,
        tx: &mut PgConnection,
        sent: &OutgoingChange,
        (code, words): (ErrorCode, &str),
        attempts: i32,
    ) -> Result<(), Error> {
        let change = &sent.change;
        let (code, words) = (code.as_str(), clean(words));
        let row = locked(tx, change).await?;
        if status_changes::settle(tx, &change.shop, change.seq, MessageState::Dead, attempts)
            .await?
        {
            status_changes::dead_letter(tx, change, (code, &words), attempts, &sent.message)
                .await?;
            if let Some(row) = row {
                died(tx, change, row).await?;
            }
        }
        let what = SyncEvent::GivenUpStatus {
            status: change.status.clone(),
            words: Words(words),
            code: code.to_owned(),
        };
        journal::add(tx, &[line(change, "dead", what)]).await?;
        self.metrics.died(&lane_of(&change.shop), code);
        self.metrics.callback("dead");
        Ok(())
    }

    /// A shop's answer to a message is taken.
    pub(crate) fn answers(&self, sent: &OutgoingChange) {
        self.traps.step(Step::Answer, sent.number());
    }
}

/// An answer shows the order as it is now: it is newer than whatever came before the question, also
/// where its version or its times say otherwise, because the shop went back to an older back-up.
async fn prefer(tx: &mut PgConnection, new: &NewEvent, asked: DateTime<Utc>) -> Result<(), Error> {
    let (shops, numbers) = ([new.shop.clone()], [new.number.clone()]);
    let before = orders::lock(tx, &shops, &numbers).await?;
    let identity = (&*new.shop, &*new.source, &*new.event_id);
    let Some((event, head)) = outbox::prefer(tx, identity, asked).await? else {
        return Ok(());
    };
    outbox::supersede(tx, head.as_slice(), &[event]).await?;
    let heads: Vec<_> = before
        .iter()
        .map(|before| event_age::by_hand(new, event, before))
        .collect();
    Ok(orders::set_heads(tx, &heads).await?)
}

/// Locks the orders of these messages.
pub(in crate::app) async fn lock_orders<'a>(
    tx: &mut PgConnection,
    changes: impl IntoIterator<Item = &'a ChangeRow>,
) -> Result<(), Error> {
    let keys = changes
        .into_iter()
        .map(|one| (one.shop.clone(), one.number.clone()));
    let (shops, numbers): (Vec<_>, Vec<_>) = keys.unzip();
    orders::lock(tx, &shops, &numbers).await?;
    Ok(())
}

/// Marks changes as known to the shop, whichever way it learnt of them. Of several the orders are
/// locked by now.
pub(in crate::app) async fn acknowledge(
    tx: &mut PgConnection,
    changes: &[ChangeRow],
    how: Acknowledged,
) -> Result<(), Error> {
    for change in changes {
        let now = clock_offsets::now(tx).await?;
        let Some(mut row) = locked(tx, change).await? else {
            continue;
        };
        let order = (&*change.shop, &*change.number);
        let delivered = status_changes::deliver(tx, order, change.seq, change.attempts).await?;
        if !delivered.first {
            continue;
        }
        let first = change.first_sent_at.unwrap_or(now);
        if let Some(agreed) = took(&mut row, (change.decided_at, first), now) {
            if agreed.status == change.status {
                orders::set_status(tx, &change.shop, &change.number, &change.status).await?;
            }
            agreements::save(tx, &[row]).await?;
        }
        let what = SyncEvent::ShopHasStatus {
            status: change.status.clone(),
            previous: change.previous_status.clone(),
            how,
        };
        let mut lines = vec![line(change, "told", what)];
        for letter in delivered.letters {
            lines.push(line(
                change,
                "overtaken",
                OrderEvent::LetterToldNewer { letter },
            ));
        }
        journal::add(tx, &lines).await?;
    }
    Ok(())
}

/// Nobody sends the message any more. Where the shop says its status by itself, the two are
/// compared: they agree then, and there is nothing left to tell.
async fn died(tx: &mut PgConnection, change: &ChangeRow, mut row: Row) -> Result<(), Error> {
    let now = clock_offsets::now(tx).await?;
    withdrawal::died(&mut row, change.decided_at, now);
    let said = row.said.clone().filter(|said| !said.deleted);
    let has_it = said.is_some_and(|said| said.status.as_ref() == Some(&change.status));
    agreements::save(tx, &[row]).await?;
    if has_it {
        ask(tx, change).await?;
    }
    Ok(())
}

/// A message that was given up is tried again.
pub(in crate::app) async fn revived(
    tx: &mut PgConnection,
    change: &ChangeRow,
) -> Result<(), Error> {
    if let Some(mut row) = locked(tx, change).await? {
        withdrawal::revived(&mut row, change.decided_at);
        agreements::save(tx, &[row]).await?;
    }
    Ok(())
}

/// The order's agreement, locked. One that cannot be read stays as it is; it is told when the
/// order is compared.
async fn locked(tx: &mut PgConnection, change: &ChangeRow) -> Result<Option<Row>, Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    orders::lock(tx, &shops, &numbers).await?;
    let Some(found) = agreements::lock(tx, &shops, &numbers).await?.pop() else {
        return Ok(None);
    };
    let row = found.into_row().ok();
    if row.is_none() {
        ask(tx, change).await?;
    }
    Ok(row)
}

async fn ask(tx: &mut PgConnection, change: &ChangeRow) -> Result<(), Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    let portals = [change.portal.clone()];
    Ok(comparisons::ask(tx, (&shops, &numbers, &portals), "shop", 0).await?)
}

pub(in crate::app) fn line(
    change: &ChangeRow,
    kind: &'static str,
    what: impl Into<Happening>,
) -> Line {
    Line {
        shop: change.shop.clone(),
        number: change.number.clone(),
        kind,
        what: what.into(),
        detail: Some(json!({
            "change": change.seq, "decision": change.decision_id, "decided_at": change.decided_at,
        })),
    }
}
