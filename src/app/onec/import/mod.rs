//! `mode=import`: files are taken in, in steps.
//!
//! A file is first read to its end: of one that is cut, or lies, nothing is taken in. One in which
//! little is new is taken in by that already, in one transaction. Of others the items are stored
//! batch by batch, each batch together with how far the file is done; a killed process goes on
//! behind the last one, and of two that work on one file only one gets on.

mod goods;
mod prints;
mod rows;
mod source;

use self::{
    goods::{Became, GoodsOrigin},
    prints::Prints,
    source::Source,
};
use super::{
    Session,
    documents::Sent,
    parse::{self, Part, Read},
    reader::Stored,
};
use crate::{
    app::{Error, Onec},
    domain::{
        ErrorCode,
        happening::{FileFault, FileNote},
    },
    formats::{
        commerceml::{Fault, FaultKind, Head},
        onec::upload as names,
    },
    storage::{
        ImportState, Unreadable,
        onec::{
            births, documents,
            files::{self, FileRow},
            goods::{self as stored, prints as kept},
            imports::{self, ImportRow},
            pictures,
        },
    },
};
use chrono::DateTime;
use parking_lot::Mutex;
use sqlx::Connection as _;
use std::{collections::HashMap, time::Duration};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// Batches read ahead of what is stored.
const AHEAD: usize = 1;

/// Files that are read to their end at the moment, by import.
#[derive(Default)]
pub struct Checks(Mutex<HashMap<i64, JoinHandle<Checked>>>);

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.0.lock();
        f.debug_tuple("Checks").field(&running.keys()).finish()
    }
}

/// Whether a file can be read to its end; and all of it, where little of it is new.
type Checked = Result<Option<Whole>, Fault>;

/// A file that was read to its end.
struct Whole {
    head: Head,
    part: Part,
    /// The generation of the prints by which its products are known.
    since: Option<i64>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All is taken in; what is to be told beside, a line each.
    Success(Vec<FileNote>),
    /// There is more to do: so many items are done.
    Progress(i64),
    /// It is not taken in.
    Refused {
        /// The stable code: a runbook page stands behind it.
        code: ErrorCode,
        /// What exactly, a line each.
        notes: Vec<FileNote>,
    },
}

/// How far a file was read on.
enum Passed {
    /// The step that was made; none: the file is taken in.
    To(Option<Step>),
    /// What was known is not so any more.
    Outdated,
}

/// A panic over a file is that file's.
fn broken(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "the bridge failed at a file of 1C");
    Fault::new(FaultKind::NotXml, FileFault::Failed)
}

/// What is wrong with what was sent; what could not be read in the database is no fault of 1C's.
pub(super) fn refused(kind: FaultKind, fault: FileFault) -> Step {
    let code = match kind {
        FaultKind::Unread => ErrorCode::Database,
        _ => ErrorCode::OneCFile,
    };
    let notes = vec![FileNote::Refused { fault }];
    Step::Refused { code, notes }
}

impl Onec {
    /// One step of taking a file in.
    pub async fn import_onec(&self, session: &Session, name: &str) -> Result<Step, Error> {
        let Some(name) = names::name(name) else {
            return Ok(refused(FaultKind::NotXml, FileFault::BadName));
        };
        let base = &session.base;
        let until = Instant::now()
            + match base.step {
                Duration::ZERO => Duration::from_mins(50),
                step => step * 2 / 3,
            };
        let sources = match self.sources(session, &name).await? {
            Ok(sources) => sources,
            Err(step) => return Ok(step),
        };
        // What was sent so far is whole.
        pictures::look_now(&mut *self.db.acquire().await?, session.id).await?;
        // What the shops have sent is known before a document speaks of it.
        self.take_up_orders(base, until).await?;
        let (mut notes, mut later) = (Vec::new(), false);
        for source in &sources {
            let mut db = self.db.acquire().await?;
            let row = imports::open(&mut db, base.name.as_str(), source.file.id, &source.member);
            let row = row.await?;
            drop(db);
            if let Some(step) = self.import_step(session, source, &row, until).await? {
                return Ok(step);
            }
            let mut db = self.db.acquire().await?;
            let row = imports::open(&mut db, base.name.as_str(), source.file.id, &source.member);
            let row = row.await?;
            let code = ErrorCode::OneCLater.as_str();
            later |= documents::none_carried_out(&mut db, row.id, code).await?;
            notes.extend(row.notes);
        }
        if later {
            let code = ErrorCode::OneCLater;
            return Ok(Step::Refused { code, notes });
        }
        Ok(Step::Success(notes))
    }

