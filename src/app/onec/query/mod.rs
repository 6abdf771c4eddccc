//! `mode=query` and `mode=success`: orders are offered, and what was offered is confirmed.
//!
//! An order in an answer is an offer only once the answer was written to its last byte. Before the
//! last bytes go out the offers are stored as `offered`, so that a `success` that follows at once
//! finds them; that the answer was written whole is stored after it. A later query confirms only
//! what was written whole.

mod draft;
mod receipts;
mod turn;

use super::{Offered, Session};
use crate::{
    app::{Error, Onec},
    domain::OrderKey,
    formats::{
        commerceml::{
            SchemaVersion,
            write::{Form, Orders},
        },
        onec::Base,
    },
    storage::{
        OfferState, journal,
        onec::{
            bases,
            offers::{self, Answer, By},
            orders::{self, Carrier, WaitingRow},
            pushes,
        },
        sync::clock_offsets,
    },
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sqlx::PgConnection;
use std::{collections::BTreeSet, io, sync::Arc, time::Duration};
use tokio::time::Instant;

pub(super) use receipts::receipts_since;
pub(super) use turn::Drafts;

/// Orders read and offered in one transaction.
const PAGE: i64 = 500;
/// An answer of the new protocol ends after about so many bytes.
const SLICE: usize = 8 * 1024 * 1024;
/// From this version on a query confirms what was offered before it.
const IMPLICIT: SchemaVersion = SchemaVersion::new(3, 0);

/// What is written and not yet sent.
#[derive(Debug, Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock())
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock();
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer with orders, while it is written.
pub struct Query {
    onec: Onec,
    session: Session,
    /// None: only to be looked at, nothing is stored.
    answer: Option<Answer>,
    pipe: Pipe,
    /// None after the end.
    orders: Option<Orders<Pipe>>,
    drafts: Drafts,
    /// The next page, read while the one before it is written.
    ahead: Option<Vec<WaitingRow>>,
    /// Orders up to this event are read.
    after: i64,
    offered: u64,
    written: usize,
    until: Instant,
    over: bool,
}

impl Onec {
    /// Begins an answer. Where the session's protocol has it so, it confirms what was offered
    /// before.
    pub async fn begin_onec_query(&self, session: Session) -> Result<Query, Error> {
        self.settled(&session).await?;
        let base = Arc::clone(&session.base);
        let mut tx = self.db.begin().await?;
        let batch = crate::storage::onec::sessions::next_batch(&mut tx, session.id).await?;
        offers::cut_earlier(&mut tx, session.id, batch).await?;
        let implicit = base.export.implicit_success
            && session.version.is_some_and(|version| version >= IMPLICIT);
        let mut confirmed = 0;
        if implicit {
            let by = By::Query {
                round: session.round,
            };
            confirmed = self.confirm_offers(&mut tx, &session, by).await?;
        }
        let row = bases::open(&mut tx, base.name.as_str()).await?;
        let now = clock_offsets::now(&mut tx).await?;
        tx.commit().await?;
        self.metrics
            .onec_orders(base.name.as_str(), "confirmed", confirmed);
        let until = match base.step {
            Duration::ZERO => Instant::now() + Duration::from_hours(1),
            step => Instant::now() + step / 2,
        };
        self.take_up_orders(&base, until).await?;
        let answer = Answer {
            session: session.id,
            batch,
            round: session.round,
        };
        Ok(self.onec_query(session, Some(answer), (row.since, now), until))
    }

    /// What the next query of a base would give, in this version. Nothing is stored of it.
    pub async fn preview_onec_query(
        &self,
        base: &Arc<Base>,
        version: Option<SchemaVersion>,
    ) -> Result<Query, Error> {
        let until = Instant::now() + Duration::from_hours(1);
        self.take_up_orders(base, until).await?;
        let mut db = self.db.acquire().await?;
        let row = bases::open(&mut db, base.name.as_str()).await?;
        let now = clock_offsets::now(&mut db).await?;
        let session = Session {
            id: 0,
            base: Arc::clone(base),
            kind: "sale".to_owned(),
            login: String::new(),
            version: version.map(|version| base.version(Some(version))),
            subordinate: false,
            round: 0,
            started_at: now,
        };
        Ok(self.onec_query(session, None, (row.since, now), until))
    }

    fn onec_query(
        &self,
        session: Session,
        answer: Option<Answer>,
        (seen_since, now): (DateTime<Utc>, DateTime<Utc>),
        until: Instant,
    ) -> Query {
        let base = Arc::clone(&session.base);
        let form = Form {
            version: session.speaks(),
            encoding: base.encoding,
            subordinate: session.subordinate,
            formed_at: base.local(now),
        };
        let pipe = Pipe::default();
        let drafts = Drafts::new(self, &base, form.version, seen_since);
        // A pipe in memory takes everything.
        let orders = Orders::begin(pipe.clone(), form).ok();
        Query {
            onec: self.clone(),
            answer,
            session,
            pipe,
            orders,
            drafts,
            ahead: None,
            after: 0,
            offered: 0,
            written: 0,
            until,
            over: false,
        }
    }
}

impl Query {
    /// What becomes of the answer is to be told for this; none: it is only looked at.
    pub fn offered(&self) -> Option<Offered> {
        let base = self.session.base.name.as_str().to_owned();
        self.answer.map(|answer| Offered { base, answer })
    }

    /// How many orders there are in it so far.
    pub fn orders(&self) -> u64 {
        self.offered
    }

    /// The next part of the answer; none when only its end is left.
    pub async fn part(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.over {
            return Ok(None);
        }
        let rows = match self.ahead.take() {
            Some(rows) => rows,
            None => self.page().await?,
        };
        if let Some(last) = rows.last() {
            self.after = last.head;
        }
        self.over = i64::try_from(rows.len()).unwrap_or(i64::MAX) < PAGE;
        if self.over {
            self.offer(rows).await?;
        } else {
            let next = self.page();
            let (next, offered) = tokio::join!(next, self.offer(rows));
            offered?;
            self.ahead = Some(next?);
        }
        let bytes = self.pipe.take();
        self.written += bytes.len();
        let new = self.session.version.is_some();
        self.over |= new && (self.written > SLICE || Instant::now() > self.until);
        Ok(Some(bytes))
    }

    /// Reads the orders that wait behind those that are read.
    fn page(&self) -> impl Future<Output = Result<Vec<WaitingRow>, Error>> + use<> {
        let (pool, after) = (self.onec.db.clone(), self.after);
        let name = self.session.base.name.clone();
        let new = self.session.version.is_some();
        let carrier = Carrier::Session(new.then_some(self.session.id));
        async move {
            let mut db = pool.acquire().await?;
            Ok(orders::waiting(&mut db, name.as_str(), after, carrier, PAGE).await?)
        }
    }

    /// The last bytes: from now on what was written is offered. None: another query of the session
    /// has begun meanwhile, so that this answer must not end well.
    pub async fn end(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(answer) = self.answer {
            let mut db = self.onec.db.acquire().await?;
            let (from, to) = (OfferState::Sending, OfferState::Offered);
            let turned = offers::turn(&mut db, answer, from, to).await?;
            if turned != self.offered {
                return Ok(None);
            }
            let base = self.session.base.name.as_str();
            self.onec.metrics.onec_orders(base, "offered", turned);
        }
        let Some(orders) = self.orders.take() else {
            return Ok(None);
        };
        Ok(orders.end().ok().map(|pipe| pipe.take()))
    }

    /// Offers a page of orders: stored first, then written.
    async fn offer(&mut self, mut rows: Vec<WaitingRow>) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut tx = self.onec.db.begin().await?;
        // None of it counts before the end of the answer is stored, and that waits for the disk.
        offers::wait_for_no_disk(&mut tx).await?;
        if self.session.base.push.is_some() {
            self.leave_pushed(&mut tx, &mut rows).await?;
        }
        let page = self.drafts.page(&mut tx, rows).await?;
        if let Some(answer) = self.answer {
            let base = &self.session.base;
            let filter = base.export.filter();
            orders::hold(&mut tx, base.name.as_str(), &filter, &page.held).await?;
            offers::add(&mut tx, answer, &page.offered).await?;
            journal::add(&mut tx, &page.notes).await?;
            tx.commit().await?;
        } else {
            // The names were given for the look alone.
            tx.rollback().await?;
        }
        self.offered += page.offered.len() as u64;
        for order in page.written {
            if let Some(orders) = &mut self.orders {
                // A pipe in memory takes everything.
                let _ = orders.order(&order);
            }
        }
        Ok(())
    }

    /// Locks the orders, and leaves out those that a push has taken into its hand since they were
    /// read.
    async fn leave_pushed(
        &self,
        tx: &mut PgConnection,
        rows: &mut Vec<WaitingRow>,
    ) -> Result<(), Error> {
        let name = self.session.base.name.as_str();
        let of = |row: &WaitingRow| OrderKey::new(&row.shop, &row.number);
        let (shops, numbers) = OrderKey::columns(rows.iter().map(of));
        let key = (shops.as_slice(), numbers.as_slice());
        let still: BTreeSet<_> = pushes::lock(&mut *tx, name, key)
            .await?
            .into_iter()
            .collect();
        let gone = pushes::under_way(&mut *tx, name, key).await?;
        rows.retain(|row| {
            let key = of(row);
            still.contains(&key) && !gone.contains(&key)
        });
        Ok(())
    }
}
