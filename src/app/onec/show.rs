//! Views of the exchange with 1C, for operators and shops.

use crate::{
    app::{Error, Onec},
    domain::{
        ErrorCode, ShopName,
        happening::{DocumentReason, FileNote, Stored},
    },
    formats::onec::{Base, HeldWhy, Meaning},
    process::bug,
    storage::{
        DocumentKind, DocumentState, ExchangeKind, ImportState,
        onec::{bases, births, documents, imports, orders, sessions, sides},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Write as _;
use utoipa::ToSchema;

/// Documents that are not carried out, looked through for statuses.
const OPEN: i64 = 1_000;
/// Sessions that are shown of a base.
const SESSIONS: i64 = 10;
/// Orders that cannot be written, shown of a base.
const SHEETS: i64 = 50;

/// An order in a 1C base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OneCView {
    /// The base's name in the settings.
    pub base: String,
    /// `Номер` there, once it was offered.
    pub number: Option<String>,
    /// `Ид` there, once it was offered.
    pub id: Option<String>,
    /// `НомерВерсии` that 1C has: the last one that it confirmed.
    pub version: Option<String>,
    /// When that was sent, by the database's clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// When 1C confirmed it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether something newer waits to be fetched.
    pub waits: bool,
    /// Why it does not go.
    #[schema(value_type = Option<String>)]
    pub held: Option<HeldWhy>,
    /// The status that 1C last said: its id or its name there.
    pub status: Option<String>,
    /// The status that 1C is last known to have had, in the shop's words: what it said itself, or
    /// what it was sent since.
    pub has: Option<String>,
}

/// An order that cannot be written for 1C.
#[derive(Debug, Clone, Serialize)]
pub struct OrderSheet {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The stable code of why it cannot be written.
    pub code: String,
    /// Why it cannot be written, in one English sentence.
    pub why: String,
}

/// A document that came from 1C.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentView {
    /// The document's id, by which pages and commands name it.
    pub id: i64,
    /// The base's name in the settings.
    pub base: String,
    /// Whether it is a document, a package of them, a counterparty, or cannot be read.
    pub kind: DocumentKind,
    /// `Номер`: of an order that the bridge wrote, the number that it gave it.
    pub number: Option<String>,
    /// `Ид`: of an order that the bridge wrote, the id that it gave it; else 1C's own.
    pub doc_id: Option<String>,
    /// `Номер1С`: the document's number in 1C, from CommerceML 2.06 on.
    pub onec_number: Option<String>,
    /// When it first came, by the database's clock; `repeats` counts the times after that.
    pub received_at: DateTime<Utc>,
    /// How often the same contents came again.
    pub repeats: i32,
    /// What became of it.
    pub state: DocumentState,
    /// Why it is not carried out; empty: it is, or waits.
    pub code: String,
    /// What became of it, or what it waits for, in one English sentence.
    pub message: String,
    /// The same as data; none in documents of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<Stored<DocumentReason>>,
    /// The shop of its order, where one was found.
    pub shop: Option<String>,
    /// The number of that order in its shop.
    pub order_number: Option<String>,
    /// The status in it that no row of a table has, if it is refused for that.
    pub unknown: Option<String>,
    /// The element as XML, as 1C sent it.
    pub raw: String,
}

impl DocumentView {
    fn of(row: documents::DocumentRow) -> Self {
        let is_unknown = row.code == ErrorCode::OneCStatus.as_str();
        let unknown = || {
            let item = bug::caught(|| super::outcome::read(&row.raw)).ok()?.ok()?;
            let order = super::outcome::parts(&item).order?;
            // Of a cancellation it is not the status that is missing.
            if order.cancelled() == Some(true) || order.deleted == Some(true) {
                return None;
            }
            let status = order.status_id().or_else(|| order.status_name())?;
            Some(status.to_owned())
        };
        Self {
            id: row.id,
            unknown: if is_unknown { unknown() } else { None },
            base: row.base,
            kind: row.kind,
            number: row.number,
            doc_id: row.doc_id,
            onec_number: row.onec_number,
            received_at: row.received_at,
            repeats: row.repeats,
            state: row.state,
            code: row.code,
            message: row.message,
            what: row.what,
            shop: row.shop,
            order_number: row.order_number,
            raw: row.raw,
        }
    }
}

