//! What shops are told: sent by their lanes, or read from the feed.

use super::{
    Accepted, Bridge, Error,
    compare::{lane_of, stored, value},
    mend,
};
use crate::{
    domain::{Agreed, Code, ShopName},
    storage::{
        agreements::{self, Row},
        changes::{self, ChangeRow},
        clocks, comparisons,
        journal::{self, Line},
        lanes::{self, Lease},
        orders,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::time::Duration;
use utoipa::ToSchema;

const DEFAULT_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1_000;
/// Changes acknowledged by one reading of the feed.
const ACKNOWLEDGED_AT_ONCE: i64 = 1_000;

/// A decided change of an order's status, as shops read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusChange {
    /// Its place in the shop's feed.
    pub seq: i64,
    /// The order.
    pub number: String,
    /// The new status.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous_status: String,
    /// The deal's stage.
    pub stage: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Why, in one plain sentence.
    pub reason: String,
}

/// A page of a shop's feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusChanges {
    /// The changes, in the order in which they were decided.
    pub changes: Vec<StatusChange>,
    /// What to give as `after` next time; also where there is nothing new.
    pub next: i64,
}

/// A message to a shop on its way.
#[derive(Debug, Clone)]
pub struct Outgoing {
    change: ChangeRow,
    /// Its id: the same however often it is sent.
    pub id: String,
    /// The CloudEvents message.
    pub message: Value,
}