    /// Works on one source; none: it is taken in.
    async fn import_step(
        &self,
        session: &Session,
        source: &Source,
        row: &ImportRow,
        until: Instant,
    ) -> Result<Option<Step>, Error> {
        match row.state {
            ImportState::Taken => return Ok(None),
            ImportState::Refused => {
                let code = row.code.as_deref().unwrap_or_default();
                let odd = || {
                    let why = format!("`{code}` is no code");
                    Unreadable::of("bridge.onec_imports", "code", row.id, why)
                };
                let code = ErrorCode::parse(code).ok_or_else(odd)?;
                let notes = row.notes.clone();
                return Ok(Some(Step::Refused { code, notes }));
            }
            ImportState::Working => {}
        }
        if !row.checked {
            let whole = match self.checked(session, source, row.id, until).await? {
                None => return Ok(Some(Step::Progress(row.position))),
                Some(Err(fault)) => return self.refuse(row.id, fault).await.map(Some),
                Some(Ok(whole)) => whole,
            };
            let mut db = self.db.acquire().await?;
            imports::checked(&mut db, row.id).await?;
            drop(db);
            if let Some(whole) = whole.filter(|_| row.position == 0)
                && self.take_whole(session, row, whole).await?
            {
                return Ok(None);
            }
        }
        self.apply(session, source, row, until).await
    }

    /// Takes a file in that was read as a whole; false: it is to be read again.
    async fn take_whole(
        &self,
        session: &Session,
        row: &ImportRow,
        whole: Whole,
    ) -> Result<bool, Error> {
        let (base, import) = (&session.base, row.id);
        let formed_at = base.formed_at(whole.head.formed_at, row.started_at);
        let mut db = self.db.acquire().await?;
        imports::head(&mut db, import, Some(formed_at), None).await?;
        drop(db);
        let at = GoodsOrigin {
            base,
            import,
            position: 0,
            formed_at,
            since: whole.since,
        };
        if self.store_goods(at, whole.part).await? != Became::Stored {
            return Ok(false);
        }
        let mut db = self.db.acquire().await?;
        imports::end(&mut db, import, None).await?;
        Ok(true)
    }

    /// Ends the import of a file that cannot be taken in. Of bytes that could not be had nothing is
    /// known: the file is tried again.
    async fn refuse(&self, import: i64, fault: Fault) -> Result<Step, Error> {
        let Fault { kind, detail } = fault;
        if kind != FaultKind::Unread {
            let mut db = self.db.acquire().await?;
            let code = ErrorCode::OneCFile.as_str();
            imports::end(&mut db, import, Some((code, &detail))).await?;
        }
        Ok(refused(kind, detail))
    }

    fn stored(&self, file: &FileRow) -> Stored {
        let length = u64::try_from(file.bytes).unwrap_or_default();
        Stored::new(self.db.clone(), Handle::current(), file.id, length)
    }

    /// Whether the file can be read to its end; none: that takes longer than this step.
    async fn checked(
        &self,
        session: &Session,
        source: &Source,
        import: i64,
        until: Instant,
    ) -> Result<Option<Checked>, Error> {
        let running = &self.checks.0;
        let known = running.lock().remove(&import);
        let mut check = match known {
            Some(check) => check,
            None => self.check(session, source).await?,
        };
        Ok(match timeout_at(until, &mut check).await {
            Ok(Ok(read)) => Some(read),
            Ok(Err(error)) => Some(Err(broken(&error))),
            Err(_) => {
                let mut running = running.lock();
                running.insert(import, check);
                None
            }
        })
    }

    /// Begins to read a file to its end.
    async fn check(
        &self,
        session: &Session,
        source: &Source,
    ) -> Result<JoinHandle<Checked>, Error> {
        let since = self.generation(session).await?;
        let name = session.base.name.as_str();
        let mut known = Prints::new(&self.db, name, since.is_some());
        let file = self.stored(&source.file);
        let (tail, place) = (source.tail.clone(), source.place);
        Ok(tokio::task::spawn_blocking(move || {
            let whole = parse::check(file, &tail, &place, &mut known)?;
            Ok(whole.map(|(head, part)| Whole { head, part, since }))
        }))
    }