/// A file that came from 1C.
#[derive(Debug, Clone, Serialize)]
pub struct FileView {
    /// The id of the file; none: it is kept no longer.
    pub file: Option<i64>,
    /// The name under which 1C sent the file.
    pub name: String,
    /// The file inside a zip; empty: the file itself.
    pub member: String,
    /// How long it is, in bytes; none: it is kept no longer.
    pub bytes: Option<i64>,
    /// Whether it is at work, taken in or refused.
    pub state: ImportState,
    /// Items of the file that are done.
    pub items: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// The code, where it was refused.
    pub code: Option<String>,
    /// Why, or what was wrong with some of its items: English lines; of files of earlier versions
    /// as 1C was told.
    pub message: Option<String>,
    /// The same as data, a line each.
    #[serde(skip)]
    pub notes: Vec<FileNote>,
}

/// An exchange session, as operators see it.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// The row's id in the database.
    pub id: i64,
    /// What is exchanged, as 1C says it: `sale`, `catalog`, `get_catalog` or `listen`; or
    /// `by_hand`.
    pub kind: ExchangeKind,
    /// The user of 1C whose login opened it.
    pub login: String,
    /// The version that is spoken; none: the client asked for none.
    pub version: Option<String>,
    /// When it was opened, by the database's clock.
    pub started_at: DateTime<Utc>,
    /// When its last request came.
    pub last_at: DateTime<Utc>,
    /// Orders offered in it.
    pub offered: i64,
    /// Of them, orders that 1C has confirmed.
    pub confirmed: i64,
}

/// How it stands with a base.
#[derive(Debug, Clone, Serialize)]
pub struct BaseReport {
    /// The base's name in the settings.
    pub base: String,
    /// The shops whose orders it gets, by their names in the settings.
    pub shops: Vec<String>,
    /// When it was first configured.
    pub since: Option<DateTime<Utc>>,
    /// When its first order was confirmed.
    pub exchanged_at: Option<DateTime<Utc>>,
    /// Orders that wait to be fetched.
    pub waiting: i64,
    /// Since when the oldest of them.
    pub oldest: Option<DateTime<Utc>>,
    /// Orders that it has confirmed at least once.
    pub confirmed: i64,
    /// When an order was last confirmed; none: none was yet.
    pub last_confirmed_at: Option<DateTime<Utc>>,
    /// Orders that its filter holds back.
    pub held: i64,
    /// How many of its orders cannot be written.
    pub refused: i64,
    /// Of them, the first 50.
    pub refused_orders: Vec<OrderSheet>,
    /// Orders made there that the shop was told of and has not sent yet.
    pub untaken: i64,
    /// Since when the oldest of them.
    pub untaken_since: Option<DateTime<Utc>>,
    /// Orders that are pushed to it; none: it only fetches them.
    pub push: Option<super::PushView>,
    /// The ten newest sessions, the newest first.
    pub sessions: Vec<SessionView>,
    /// The prefixes changed since the first order was confirmed.
    pub prefix_changed: bool,
}

/// A base's correspondence table, beside the shops' statuses and what 1C has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneCMapCheck {
    /// The base's name in the settings.
    pub base: String,
    /// How many rows its table has.
    pub rows: usize,
    /// Statuses of the shops with which orders go to 1C without any.
    pub unwritten: Vec<String>,
    /// What 1C has said and no row reads.
    pub unknown: Vec<String>,
}

