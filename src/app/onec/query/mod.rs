//! `mode=query` and `mode=success`: orders are offered, and what was offered is confirmed.
//!
//! An order in an answer is an offer only once the answer was written to its last byte. Before the
//! last bytes go out the offers are stored as `offered`, so that a `success` that follows at once
//! finds them; that the answer was written whole is stored after it. A later query confirms only
//! what was written whole.
//!
//! A long answer is made by three at a time, page by page: one is read, one is taken apart, and one
//! is written as XML and offered, each of its orders as a whole before the next. The reader is at
//! most two pages ahead.

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
    process::bug::Bug,
    storage::{
        ExchangeKind, OfferState, journal,
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
use sqlx::PgConnection;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
    time::Instant,
};

use self::draft::Waiting;

pub(super) use receipts::receipts_since;
pub(super) use turn::Drafts;

/// Orders read and offered in one transaction.
const PAGE: i64 = 500;
/// As many first, so that there is soon something to take apart and to write.
const FIRST: i64 = 100;
/// An answer of the new protocol ends after about so many bytes.
const SLICE: usize = 8 * 1024 * 1024;
/// From this version on a query confirms what was offered before it.
const IMPLICIT: SchemaVersion = SchemaVersion::new(3, 0);

fn stopped(error: &JoinError) -> Error {
    Bug {
        place: concat!(file!(), ":", line!()).to_owned(),
        words: error.to_string(),
    }
    .into()
}

/// A page that is read.
struct Ahead {
    /// What its orders say, while that is looked at.
    waiting: JoinHandle<Result<Waiting, Error>>,
    /// The event of the last of its orders; none: there are none.
    last: Option<i64>,
    /// Nothing more waits behind it.
    over: bool,
}

/// An answer with orders, while it is written.
pub struct Query {
    onec: Onec,
    session: Session,
    /// None: only to be looked at, nothing is stored.
    answer: Option<Answer>,
    form: Form,
    /// The beginning of the file, until it is given away.
    head: Vec<u8>,
    drafts: Arc<Drafts>,
    /// The next pages, read while those before them are offered.
    pages: mpsc::Receiver<Result<Ahead, Error>>,
    /// Who reads them.
    reader: JoinHandle<()>,
    offered: u64,
    written: usize,
    /// Bytes of the page that was written last.
    last: usize,
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
            kind: ExchangeKind::Sale,
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
        // Memory takes everything.
        let head = Orders::begin(Vec::new(), form).map(Orders::leave);
        let drafts = Drafts::new(self, &base, form.version, seen_since);
        let drafts = Arc::new(drafts);
        // A page waits here, and one more in the reader's hand.
        let (sender, pages) = mpsc::channel(1);
        let carrier = Carrier::Session(session.version.is_some().then_some(session.id));
        let reader = tokio::spawn(read(Arc::clone(&drafts), carrier, sender));
        Query {
            onec: self.clone(),
            answer,
            session,
            form,
            head: head.unwrap_or_default(),
            drafts,
            pages,
            reader,
            offered: 0,
            written: 0,
            last: 0,
            until,
            over: false,
        }
    }
}

/// Reads page after page of the orders that wait, for as long as somebody takes them.
async fn read(drafts: Arc<Drafts>, carrier: Carrier, pages: mpsc::Sender<Result<Ahead, Error>>) {
    let (mut after, mut most) = (0, FIRST);
    loop {
        let page = page(&drafts, carrier, (after, most)).await;
        let next = match &page {
            Ok(page) if !page.over => page.last,
            _ => None,
        };
        if pages.send(page).await.is_err() {
            return;
        }
        match next {
            Some(last) => (after, most) = (last, PAGE),
            None => return,
        }
    }
}

/// Reads at most so many of the orders that wait behind this event. What they say is looked at
/// meanwhile.
async fn page(
    drafts: &Arc<Drafts>,
    carrier: Carrier,
    (after, most): (i64, i64),
) -> Result<Ahead, Error> {
    let name = drafts.base.name.as_str();
    let mut db = drafts.onec.db.acquire().await?;
    let rows = orders::waiting(&mut db, name, after, carrier, most).await?;
    let drafts = Arc::clone(drafts);
    Ok(Ahead {
        last: rows.last().map(|row| row.head),
        over: i64::try_from(rows.len()).unwrap_or(i64::MAX) < most,
        waiting: tokio::spawn(async move { drafts.read_all(&mut db, rows).await }),
    })
}

impl Drop for Query {
    fn drop(&mut self) {
        self.reader.abort();
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
        let Some(page) = self.pages.recv().await else {
            self.over = true;
            let read = (&mut self.reader).await;
            return read.map(|()| None).map_err(|error| stopped(&error));
        };
        let page = page?;
        self.over = page.over;
        let waiting = page.waiting.await.map_err(|error| stopped(&error))??;
        let bytes = self.offer(waiting).await?;
        self.last = bytes.len();
        self.written += bytes.len();
        let new = self.session.version.is_some();
        self.over |= new && (self.written > SLICE || Instant::now() > self.until);
        Ok(Some(bytes))
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
        let head = std::mem::take(&mut self.head);
        Ok(Orders::go_on(head, self.form).end().ok())
    }

    /// Writes a page of orders, and stores that it is offered.
    async fn offer(&mut self, mut waiting: Waiting) -> Result<Vec<u8>, Error> {
        let mut bytes = std::mem::take(&mut self.head);
        if waiting.orders.is_empty() && waiting.receipts.is_empty() {
            return Ok(bytes);
        }
        bytes.reserve(self.last + self.last / 8);
        let mut tx = self.onec.db.begin().await?;
        // None of it counts before the end of the answer is stored, and that waits for the disk.
        offers::wait_for_no_disk(&mut tx).await?;
        if self.session.base.push.is_some() {
            self.leave_pushed(&mut tx, &mut waiting).await?;
        }
        let documents = Orders::go_on(bytes, self.form);
        let page = self.drafts.page(&mut tx, waiting, documents).await?;
        if let Some(answer) = self.answer {
            let base = &self.session.base;
            let filter = base.export.filter();
            if !page.held.is_empty() {
                orders::hold(&mut tx, base.name.as_str(), &filter, &page.held).await?;
            }
            offers::add(&mut tx, answer, &page.offered).await?;
            journal::add(&mut tx, &page.notes).await?;
            tx.commit().await?;
        } else {
            // The names were given for the look alone.
            tx.rollback().await?;
        }
        self.offered += page.offered.len() as u64;
        Ok(page.documents.leave())
    }

    /// Locks the orders, and leaves out those that a push has taken into its hand since they were
    /// read.
    async fn leave_pushed(
        &self,
        tx: &mut PgConnection,
        waiting: &mut Waiting,
    ) -> Result<(), Error> {
        let name = self.session.base.name.as_str();
        let of = |row: &WaitingRow| OrderKey::new(&row.shop, &row.number);
        let rows = waiting.orders.iter().map(|(row, _)| row);
        let keys = rows.chain(&waiting.receipts).map(of);
        let (shops, numbers) = OrderKey::columns(keys);
        let key = (shops.as_slice(), numbers.as_slice());
        let still: BTreeSet<_> = pushes::lock(&mut *tx, name, key)
            .await?
            .into_iter()
            .collect();
        let gone = pushes::under_way(&mut *tx, name, key).await?;
        let stays = |row: &WaitingRow| {
            let key = of(row);
            still.contains(&key) && !gone.contains(&key)
        };
        waiting.orders.retain(|(row, _)| stays(row));
        waiting.receipts.retain(stays);
        Ok(())
    }
}