impl Outgoing {
    fn new(change: ChangeRow) -> Self {
        let id = format!("{}-{}", change.shop, change.seq);
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
                "previous_status": change.previous_status, "stage": change.stage, "decided_at": change.decided_at,
                "reason": change.reason, "decision_id": change.decision_id,
            },
        });
        Self {
            change,
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

impl Bridge {
    /// The changes of a shop above `after`, in order. A shop that cannot be called has read what is below: it is acknowledged.
    pub async fn status_changes(
        &self,
        shop: &ShopName,
        after: i64,
        limit: u32,
    ) -> Result<StatusChanges, Error> {
        let limit = match limit {
            0 => DEFAULT_PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let called = self
            .directory()
            .two_way(shop.as_str())
            .is_some_and(|two_way| two_way.callback);
        let mut tx = self.pool().begin().await?;
        if !called {
            let read =
                changes::read_up_to(&mut tx, shop.as_str(), after, ACKNOWLEDGED_AT_ONCE).await?;
            acknowledge(&mut tx, &read, "read from the feed").await?;
        }
        let rows = changes::feed(&mut tx, shop.as_str(), after, i64::from(limit)).await?;
        if !called && !rows.is_empty() {
            let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            changes::handed_out(&mut tx, shop.as_str(), &seqs).await?;
        }
        tx.commit().await?;
        let next = rows.last().map_or(after, |row| row.seq);
        let changes = rows
            .into_iter()
            .map(|row| StatusChange {
                seq: row.seq,
                number: row.number,
                status: row.status,
                previous_status: row.previous_status,
                stage: row.stage,
                decided_at: row.decided_at,
                reason: row.reason,
            })
            .collect();
        Ok(StatusChanges { changes, next })
    }

    /// The due messages of a shop's lane, the oldest of each order.
    pub async fn outgoing(
        &self,
        lease: &Lease,
        shop: &ShopName,
        limit: u32,
    ) -> Result<Vec<Outgoing>, Error> {
        let mut db = self.pool().acquire().await?;
        let rows = changes::claim(&mut db, lease, shop.as_str(), i64::from(limit)).await?;
        Ok(rows.into_iter().map(Outgoing::new).collect())
    }

    /// Seconds until the next message of a shop is due.
    pub async fn next_outgoing(&self, shop: &ShopName) -> Result<Option<f64>, Error> {
        let mut db = self.pool().acquire().await?;
        Ok(changes::next_due(&mut db, shop.as_str()).await?)
    }

    /// The shop took the message.
    pub async fn told(&self, lease: &Lease, sent: &Outgoing) -> Result<(), Error> {
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        acknowledge(&mut tx, std::slice::from_ref(&sent.change), "told").await?;
        tx.commit().await?;
        self.metrics().callback("delivered");
        Ok(())
    }

    /// The shop answered that it has another status, with its own snapshot: a new observation, decided afresh. An error if the
    /// snapshot cannot be used: then the message counts as refused.
    pub async fn contradicted(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        snapshot: &Value,
    ) -> Result<(), Error> {
        let change = &sent.change;
        // The same snapshot is the same event, however often the shop answers with it.
        let print = STANDARD_NO_PAD.encode(mend::fingerprint(snapshot));
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
            return Err(Error::Invalid(vec![crate::domain::Fault {
                pointer: "/number".to_owned(),
                detail: format!("the message is about order `{}`", change.number),
            }]));
        }
        if let Some(Accepted::Invalid(faults)) =
            self.accept_events(Some(&shop), &[event]).await?.pop()
        {
            return Err(Error::Invalid(faults));
        }
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        if let Some(mut row) = locked(&mut tx, change).await? {
            let agreed: Option<Agreed> = stored(row.agreed.as_ref());
            let left = agreed.and_then(|agreed| agreed.refused(change.decided_at));
            let awaited: Vec<_> = left
                .iter()
                .flat_map(|agreed| agreed.told.iter().map(|told| told.at))
                .collect();
            row.agreed = left.as_ref().map(value);
            agreements::save(&mut tx, &[row]).await?;
            changes::drop_except(&mut tx, &change.shop, &change.number, &awaited).await?;
            ask(&mut tx, change).await?;
        }
        changes::settle(
            &mut tx,
            &change.shop,
            change.seq,
            "dropped",
            change.attempts,
        )
        .await?;
        let text = format!(
            "the shop refused the status {} and sent its own snapshot: decided afresh",
            change.status
        );
        journal::add(&mut tx, &[line(change, "told", text)]).await?;
        tx.commit().await?;
        self.metrics().callback("conflict");
        self.bell().ring(&change.portal);
        Ok(())
    }

    /// The shop looked at the message and refused it: another try after `delay`, or a dead letter.
    pub async fn not_told(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        words: &str,
        delay: Option<Duration>,
    ) -> Result<(), Error> {
        let change = &sent.change;
        let attempts = change.attempts.saturating_add(1);
        let (code, words) = (Code::Callback.as_str(), words.replace('\0', "\u{fffd}"));
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let text = if let Some(delay) = delay {
            let key = (&*change.shop, change.seq);
            changes::put_off(&mut tx, key, attempts, (code, &words), delay.as_secs_f64()).await?;
            format!(
                "the shop refused the status {}: {words}; try {attempts}, the next in {} s",
                change.status,
                delay.as_secs()
            )
        } else {
            if changes::settle(&mut tx, &change.shop, change.seq, "dead", attempts).await? {
                changes::bury(&mut tx, change, (code, &words), attempts, &sent.message).await?;
            }
            format!(
                "given up telling the shop the status {}: {words} ({code}); it waits as a dead letter",
                change.status
            )
        };
        let kind = if delay.is_some() { "told" } else { "dead" };
        journal::add(&mut tx, &[line(change, kind, text)]).await?;
        tx.commit().await?;
        if delay.is_none() {
            self.metrics().died(&lane_of(&change.shop), code);
        }
        self.metrics()
            .callback(if delay.is_some() { "refused" } else { "dead" });
        Ok(())
    }
}

/// Marks changes as known to the shop, whichever way it learnt of them.
async fn acknowledge(tx: &mut PgConnection, changes: &[ChangeRow], how: &str) -> Result<(), Error> {
    for change in changes {
        let now = clocks::now(tx).await?;
        let Some(mut row) = locked(tx, change).await? else {
            continue;
        };
        if !changes::settle(tx, &change.shop, change.seq, "delivered", change.attempts).await? {
            continue;
        }
        if let Some(agreed) = stored::<Agreed>(row.agreed.as_ref()) {
            let first = change.first_sent_at.unwrap_or(now);
            let agreed = agreed.delivered(change.decided_at, first, now);
            if agreed.status == change.status {
                orders::set_status(tx, &change.shop, &change.number, &change.status).await?;
            }
            row.agreed = Some(value(&agreed));
            agreements::save(tx, &[row]).await?;
        }
        let text = format!(
            "the shop has the status {} instead of {} ({how})",
            change.status, change.previous_status
        );
        journal::add(tx, &[line(change, "told", text)]).await?;
    }
    Ok(())
}

/// The order's agreement, locked.
async fn locked(tx: &mut PgConnection, change: &ChangeRow) -> Result<Option<Row>, Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    orders::lock(tx, &shops, &numbers).await?;
    Ok(agreements::lock(tx, &shops, &numbers).await?.pop())
}

async fn ask(tx: &mut PgConnection, change: &ChangeRow) -> Result<(), Error> {
    let (shops, numbers) = ([change.shop.clone()], [change.number.clone()]);
    let portals = [change.portal.clone()];
    Ok(comparisons::ask(tx, (&shops, &numbers, &portals), "shop", 0).await?)
}

fn line(change: &ChangeRow, kind: &'static str, text: String) -> Line {
    Line {
        shop: change.shop.clone(),
        number: change.number.clone(),
        kind,
        text,
        detail: Some(json!({
            "change": change.seq, "decision": change.decision_id, "decided_at": change.decided_at,
        })),
    }
}