impl Onec {
    /// Looks at a base's table.
    pub async fn check_statuses(&self, base: &Base) -> Result<OneCMapCheck, Error> {
        let own = self.statuses_of(base);
        let said = self.said_by(base).await?;
        let is_unknown = |word: &String| match base.statuses.meaning(std::slice::from_ref(word)) {
            Meaning::Status(status) => !own.contains(&status),
            Meaning::OneWay => false,
            Meaning::Unknown => true,
        };
        let unwritten = own
            .iter()
            .filter(|one| base.statuses.written(one).is_none());
        Ok(OneCMapCheck {
            base: base.name.as_str().to_owned(),
            rows: base.statuses.rows().len(),
            unwritten: unwritten.cloned().collect(),
            unknown: said.into_iter().filter(is_unknown).collect(),
        })
    }

    /// Proposes a base's table as TOML: a row for each status of its shops, with what is called
    /// alike in 1C; what 1C has said besides stands below as a remark.
    pub async fn suggest_statuses(&self, base: &Base) -> Result<String, Error> {
        let mut open = self.said_by(base).await?;
        let mut text = String::new();
        for status in self.statuses_of(base) {
            let names = self.titles_of(base, &status);
            let mut rows = base.statuses.rows().iter();
            let row = rows.find(|row| row.status == status);
            let known: Vec<String> = row
                .into_iter()
                .flat_map(|row| std::iter::once(&row.id).chain(&row.names))
                .chain(&names)
                .chain(std::iter::once(&status))
                .map(|name| name.trim().to_lowercase())
                .collect();
            let is_alike = |word: &String| known.contains(&word.trim().to_lowercase());
            let (alike, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(is_alike);
            open = rest;
            let id = row.map(|row| row.id.clone());
            let id = id.or_else(|| alike.first().cloned());
            let id = id.unwrap_or_else(|| status.clone());
            let mut names: Vec<String> = names.into_iter().chain(alike).collect();
            names.extend(row.into_iter().flat_map(|row| row.names.clone()));
            names.retain(|name| *name != id);
            names.sort();
            names.dedup();
            let base = base.name.as_str();
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            let (status, id, names) = (quoted(&status), quoted(&id), names.join(", "));
            let _ = writeln!(
                text,
                "[[onec.{base}.statuses]]\nstatus = {status}\nid = {id}\nnames = [{names}]"
            );
        }
        for word in open {
            let word = quoted(&word);
            let _ = writeln!(text, "# 1C says {word}, too: add it to a row's names");
        }
        Ok(text)
    }

    /// The statuses of a base's shops, in the order of their tables.
    fn statuses_of(&self, base: &Base) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for shop in &base.shops {
            let rules = self.registry.two_way(shop.as_str());
            let rows = rules.iter().flat_map(|rules| rules.policy.statuses.rows());
            for row in rows {
                if !all.contains(&row.status) {
                    all.push(row.status.clone());
                }
            }
        }
        all
    }

    fn titles_of(&self, base: &Base, status: &str) -> Vec<String> {
        let titles = base.shops.iter().filter_map(|shop| {
            let titles = self.registry.titles.get(shop)?;
            titles.get(status).cloned()
        });
        titles.collect()
    }

    /// What 1C has said of its orders, also what was refused because no row reads it.
    async fn said_by(&self, base: &Base) -> Result<Vec<String>, Error> {
        let mut db = self.db.acquire().await?;
        let name = base.name.as_str();
        let mut said = sides::said(&mut db, name).await?;
        let open = documents::newest_open(&mut db, name, OPEN).await?;
        let open = open.into_iter().map(DocumentView::of);
        said.extend(open.filter_map(|one| one.unknown));
        said.sort();
        said.dedup();
        Ok(said)
    }

    /// How it stands with every base.
    pub async fn onec_report(&self) -> Result<Vec<BaseReport>, Error> {
        let mut reports = Vec::new();
        for base in self.registry.bases.values() {
            reports.push(self.base_report(base).await?);
        }
        Ok(reports)
    }

