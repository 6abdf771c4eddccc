//! `mode=import`: files are taken in, in steps.
//!
//! A file is first read to its end: of one that is cut, or lies, nothing is taken in. Then its
//! items are stored batch by batch, each batch together with how far the file is done; a killed
//! process goes on behind the last one, and of two that work on one file only one gets on.

use super::{
    Session,
    documents::Sent,
    goods,
    parse::{self, Place, Read},
    reader::Stored,
    upload,
};
use crate::{
    app::{Error, Onec},
    domain::ErrorCode,
    formats::{
        commerceml::Fault,
        onec::{
            Base,
            upload::{self as names, Kind},
        },
    },
    storage::{
        ImportState, Unreadable,
        onec::{
            births, documents,
            files::{self, FileRow},
            goods as stored,
            imports::{self, Done, ImportRow},
            pictures,
        },
    },
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// Batches read ahead of what is stored.
const AHEAD: usize = 1;
/// A session's files may unpack to so many times what they may have packed.
const UNPACKED: u64 = 10;
/// Lines that are told of one batch.
const LINES: usize = 20;

/// Files that are read to their end at the moment, by import.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<i64, JoinHandle<Result<(), Fault>>>>);

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All is taken in; what is to be told beside.
    Success(Vec<String>),
    /// There is more to do: so many items are done.
    Progress(i64),
    /// It is not taken in.
    Refused {
        /// The stable code: a runbook page stands behind it.
        code: ErrorCode,
        /// What exactly, a line each.
        lines: Vec<String>,
    },
}

fn refused(code: ErrorCode, line: impl Into<String>) -> Step {
    let lines = vec![line.into()];
    Step::Refused { code, lines }
}

/// A file to be taken in, or a file in a zip.
struct Source {
    file: FileRow,
    tail: Vec<u8>,
    place: Place,
    member: String,
}

