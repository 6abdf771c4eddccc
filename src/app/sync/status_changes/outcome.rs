//! The outcome of a message: the shop took it, contradicted it, refused it, or nobody looked at it.

use super::{
    agreement::{acknowledge, ask, died, lock_orders, locked},
    messages::{OutgoingChange, line},
};
use crate::{
    app::{
        Error, Sync,
        delivery::dead_letter::clean,
        intake::{accept, event_age, event_reader},
        sync::{compare::lane_of, withdrawal::reopen},
    },
    domain::{
        ErrorCode, Fault, OrderKey, ShopName,
        happening::{Acknowledged, SyncEvent, Words},
    },
    process::bug::Step,
    storage::{
        MessageState, Reason,
        journal::{self, LineKind},
        queue::{
            lanes::{self, Lease},
            orders,
            outbox::{self, NewEvent},
        },
        sync::{
            agreements,
            status_changes::{self, ChangeRow},
        },
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::time::Duration;

impl Sync {
    /// The shop took the message.
    pub async fn mark_delivered(&self, lease: &Lease, sent: &OutgoingChange) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let changes = std::slice::from_ref(&sent.change);
        lock_orders(&mut tx, changes).await?;
        let stock = &self.intake.stock;
        let order = order_of(&sent.change);
        let before = stock.statuses_before(&mut tx, &[order]).await?;
        acknowledge(&mut tx, changes, Acknowledged::Told).await?;
        stock.follow_changed(&mut tx, before).await?;
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
            let order = OrderKey::new(&change.shop, &change.number);
            status_changes::drop_except(&mut tx, &[(order, awaited)]).await?;
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
        journal::add(&mut tx, &[line(change, LineKind::Told, what)]).await?;
        let order = OrderKey::new(&change.shop, &change.number);
        self.intake.stock.follow(&mut tx, &[order], None).await?;
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
        let words = words.replace('\0', "\u{fffd}");
        let reason = Reason::new(ErrorCode::Callback, &words);
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let Some(delay) = delay else {
            self.dead_letter_change(&mut tx, sent, reason, attempts)
                .await?;
            tx.commit().await?;
            self.waker.wake(&change.portal);
            return Ok(());
        };
        let key = (&*change.shop, change.seq);
        status_changes::put_off(&mut tx, key, attempts, reason, delay.as_secs_f64()).await?;
        let what = SyncEvent::ShopRefused {
            status: change.status.clone(),
            words: Words(words),
            attempt: attempts,
            next_in: delay.as_secs(),
        };
        journal::add(&mut tx, &[line(change, LineKind::Told, what)]).await?;
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
        let reason = Reason::new(ErrorCode::Bug, words);
        self.dead_letter_change(&mut tx, sent, reason, sent.change.attempts)
            .await?;
        Ok(tx.commit().await?)
    }

    /// The same before it is sent, in a transaction of the caller's.
    pub(in crate::app) async fn dead_letter_unsent(
        &self,
        tx: &mut PgConnection,
        change: &ChangeRow,
        now: DateTime<Utc>,
        words: &str,
    ) -> Result<(), Error> {
        let sent = OutgoingChange::new(change.clone(), now);
        let reason = Reason::new(ErrorCode::Bug, words);
        self.dead_letter_change(tx, &sent, reason, change.attempts)
            .await
    }

    async fn dead_letter_change(
        &self,
        tx: &mut PgConnection,
        sent: &OutgoingChange,
        reason: Reason<'_>,
        attempts: i32,
    ) -> Result<(), Error> {
        let change = &sent.change;
        let (code, words) = (reason.code, clean(reason.message));
        let reason = Reason::new(code, &words);
        let row = locked(tx, change).await?;
        if status_changes::settle(tx, &change.shop, change.seq, MessageState::Dead, attempts)
            .await?
        {
            status_changes::dead_letter(tx, change, reason, attempts, &sent.message).await?;
            if let Some(row) = row {
                let stock = &self.intake.stock;
                let before = stock.statuses_before(tx, &[order_of(change)]).await?;
                died(tx, change, row).await?;
                stock.follow_changed(tx, before).await?;
            }
        }
        let what = SyncEvent::GivenUpStatus {
            status: change.status.clone(),
            words: Words(words),
            code: code.to_string(),
        };
        journal::add(tx, &[line(change, LineKind::Dead, what)]).await?;
        self.metrics.died(&lane_of(&change.shop), code.as_str());
        self.metrics.callback("dead");
        Ok(())
    }

    /// A shop's answer to a message is taken.
    pub(crate) fn answers(&self, sent: &OutgoingChange) {
        self.traps.step(Step::Answer, sent.number());
    }
}

fn order_of(change: &ChangeRow) -> OrderKey {
    OrderKey::new(&change.shop, &change.number)
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
    let heads: Result<Vec<_>, _> = before
        .iter()
        .map(|before| event_age::by_hand(new, event, before))
        .collect();
    Ok(orders::set_heads(tx, &heads?).await?)
}