    async fn base_report(&self, base: &Base) -> Result<BaseReport, Error> {
        let name = base.name.as_str();
        let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        self.take_up_orders(base, soon).await?;
        let mut db = self.db.acquire().await?;
        let row = bases::find(&mut db, name).await?;
        let count = orders::count(&mut db, name).await?;
        let refused = orders::refused(&mut db, name, SHEETS).await?;
        let sheet = |row: orders::OrderRow| OrderSheet {
            shop: row.shop,
            number: row.number,
            code: row.held_code.unwrap_or_default(),
            why: row.held_why.unwrap_or_default(),
        };
        let view = |row: sessions::SeenRow| SessionView {
            id: row.id,
            kind: row.kind,
            login: row.login,
            version: row.version,
            started_at: row.started_at,
            last_at: row.last_at,
            offered: row.offered,
            confirmed: row.confirmed,
        };
        let fixed = row.as_ref().and_then(|row| row.prefixes.clone());
        let sessions = sessions::newest(&mut db, name, SESSIONS).await?;
        let (untaken, untaken_since) = births::open(&mut db, name).await?;
        let push = self.push_view(&mut db, base).await?;
        Ok(BaseReport {
            push,
            base: name.to_owned(),
            shops: super::names(&base.shops),
            since: row.as_ref().map(|row| row.since),
            exchanged_at: row.and_then(|row| row.exchanged_at),
            waiting: count.waiting,
            oldest: count.oldest,
            confirmed: count.confirmed,
            last_confirmed_at: count.last_confirmed_at,
            held: count.held,
            refused: count.refused,
            refused_orders: refused.into_iter().map(sheet).collect(),
            untaken,
            untaken_since,
            sessions: sessions.into_iter().map(view).collect(),
            prefix_changed: fixed.is_some_and(|fixed| fixed != super::prefixes(base)),
        })
    }

    /// The newest documents of a base, with ids below `before`; of one number, if it is given.
    pub async fn onec_documents(
        &self,
        base: &Base,
        number: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DocumentView>, Error> {
        let mut db = self.db.acquire().await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = documents::newest(&mut db, base.name.as_str(), number, before, limit).await?;
        Ok(rows.into_iter().map(DocumentView::of).collect())
    }

    /// The newest documents of a base that wait or are refused.
    pub async fn open_documents(
        &self,
        base: &Base,
        limit: i64,
    ) -> Result<Vec<DocumentView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = documents::newest_open(&mut db, base.name.as_str(), limit).await?;
        Ok(rows.into_iter().map(DocumentView::of).collect())
    }

    /// One document, in whatever state it is. The error is `NotFound` where there is none, or none
    /// any longer.
    pub async fn document_view(&self, id: i64) -> Result<DocumentView, Error> {
        let mut db = self.db.acquire().await?;
        let row = documents::one(&mut db, id).await?;
        row.map(DocumentView::of).ok_or(Error::NotFound)
    }

    /// The newest files that a base had taken in.
    pub async fn onec_files(&self, base: &Base, limit: i64) -> Result<Vec<FileView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = imports::newest_files(&mut db, base.name.as_str(), limit).await?;
        let view = |row: imports::FileRow| FileView {
            file: row.file,
            name: row.name,
            member: row.member,
            bytes: row.bytes,
            state: row.state,
            items: row.position,
            faulty: row.faulty,
            documents: row.documents,
            started_at: row.started_at,
            code: row.code,
            message: row.message,
            notes: row.notes,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// What the shop's base has of an order.
    pub(in crate::app) async fn onec_view(
        &self,
        db: &mut sqlx::PgConnection,
        shop: &ShopName,
        number: &str,
    ) -> Result<Option<OneCView>, Error> {
        let mut bases = self.registry.bases.values();
        let Some(base) = bases.find(|base| base.shops.contains(shop)) else {
            return Ok(None);
        };
        let row = orders::of_order(db, base.name.as_str(), shop.as_str(), number).await?;
        let view = |row: orders::OrderRow| OneCView {
            base: row.base,
            number: row.doc_number,
            id: row.doc_id,
            version: row.version,
            sent_at: row.sent_at,
            confirmed_at: row.confirmed_at,
            waits: row.waits,
            held: row.held_why.map(HeldWhy::of),
            status: row.said,
            has: row.agreed,
        };
        Ok(row.map(view))
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
