//! Messages about levels to a shop that is called: the newest figures of what changed, never a
//! queue. One message at a time, and a rest between two, so that a busy stock is told in few.

use crate::{
    app::{Error, Sync, intake::event_reader::fingerprint},
    domain::ShopName,
    storage::{
        queue::lanes::{self, Lease},
        stock::{self, told},
        sync::clock_offsets,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::Duration;

/// The most levels in one message.
const IN_ONE: i64 = 500;
/// The rest between two messages where the first was not full, in seconds.
const REST: f64 = 0.5;
/// How long a shop that refuses such messages is left alone.
const LONG_REST: Duration = Duration::from_mins(5);

/// A message about changed levels on its way.
#[derive(Debug, Clone)]
pub struct LevelMessage {
    shop: String,
    stock: String,
    /// The place in the feed up to which it tells.
    seq: i64,
    full: bool,
    pub(super) attempts: i32,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) id: String,
    pub(super) message: Value,
}

impl LevelMessage {
    pub(super) fn shop(&self) -> &str {
        &self.shop
    }
}

impl Sync {
    /// The newest figures of the levels that changed since the shop was last told; none: nothing
    /// did, or it is too soon.
    pub(super) async fn claim_levels(
        &self,
        shop: &ShopName,
    ) -> Result<Option<LevelMessage>, Error> {
        let name = shop.as_str();
        let mut db = self.db.acquire().await?;
        let Some(told) = told::untold(&mut db, name).await? else {
            return Ok(None);
        };
        if told.due_in > 0.0 {
            return Ok(None);
        }
        let rows = stock::changes(&mut db, &told.stock, told.seq, IN_ONE).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        let seq = last.seq;
        let sent_at = clock_offsets::now(&mut db).await?;
        let change = |level: &stock::Level| {
            json!({
                "product": level.product, "store": level.store, "on_hand": level.on_hand,
                "reserved": level.reserved, "available": level.available,
                "version": level.version,
            })
        };
        let data = json!({ "changes": rows.iter().map(change).collect::<Vec<_>>() });
        // The same figures are the same message, however often they are sent.
        let id = URL_SAFE_NO_PAD.encode(fingerprint(&json!([name, told.stock, seq, data])));
        let message = json!({
            "specversion": "1.0",
            "type": "bridge.stock.changed.v1",
            "source": format!("/b24-bridge/stock/{}", told.stock),
            "id": id,
            "time": sent_at,
            "datacontenttype": "application/json",
            "data": data,
        });
        Ok(Some(LevelMessage {
            shop: name.to_owned(),
            full: rows.len() >= usize::try_from(IN_ONE).unwrap_or(usize::MAX),
            stock: told.stock,
            seq,
            attempts: told.attempts,
            sent_at,
            id,
            message,
        }))
    }

    /// Seconds until levels may be told; none if nothing changed.
    pub(super) async fn next_levels_due(&self, shop: &ShopName) -> Result<Option<f64>, Error> {
        let mut db = self.db.acquire().await?;
        let told = told::untold(&mut db, shop.as_str()).await?;
        Ok(told.map(|told| told.due_in.max(0.0)))
    }

    /// The shop took them.
    pub(super) async fn levels_taken(
        &self,
        lease: &Lease,
        sent: &LevelMessage,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let rest = if sent.full { 0.0 } else { REST };
        told::advance(&mut tx, (&sent.shop, &sent.stock), sent.seq, rest).await?;
        tx.commit().await?;
        self.metrics.callback("delivered");
        Ok(())
    }

    /// The shop did not take them, or nobody looked: newer figures are sent later.
    pub(super) async fn levels_put_off(
        &self,
        lease: &Lease,
        sent: &LevelMessage,
        refused: bool,
        delay: Option<Duration>,
    ) -> Result<(), Error> {
        let attempts = sent.attempts.saturating_add(i32::from(refused));
        let delay = delay.unwrap_or(LONG_REST);
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let seconds = delay.as_secs_f64();
        told::put_off(&mut tx, (&sent.shop, &sent.stock), attempts, seconds).await?;
        tx.commit().await?;
        if refused {
            self.metrics.callback("refused");
        }
        Ok(())
    }
}
