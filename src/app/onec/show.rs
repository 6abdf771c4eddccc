//! What people and shops are shown of the exchange.

use crate::{
    app::{Error, Onec},
    domain::ShopName,
    formats::onec::Base,
    storage::onec::{bases, imports, orders, sessions},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Sessions that are shown of a base.
const SESSIONS: i64 = 10;
/// Orders that cannot be written, shown of a base.
const SHEETS: i64 = 50;

/// An order in a 1C base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OneCView {
    /// The base.
    pub base: String,
    /// `Номер` there, once it was offered.
    pub number: Option<String>,
    /// `Ид` there, once it was offered.
    pub id: Option<String>,
    /// `НомерВерсии` that 1C has.
    pub version: Option<String>,
    /// When that was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When 1C confirmed it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether something newer waits to be fetched.
    pub waits: bool,
    /// Why it does not go.
    pub held: Option<String>,
}

/// An order that cannot be written for 1C.
#[derive(Debug, Clone, Serialize)]
pub struct OrderSheet {
    /// The shop.
    pub shop: String,
    /// The order.
    pub number: String,
    /// The code.
    pub code: String,
    /// Why, in one sentence.
    pub why: String,
}

/// A document that came from 1C.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentView {
    /// Its id.
    pub id: i64,
    /// The base.
    pub base: String,
    /// document, package, counterparty, unreadable.
    pub kind: String,
    /// `Номер`.
    pub number: Option<String>,
    /// `Ид`.
    pub doc_id: Option<String>,
    /// `Номер1С`.
    pub onec_number: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How often it came again.
    pub repeats: i32,
    /// What became of it: waiting, applied, refused, overtaken, discarded.
    pub state: String,
    /// Why it is not carried out; empty: it is, or waits.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The element as XML.
    pub raw: String,
}

/// A file that came from 1C.
#[derive(Debug, Clone, Serialize)]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// The file inside a zip; empty: the file itself.
    pub member: String,
    /// How long it is, in bytes; none: it is kept no longer.
    pub bytes: Option<i64>,
    /// working, taken, refused.
    pub state: String,
    /// Items that are done.
    pub items: i64,
    /// Of them, items that could not be read.
    pub faulty: i64,
    /// Of them, documents that are kept and not taken in.
    pub documents: i64,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// The code, where it was refused.
    pub code: Option<String>,
    /// Why, or what was wrong with some of its items.
    pub message: Option<String>,
}

/// An exchange session.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: i64,
    /// sale, catalog, get_catalog, listen.
    pub kind: String,
    /// Who exchanges.
    pub login: String,
    /// The version that is spoken; none: the client asked for none.
    pub version: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Its last request.
    pub last_at: DateTime<Utc>,
    /// Orders offered in it.
    pub offered: i64,
    /// Of them, confirmed.
    pub confirmed: i64,
}

/// How it stands with a base.
#[derive(Debug, Clone, Serialize)]
pub struct BaseReport {
    /// The base.
    pub base: String,
    /// Its shops.
    pub shops: Vec<String>,
    /// When it was first configured.
    pub since: Option<DateTime<Utc>>,
    /// When its first order was confirmed.
    pub exchanged_at: Option<DateTime<Utc>>,
    /// Orders that wait to be fetched.
    pub waiting: i64,
    /// Since when the oldest of them.
    pub oldest: Option<DateTime<Utc>>,
    /// Orders that it has.
    pub confirmed: i64,
    /// The last confirmation.
    pub last_confirmed_at: Option<DateTime<Utc>>,
    /// Orders that its filter holds back.
    pub held: i64,
    /// How many cannot be written.
    pub refused: i64,
    /// Of them, the first ones.
    pub refused_orders: Vec<OrderSheet>,
    /// Its newest sessions.
    pub sessions: Vec<SessionView>,
    /// The prefixes changed since the first order was confirmed.
    pub prefix_changed: bool,
}

impl Onec {
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
        Ok(BaseReport {
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
        let rows = imports::newest(&mut db, base.name.as_str(), number, before, limit).await?;
        let view = |row: imports::DocumentRow| DocumentView {
            id: row.id,
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
            raw: row.raw,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// The newest files that a base had taken in.
    pub async fn onec_files(&self, base: &Base, limit: i64) -> Result<Vec<FileView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = imports::newest_files(&mut db, base.name.as_str(), limit).await?;
        let view = |row: imports::FileRow| FileView {
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
            held: row.held_why,
        };
        Ok(row.map(view))
    }
}
