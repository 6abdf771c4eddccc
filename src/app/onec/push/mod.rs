//! Orders that are brought to an HTTP service of a base, one at a time.
//!
//! An order is in one hand at a time. It is put on record here, under the lock of its row, before
//! it is sent; until it is answered, or can arrive no more, no exchange session is offered it. What
//! a session was offered is not pushed while the session lasts. An order whose answer was lost is
//! sent again: 1C finds documents by their `Ид`, so that the same one twice changes nothing.

use super::query::Drafts;
use crate::{
    app::{Error, Onec, registry::onec_lane_of},
    domain::{
        BaseName, ErrorCode, OrderKey,
        happening::{GoodsEvent, Words},
    },
    formats::{
        commerceml::write::{Form, Order, Orders},
        onec::Base,
    },
    process::bug::Bug,
    storage::{
        Json, LetterAbout,
        dead_letters::{self, Special},
        journal::{self, Line, LineKind},
        onec::{
            bases,
            offers::{Offer, SentRow},
            orders::{self, Carrier},
            pushes,
        },
        queue::lanes::{self, Lease},
        sync::clock_offsets,
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use std::{io, sync::Arc, time::Duration};

/// For how long events are taken up before a look for what is to be pushed.
const TAKING_UP: Duration = Duration::from_secs(10);

/// An order on its way to a base.
#[derive(Debug, Clone)]
pub struct Push {
    base: Arc<Base>,
    sent: SentRow,
    attempts: i32,
    document: Vec<u8>,
}

/// How it stands with the orders that are pushed to a base.
#[derive(Debug, Clone, Serialize)]
pub struct PushView {
    /// On their way, or in doubt.
    pub sending: i64,
    /// Did not arrive, and are sent again.
    pub again: i64,
    /// Not taken by the service.
    pub refused: i64,
    /// Why none is sent now; none: a person has said so, or nothing is wrong.
    pub code: Option<String>,
    /// The same in words: the service's own, or who paused it.
    pub reason: Option<String>,
    /// Since when none is sent.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it is tried again by itself.
    pub resume_at: Option<DateTime<Utc>>,
}

impl Push {
    /// The order that is brought.
    pub fn order(&self) -> OrderKey {
        OrderKey::new(&self.sent.shop, &self.sent.number)
    }

    /// Tries of this version that the service judged or failed at.
    pub fn attempts(&self) -> u32 {
        self.attempts.unsigned_abs()
    }

    /// The name of the file's encoding.
    pub fn charset(&self) -> &'static str {
        self.base.encoding.label()
    }

    /// The file that is sent.
    pub fn document(&self) -> &[u8] {
        &self.document
    }
}

impl Onec {
    /// Says that something may wait for a base that orders are pushed to.
    pub(super) fn wake_push(&self, base: &Base) {
        if base.push.is_some() {
            self.waker.wake(&onec_lane_of(base.name.as_str()));
        }
    }

    /// How it stands with the pushes to a base; none: nothing is pushed to it.
    pub(super) async fn push_view(
        &self,
        db: &mut PgConnection,
        base: &Base,
    ) -> Result<Option<PushView>, Error> {
        if base.push.is_none() {
            return Ok(None);
        }
        let name = base.name.as_str();
        let count = pushes::count(&mut *db, name).await?;
        let lane = lanes::one(&mut *db, &onec_lane_of(name)).await?;
        let lane = lane.filter(|lane| lane.paused_at.is_some());
        Ok(Some(PushView {
            sending: count.sending,
            again: count.waiting,
            refused: count.refused,
            code: lane.as_ref().and_then(|lane| lane.paused_code.clone()),
            reason: lane.as_ref().and_then(|lane| lane.paused_reason.clone()),
            paused_at: lane.as_ref().and_then(|lane| lane.paused_at),
            resume_at: lane.and_then(|lane| lane.resume_at),
        }))
    }

    /// The next order that is to be brought to a base, on record as under way; for so long it may
    /// arrive. None: there is none.
    pub async fn claim_push(
        &self,
        lease: &Lease,
        base: &BaseName,
        arrives_within: Duration,
    ) -> Result<Option<Push>, Error> {
        let Some(base) = self.onec_base(base.as_str()) else {
            return Ok(None);
        };
        let until = tokio::time::Instant::now() + TAKING_UP;
        self.take_up_orders(base, until).await?;
        loop {
            let mut tx = self.db.begin().await?;
            lanes::fence(&mut tx, lease).await?;
            let name = base.name.as_str();
            let found = orders::waiting(&mut tx, name, 0, Carrier::Push, 1).await?;
            let Some(row) = found.first() else {
                return Ok(None);
            };
            let key = OrderKey::new(&row.shop, &row.number);
            let (shops, numbers) = OrderKey::columns([key.clone()]);
            let locked = pushes::lock(&mut tx, name, (&shops, &numbers)).await?;
            // A session may have been offered it meanwhile.
            if locked.is_empty() || !pushes::may_go(&mut tx, name, &key).await? {
                continue;
            }
            let push = self
                .write_push(&mut tx, base, found, arrives_within)
                .await?;
            tx.commit().await?;
            if push.is_some() {
                return Ok(push);
            }
        }
    }

    /// Writes an order, and puts it on record; none: it does not go, and waits no more.
    async fn write_push(
        &self,
        tx: &mut PgConnection,
        base: &Arc<Base>,
        rows: Vec<orders::WaitingRow>,
        arrives_within: Duration,
    ) -> Result<Option<Push>, Error> {
        let name = base.name.as_str();
        let seen_since = bases::open(&mut *tx, name).await?.since;
        let version = base.version(base.push);
        let drafts = Arc::new(Drafts::new(self, base, version, seen_since));
        let read = drafts.read_all(&mut *tx, rows).await?;
        let page = drafts.page(&mut *tx, read, Vec::new()).await?;
        orders::hold(&mut *tx, name, &base.export.filter(), &page.held).await?;
        journal::add(&mut *tx, &page.notes).await?;
        let (Some(offer), Some(order)) = (page.offered.into_iter().next(), page.documents.first())
        else {
            return Ok(None);
        };
        let now = clock_offsets::now(&mut *tx).await?;
        let form = Form {
            version,
            encoding: base.encoding,
            subordinate: false,
            formed_at: base.local(now),
        };
        let seconds = arrives_within.as_secs_f64();
        let begun = pushes::begin(&mut *tx, name, &offer, seconds).await?;
        let document = file(form, order).map_err(|error| Bug {
            place: concat!(file!(), ":", line!()).to_owned(),
            words: error.to_string(),
        })?;
        Ok(Some(Push {
            base: Arc::clone(base),
            sent: sent(offer, begun.begun_at),
            attempts: begun.attempts,
            document,
        }))
    }

    /// The base has the order.
    pub async fn push_taken(&self, lease: &Lease, push: &Push) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (shops, numbers) = OrderKey::columns([push.order()]);
        let name = push.base.name.as_str();
        pushes::lock(&mut tx, name, (&shops, &numbers)).await?;
        let sent = std::slice::from_ref(&push.sent);
        let many = self.has_orders(&mut tx, &push.base, sent, None).await?;
        tx.commit().await?;
        self.metrics.onec_orders(name, "confirmed", many);
        Ok(())
    }

    /// The base does not take the order: a letter says so, and this version is not pushed again.
    pub async fn push_refused(&self, lease: &Lease, push: &Push, words: &str) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let order = push.order();
        let name = push.base.name.as_str();
        pushes::refused(&mut tx, name, &order).await?;
        let OrderKey { shop, number } = &order;
        let payload = json!({"about": "push", "base": name, "shop": shop, "number": number});
        let code = ErrorCode::OneCPushRefused.as_str();
        let letter = Special {
            about: LetterAbout::Push,
            portal: None,
            shop: Some(shop),
            number: Some(number),
            code,
            message: words,
            payload: &Json::Value(payload.clone()),
        };
        if dead_letters::write_special(&mut tx, &letter).await? {
            self.metrics.died(name, code);
            let line = Line {
                shop: shop.clone(),
                number: number.clone(),
                kind: LineKind::Dead,
                what: GoodsEvent::OnecPushRefused {
                    base: name.to_owned(),
                    code: code.to_owned(),
                    words: Words(words.to_owned()),
                }
                .into(),
                detail: Some(payload),
            };
            journal::add(&mut tx, &[line]).await?;
        }
        Ok(tx.commit().await?)
    }

    /// It is known that the order did not arrive: it is sent again after this time. `judged`: the
    /// service failed at this very order.
    pub async fn push_again(
        &self,
        lease: &Lease,
        push: &Push,
        (after, judged): (Duration, bool),
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let again = (after.as_secs_f64(), judged);
        pushes::again(&mut tx, push.base.name.as_str(), &push.order(), again).await?;
        Ok(tx.commit().await?)
    }

    /// How long until an order of a base is sent again; none: none is.
    pub async fn next_push(&self, base: &BaseName) -> Result<Option<Duration>, Error> {
        let mut db = self.db.acquire().await?;
        let due = pushes::next_due(&mut db, base.as_str()).await?;
        Ok(due.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))))
    }
}

/// A file with one order, as an answer to `query` would be.
fn file(form: Form, order: &Order) -> io::Result<Vec<u8>> {
    let mut orders = Orders::begin(Vec::new(), form)?;
    orders.order(order)?;
    orders.end()
}

fn sent(offer: Offer, at: DateTime<Utc>) -> SentRow {
    SentRow {
        shop: offer.shop,
        number: offer.number,
        head: offer.head,
        version: offer.version,
        status: offer.status,
        resends: Some(offer.resends),
        sent_at: at,
    }
}