    /// The generation of the prints by which a base's goods are known; none: it has no goods.
    async fn generation(&self, session: &Session) -> Result<Option<i64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(kept::generation(&mut db, session.base.name.as_str()).await?)
    }

    /// Stores the items behind those that are done, for as long as the step lasts.
    async fn apply(
        &self,
        session: &Session,
        source: &Source,
        row: &ImportRow,
        until: Instant,
    ) -> Result<Option<Step>, Error> {
        let mut position = row.position;
        let mut since = self.generation(session).await?;
        loop {
            let at = (row, &mut position, since);
            match self.read_on(session, source, at, until).await? {
                Passed::To(step) => return Ok(step),
                // What was known is read instead.
                Passed::Outdated => since = None,
            }
        }
    }

    async fn read_on(
        &self,
        session: &Session,
        source: &Source,
        (row, position, since): (&ImportRow, &mut i64, Option<i64>),
        until: Instant,
    ) -> Result<Passed, Error> {
        let (base, import) = (&session.base, row.id);
        let (sender, mut parts) = mpsc::channel(AHEAD);
        let file = self.stored(&source.file);
        let (tail, place) = (source.tail.clone(), source.place);
        let skip = u64::try_from(*position).unwrap_or_default();
        let mut known = Prints::new(&self.db, base.name.as_str(), since.is_some());
        let reading = tokio::task::spawn_blocking(move || {
            parse::read(file, (&tail, &place), &mut known, skip, &sender)
        });
        let (mut formed_at, mut version) = (row.started_at, None);
        while let Some(read) = parts.recv().await {
            let part = match read {
                Read::Head(head) => {
                    version = head.version;
                    formed_at = base.formed_at(head.formed_at, row.started_at);
                    let mut db = self.db.acquire().await?;
                    imports::head(&mut db, import, Some(formed_at), None).await?;
                    continue;
                }
                Read::Items(part) => part,
            };
            let count = part.count;
            let sent = Sent {
                formed_at,
                login: &session.login,
                version,
            };
            let at = GoodsOrigin {
                base,
                import,
                position: *position,
                formed_at,
                since,
            };
            match self.store_part(at, sent, part).await? {
                Became::Stored => {}
                Became::Elsewhere => return Ok(Passed::To(Some(Step::Progress(*position)))),
                Became::Outdated => return Ok(Passed::Outdated),
            }
            *position += count;
            if Instant::now() > until {
                return Ok(Passed::To(Some(Step::Progress(*position))));
            }
        }
        let fault = match reading.await {
            Ok(Ok(())) => {
                let mut db = self.db.acquire().await?;
                imports::end(&mut db, import, None).await?;
                return Ok(Passed::To(None));
            }
            Ok(Err(fault)) => fault,
            Err(error) => broken(&error),
        };
        Ok(Passed::To(Some(self.refuse(import, fault).await?)))
    }

    /// Stores a part of a file together with how far the file is done: goods together, each
    /// document by itself.
    async fn store_part(
        &self,
        at: GoodsOrigin<'_>,
        sent: Sent<'_>,
        part: Part,
    ) -> Result<Became, Error> {
        if !part.is_documents() {
            return self.store_goods(at, part).await;
        }
        for (position, came) in (at.position..).zip(&part.items) {
            let place = (at.base, at.import, position);
            if !self.onec_document(place, sent, came).await? {
                return Ok(Became::Elsewhere);
            }
        }
        Ok(Became::Stored)
    }

    /// `deactivate`: a full exchange has ended; products that it did not speak of are gone. None:
    /// its files are not all taken in.
    pub async fn end_onec_catalogue(
        &self,
        session: &Session,
        began: Option<i64>,
    ) -> Result<Option<u64>, Error> {
        let mut db = self.db.acquire().await?;
        let row = imports::of_session(&mut db, session.id).await?;
        let began = began.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let began = began.map_or(session.started_at, |began| began.min(session.started_at));
        let earlier = began.timestamp() < session.started_at.timestamp();
        if row.open > 0 || row.taken == 0 && !earlier {
            return Ok(None);
        }
        drop(db);
        let name = session.base.name.as_str();
        let mut tx = self.db.begin().await?;
        let generation = kept::begin(&mut tx, name).await?;
        let gone = stored::gone(&mut tx, generation, name, began).await?;
        tx.commit().await?;
        Ok(Some(gone))
    }

    /// Removes files and sessions that are kept no longer, in batches; how many.
    pub async fn prune_onec(&self, batch: i64) -> Result<u64, Error> {
        // What waits is to be known before its events could be pruned.
        self.take_up_onec(Duration::from_secs(10)).await?;
        let mut sum = 0;
        let mut longest = Duration::from_hours(24);
        let mut db = self.db.acquire().await?;
        for base in self.registry.bases.values() {
            let name = base.name.as_str();
            let most = i64::try_from(base.keep_files_bytes).unwrap_or(i64::MAX);
            let keep = base.keep_files.as_secs_f64();
            longest = longest.max(base.keep_files);
            sum += files::prune_old(&mut db, name, keep, batch.min(100)).await?;
            let shops = super::names(&base.shops);
            sum += files::prune_large(&mut db, (name, &shops), most, batch.min(100)).await?;
            sum += pictures::prune(&mut db, name, batch).await?;
            sum += documents::prune(&mut db, name, keep, batch).await?;
            sum += imports::prune(&mut db, name, keep, batch).await?;
            sum += births::prune(&mut db, name, keep, batch).await?;
            loop {
                let mut tx = db.begin().await?;
                let more = kept::fold(&mut tx, name).await?;
                tx.commit().await?;
                if !more {
                    break;
                }
            }
        }
        let shops = self.registry.bases.values();
        let shops: Vec<String> = shops.flat_map(|base| super::names(&base.shops)).collect();
        sum += crate::storage::onec::news::prune_news(&mut db, &shops).await?;
        let sessions = crate::storage::onec::sessions::prune(&mut db, longest.as_secs_f64(), batch);
        Ok(sum + sessions.await?)
    }
}