impl Onec {
    /// One step of taking a file in.
    pub async fn import_onec(&self, session: &Session, name: &str) -> Result<Step, Error> {
        let Some(name) = names::name(name) else {
            return Ok(refused(ErrorCode::OneCFile, "имя файла недопустимо"));
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
        let (mut lines, mut later) = (Vec::new(), false);
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
            lines.extend(
                row.message
                    .iter()
                    .flat_map(|text| text.lines())
                    .map(str::to_owned),
            );
        }
        if later {
            let code = ErrorCode::OneCLater;
            return Ok(Step::Refused { code, lines });
        }
        Ok(Step::Success(lines))
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
                let words = row.message.clone().unwrap_or_default();
                return Ok(Some(refused(code, words)));
            }
            ImportState::Working => {}
        }
        if !row.checked {
            match self.checked(source, row.id, until).await {
                None => return Ok(Some(Step::Progress(row.position))),
                Some(Err(fault)) => return self.refuse(row.id, &fault).await.map(Some),
                Some(Ok(())) => {
                    let mut db = self.db.acquire().await?;
                    imports::checked(&mut db, row.id).await?;
                }
            }
        }
        self.apply(session, source, row, until).await
    }

    async fn refuse(&self, import: i64, fault: &Fault) -> Result<Step, Error> {
        let words = fault.detail.replace('\0', "\u{fffd}");
        let mut db = self.db.acquire().await?;
        let code = ErrorCode::OneCFile;
        imports::end(&mut db, import, Some((code.as_str(), &words))).await?;
        Ok(refused(code, words))
    }

    fn stored(&self, file: &FileRow) -> Stored {
        let length = u64::try_from(file.bytes).unwrap_or_default();
        Stored::new(self.db.clone(), Handle::current(), file.id, length)
    }

    /// Whether the file can be read to its end; none: that takes longer than this step.
    async fn checked(
        &self,
        source: &Source,
        import: i64,
        until: Instant,
    ) -> Option<Result<(), Fault>> {
        let running = &self.checks.0;
        let known = running.lock().remove(&import);
        let mut check = known.unwrap_or_else(|| {
            let file = self.stored(&source.file);
            let (tail, place) = (source.tail.clone(), source.place);
            tokio::task::spawn_blocking(move || parse::check(file, &tail, &place))
        });
        match timeout_at(until, &mut check).await {
            Ok(Ok(read)) => Some(read),
            // A panic over a file is that file's.
            Ok(Err(error)) => Some(Err(Fault {
                kind: crate::formats::commerceml::FaultKind::NotXml,
                detail: format!("the file cannot be read: {error}"),
            })),
            Err(_) => {
                let mut running = running.lock();
                running.insert(import, check);
                None
            }
        }
    }

    /// Stores the items behind those that are done, for as long as the step lasts.
    async fn apply(
        &self,
        session: &Session,
        source: &Source,
        row: &ImportRow,
        until: Instant,
    ) -> Result<Option<Step>, Error> {
        let base = &session.base;
        let (sender, mut batches) = mpsc::channel(AHEAD);
        let file = self.stored(&source.file);
        let (tail, place) = (source.tail.clone(), source.place);
        let skip = u64::try_from(row.position).unwrap_or_default();
        let reading =
            tokio::task::spawn_blocking(move || parse::read(file, &tail, &place, skip, &sender));
        let (mut formed_at, mut version) = (None, None);
        let mut position = row.position;
        while let Some(read) = batches.recv().await {
            match read {
                Read::Head(head) => {
                    version = head.version;
                    formed_at = head.formed_at.map(|at| base.from_local(at.naive()));
                    let mut db = self.db.acquire().await?;
                    imports::head(&mut db, row.id, formed_at, None).await?;
                }
                Read::Items(items) => {
                    let many = i64::try_from(items.len()).unwrap_or(i64::MAX);
                    let at = (row.id, position);
                    let sent = Sent {
                        formed_at: formed_at.unwrap_or(session.started_at),
                        login: &session.login,
                        version,
                    };
                    if !self.batch(base, at, sent, items).await? {
                        return Ok(Some(Step::Progress(position)));
                    }
                    position += many;
                    if Instant::now() > until {
                        return Ok(Some(Step::Progress(position)));
                    }
                }
            }
        }
        match reading.await {
            Ok(Ok(())) => {
                let mut db = self.db.acquire().await?;
                imports::end(&mut db, row.id, None).await?;
                Ok(None)
            }
            Ok(Err(fault)) => self.refuse(row.id, &fault).await.map(Some),
            Err(error) => {
                let detail = format!("the file cannot be read: {error}");
                let kind = crate::formats::commerceml::FaultKind::NotXml;
                self.refuse(row.id, &Fault { kind, detail }).await.map(Some)
            }
        }
    }

    /// Stores a batch together with how far the file is done: goods together, each document by
    /// itself; false: somebody else has done so.
    async fn batch(
        &self,
        base: &Base,
        (import, mut position): (i64, i64),
        sent: Sent<'_>,
        items: Vec<parse::Came>,
    ) -> Result<bool, Error> {
        let mut goods = Vec::new();
        for came in items {
            if !came.is_document() {
                goods.push(came);
                continue;
            }
            let before = std::mem::take(&mut goods);
            let many = i64::try_from(before.len()).unwrap_or(i64::MAX);
            let at = (import, position);
            if !self.goods_batch(base, at, sent.formed_at, before).await? {
                return Ok(false);
            }
            position += many;
            let at = (base, import, position);
            if !self.onec_document(at, sent, &came).await? {
                return Ok(false);
            }
            position += 1;
        }
        self.goods_batch(base, (import, position), sent.formed_at, goods)
            .await
    }

    async fn goods_batch(
        &self,
        base: &Base,
        (import, position): (i64, i64),
        formed_at: DateTime<Utc>,
        items: Vec<parse::Came>,
    ) -> Result<bool, Error> {
        if items.is_empty() {
            return Ok(true);
        }
        let name = base.name.as_str();
        let mut tx = self.db.begin().await?;
        let mut done = Done {
            items: i64::try_from(items.len()).unwrap_or(i64::MAX),
            ..Done::default()
        };
        let mut rows = goods::Rows::default();
        let mut lines: Vec<String> = Vec::new();
        for came in items {
            match came.item {
                Ok(item) => {
                    rows.take(item);
                }
                Err(fault) => {
                    done.faulty += 1;
                    lines.push(fault.detail.replace(['\0', '\n'], " "));
                }
            }
        }
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        if more > 0 {
            lines.push(format!("… и ещё {more}"));
        }
        done.message = (!lines.is_empty()).then(|| lines.join("\n"));
        let told = !self.registry.shops_of_goods(base).is_empty();
        if told && stored::are_lists_news(&mut tx, name, formed_at, &rows.lists()).await? {
            stored::mark_all_due(&mut tx, name).await?;
        }
        stored::lists(&mut tx, name, formed_at, &rows.lists()).await?;
        stored::products(&mut tx, name, formed_at, &rows.products()).await?;
        if told {
            stored::mark_due(&mut tx, name, &rows.ids()).await?;
        }
        stored::prices(&mut tx, name, formed_at, &rows.prices()).await?;
        stored::counts(&mut tx, name, formed_at, &rows.counts()).await?;
        if rows.only_changes.is_some() {
            imports::head(&mut tx, import, None, rows.only_changes).await?;
        }
        if !imports::advance(&mut tx, import, position, &done).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What this name means among the files of the session.
    async fn sources(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<Result<Vec<Source>, Step>, Error> {
        let mut db = self.db.acquire().await?;
        let mut open = files::open(&mut db, session.id).await?;
        // The newest of several that could be meant.
        open.reverse();
        let most = session.base.max_upload.saturating_mul(UNPACKED);
        let mut cut = false;
        drop(db);
        let own = |file: &FileRow| names::same(&file.name, name);
        open.retain(|file| own(file) || !names::is_picture(&file.name));
        for file in open {
            let mut db = self.db.acquire().await?;
            let start = files::piece(&mut db, file.id, 0).await?;
            let kind = Kind::of(start.as_ref().map_or(&[], |(_, bytes)| bytes));
            let own = own(&file);
            if kind != Kind::Zip {
                if !own {
                    continue;
                }
                let place = Place { member: None, most };
                let (tail, member) = (Vec::new(), String::new());
                return Ok(Ok(vec![Source {
                    file,
                    tail,
                    place,
                    member,
                }]));
            }
            let tail = upload::tail(&mut db, file.id, file.bytes).await?;
            drop(db);
            let stored = self.stored(&file);
            let bytes = u64::try_from(file.bytes).unwrap_or_default();
            let listed = {
                let tail = tail.clone();
                let listing = move || parse::members(stored, &tail, most);
                tokio::task::spawn_blocking(listing).await
            };
            let listed = match listed {
                Ok(Ok(listed)) => listed,
                // One that is whole, and lies.
                Ok(Err(fault)) if own || names::zip_end(&tail, bytes).is_some() => {
                    return Ok(Err(refused(ErrorCode::OneCFile, fault.detail)));
                }
                _ => {
                    cut = true;
                    continue;
                }
            };
            if !session.base.zip {
                let words = "архивы выключены (zip = false)";
                return Ok(Err(refused(ErrorCode::OneCFile, words)));
            }
            let meant = |member: &str| {
                if own {
                    names::is_xml(member)
                } else {
                    names::same(member, name)
                }
            };
            let listed = listed.into_iter().filter(|(_, member)| meant(member));
            let source = |(nth, member)| Source {
                file: file.clone(),
                tail: tail.clone(),
                place: Place {
                    member: Some(nth),
                    most,
                },
                member,
            };
            let found: Vec<Source> = listed.map(source).collect();
            if !found.is_empty() {
                return Ok(Ok(found));
            }
        }
        Ok(Err(absent(name, cut)))
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
        let name = session.base.name.as_str();
        Ok(Some(stored::gone(&mut db, name, began).await?))
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
        }
        let shops = self.registry.bases.values();
        let shops: Vec<String> = shops.flat_map(|base| super::names(&base.shops)).collect();
        sum += crate::storage::onec::orders::prune_news(&mut db, &shops).await?;
        let sessions = crate::storage::onec::sessions::prune(&mut db, longest.as_secs_f64(), batch);
        Ok(sum + sessions.await?)
    }
}

/// No file of the session has this name, or the archive that may hold it was cut.
fn absent(name: &str, cut: bool) -> Step {
    let words = if cut {
        format!("файла {name} нет: архив принят не целиком или повреждён")
    } else {
        format!("файла {name} в этом сеансе нет")
    };
    refused(ErrorCode::OneCFile, words)
}
