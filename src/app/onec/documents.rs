//! Documents from 1C: kept as they came, each once, and decided upon in transactions of their own.

use super::{
    outcome::{Became, Parts, Refusal, parts, read},
    parse::Came,
    sides::{Kept, Look, about},
};
use crate::{
    app::{Actor, Error, Onec},
    domain::{
        ErrorCode, OrderKey,
        happening::{Act, DocumentReason, FileNote, GoodsEvent, Tell},
    },
    formats::{
        commerceml::{Document, Item, Operation, SchemaVersion},
        onec::{Base, facts},
    },
    process::bug,
    storage::{
        DocumentKind, DocumentState, Json, LetterAbout,
        dead_letters::{self, RejectedEvent, Special},
        journal::{self, Line, LineKind},
        onec::{
            documents::{self as stored, NewDocument},
            imports::{self, Done},
            orders, sides,
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

/// In which file documents came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    /// When it was made.
    pub(super) formed_at: DateTime<Utc>,
    /// The user of 1C by whose login the file came: what it may say depends on it.
    pub(super) login: &'a str,
    /// `ВерсияСхемы` of the file's root; `None`: it says none that is known.
    pub(super) version: Option<SchemaVersion>,
}

/// The longest document that is kept, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;
/// Documents that wait, looked at in one round.
const AT_ONCE: i64 = 50;

impl Onec {
    /// Takes one document in, together with how far its file is done; false: somebody else has
    /// done so. A document at which the bridge fails is kept with its letter, and stops no other.
    pub(super) async fn onec_document(
        &self,
        (base, import, position): (&Base, i64, i64),
        sent: Sent<'_>,
        came: &Came,
    ) -> Result<bool, Error> {
        let place = (base, import, position);
        match self.document_in_one(place, sent, came, None).await {
            Err(error) if error.is_of_the_row() => {
                let refusal = Refusal::bug(error.chain());
                self.document_in_one(place, sent, came, Some(refusal)).await
            }
            done => done,
        }
    }

    async fn document_in_one(
        &self,
        (base, import, position): (&Base, i64, i64),
        sent: Sent<'_>,
        came: &Came,
        failed: Option<Refusal>,
    ) -> Result<bool, Error> {
        let mut new = match &came.item {
            Ok(item) => described(item),
            Err(_) => described_fault(came.number.as_ref()),
        };
        let raw = came.raw.clone().unwrap_or_default();
        let raw = raw.replace('\0', "\u{fffd}");
        new.print = Sha256::digest(&raw).to_vec();
        new.formed_at = Some(sent.formed_at);
        new.login = Some(sent.login.to_owned());
        let name = base.name.as_str();
        let mut tx = self.db.begin().await?;
        let mut done = Done {
            items: 1,
            ..Done::default()
        };
        done.faulty = i64::from(came.item.is_err());
        if !imports::advance(&mut tx, import, position, &done).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if let Ok(item) = &came.item {
            self.lock_orders_of(&mut tx, base, item).await?;
        }
        new.raw = raw.chars().take(LONGEST).collect();
        let row = stored::keep(&mut tx, (name, import), &new).await?;
        let kept = Kept {
            id: row.id,
            formed_at: new.formed_at,
            login: new.login.clone(),
            version: sent.version,
            came: None,
            look: Look {
                again: row.repeated && row.state != DocumentState::Applied,
                ruled: false,
            },
        };
        let became = match (failed, &came.item) {
            (Some(refusal), _) => Became::refused(refusal),
            _ if raw.len() > LONGEST => {
                let why = DocumentReason::TooLong;
                Became::refused_for(ErrorCode::OneCDocument, why)
            }
            _ if row.state == DocumentState::Discarded => Became::new(row.state),
            (None, Ok(item)) => self.decide(&mut tx, base, item, &kept).await?,
            (None, Err(fault)) => Became::refused(Refusal::unreadable(fault.clone())),
        };
        if new.kind == DocumentKind::Unreadable {
            if !row.repeated {
                stray(&mut tx, name, &new, &became, row.id).await?;
            }
            self.store(&mut tx, (name, row.id), &became, false).await?;
        } else {
            self.store(&mut tx, (name, row.id), &became, true).await?;
        }
        if let (Some(code), Some(why)) = (became.code, became.what) {
            let note = FileNote::Document {
                number: new.number.or(new.doc_id),
                code: code.as_str().to_owned(),
                why,
            };
            let told = Done {
                documents: 1,
                notes: vec![note],
                ..Done::default()
            };
            imports::advance(&mut tx, import, position + 1, &told).await?;
            self.metrics.onec_document(name, code.as_str());
        }
        tx.commit().await?;
        self.wake_for(base);
        Ok(true)
    }

    async fn decide(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        item: &Item,
        kept: &Kept,
    ) -> Result<Became, Error> {
        if let Some(became) = self.take_in_of_receipt(tx, base, item, kept).await? {
            return Ok(became);
        }
        let Parts { order, facts, more } = parts(item);
        let orphan = facts.iter().copied().find(|one| is_shipment(one));
        let facts = facts.into_iter();
        let facts: Vec<_> = facts.filter_map(|one| facts::fact(one, base)).collect();
        if let Item::Counterparty(who) = item {
            return self.take_in_customer(tx, base, who, kept).await;
        }
        match order {
            Some(order) => {
                if let Some(currency) = base.no_currency(order.currency.as_deref()) {
                    let why = DocumentReason::NoSuchCurrency { currency };
                    let became = Became::refused_for(ErrorCode::OneCDocument, why);
                    return of_its_order(tx, base, order, became).await;
                }
                let mut became = self.take_in(tx, base, (order, &facts), kept).await?;
                if more && became.code.is_none() && became.what.is_none() {
                    became = became.because(DocumentReason::PartlyKept);
                }
                Ok(became)
            }
            None if !facts.is_empty() => {
                let became = self.take_in_alone(tx, base, &facts, kept).await?;
                match orphan {
                    Some(orphan) if became.code == Some(ErrorCode::OneCUnknown) => {
                        let made = self.take_in_orphan(tx, base, orphan, kept).await?;
                        Ok(made.unwrap_or(became))
                    }
                    _ => Ok(became),
                }
            }
            None => {
                let why = DocumentReason::OnlyKept;
                Ok(Became::refused_for(ErrorCode::OneCLater, why))
            }
        }
    }

    /// Stores what became of a document; one that is refused gets its letter.
    async fn store(
        &self,
        tx: &mut PgConnection,
        (base, id): (&str, i64),
        became: &Became,
        letter: bool,
    ) -> Result<(), Error> {
        let code = became.code.map(ErrorCode::as_str);
        let message = became.what.as_ref().map(Tell::sentence);
        let message = message.unwrap_or_default();
        let (shop, number) = (became.shop.as_deref(), became.number.as_deref());
        let of = stored::Became {
            state: became.state,
            code,
            message: &message,
            what: became.what.as_ref(),
            shop,
            number,
        };
        stored::became(tx, id, &of).await?;
        if let (Some(shop), Some(number)) = (shop, number)
            && !became.beside
            && (code.is_some() || became.state == DocumentState::Waiting)
        {
            stored::overtake(tx, (base, shop, number), id).await?;
        }
        if code.is_none() && letter && (became.told || became.state != DocumentState::Waiting) {
            stored::close_letter(tx, id).await?;
        }
        // What this version does not carry out, and what its sender may not say, is no fault of
        // one document.
        let settings = [ErrorCode::OneCLater, ErrorCode::OneCRight].map(ErrorCode::as_str);
        let Some(code) = code.filter(|code| letter && !settings.contains(code)) else {
            return Ok(());
        };
        let payload = json!({"about": "document", "base": base, "document": id});
        let special = Special {
            about: LetterAbout::Document,
            portal: None,
            shop,
            number,
            code,
            message: &message,
            payload: &Json::Value(payload),
        };
        if dead_letters::write_special(tx, &special).await? {
            self.metrics.died(base, code);
            if let (Some(shop), Some(number), Some(why)) = (shop, number, &became.what) {
                let line = Line {
                    shop: shop.to_owned(),
                    number: number.to_owned(),
                    kind: LineKind::Dead,
                    what: GoodsEvent::OnecDocumentNotTaken {
                        code: code.to_owned(),
                        why: why.clone(),
                    }
                    .into(),
                    detail: Some(json!({"document": id, "base": base})),
                };
                journal::add(tx, &[line]).await?;
            }
        }
        Ok(())
    }

    /// Decides once more upon a document that waits or is refused, in a transaction of the
    /// caller's. False: it is refused still.
    pub(in crate::app) async fn decide_again(
        &self,
        tx: &mut PgConnection,
        id: i64,
        by_person: bool,
    ) -> Result<bool, Error> {
        let Some(row) = stored::again(tx, id).await? else {
            return Ok(true);
        };
        let Some(base) = self.onec_base(&row.base).cloned() else {
            return Ok(false);
        };
        let item = bug::caught(|| read(&row.raw))?;
        if let Ok(item) = &item {
            self.lock_orders_of(tx, &base, item).await?;
        }
        // Somebody else may have decided meanwhile.
        let Some(row) = stored::again(tx, id).await? else {
            return Ok(true);
        };
        let is_review = row.code.as_deref() == Some(ErrorCode::OneCReview.as_str());
        let kept = Kept {
            id,
            formed_at: row.formed_at,
            login: row.login.clone(),
            version: None,
            came: Some(row.received_at),
            look: Look {
                again: true,
                ruled: by_person && is_review,
            },
        };
        let became = match item {
            Ok(item) => self.decide(tx, &base, &item, &kept).await?,
            Err(fault) => Became::refused(Refusal::unreadable(fault)),
        };
        // Whoever retries a letter closes it.
        let letter = !by_person || became.code.is_some();
        self.store(tx, (&row.base, id), &became, letter).await?;
        self.wake_for(&base);
        Ok(became.code.is_none())
    }

    /// A person has a document that waits or is refused decided once more, and rules nothing by
    /// that; false: it is refused still.
    pub async fn take_in_again(&self, id: i64, who: &Actor) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        if stored::again(&mut tx, id).await?.is_none() {
            return Err(Error::NotFound);
        }
        let done = self.decide_again(&mut tx, id, false).await?;
        let detail = json!({ "taken_in": done });
        let act = &Act::DocumentTriedAgain { document: id };
        journal::audit(&mut tx, &who.0, act, &id.to_string(), &detail).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// A person lets a refused document go: where it was about a status, 1C is sent the order
    /// again.
    pub(in crate::app) async fn discard_document(
        &self,
        tx: &mut PgConnection,
        id: i64,
        order: Option<&OrderKey>,
    ) -> Result<(), Error> {
        let Some(row) = stored::again(tx, id).await? else {
            return Ok(());
        };
        let of = stored::Became {
            code: row.code.as_deref(),
            ..stored::Became::new(DocumentState::Discarded)
        };
        stored::became(tx, id, &of).await?;
        if let Some(OrderKey { shop, number }) = order {
            // One that is refused because it cannot be read says nothing that could be heard.
            if row.code.as_deref() != Some(ErrorCode::OneCDocument.as_str()) {
                self.heard(tx, (&row.base, shop, number), (id, &row.raw))
                    .await?;
            }
            orders::resend(tx, &row.base, shop, number).await?;
        }
        Ok(())
    }

    /// Decides upon documents that wait for something else; how many were looked at.
    pub async fn decide_waiting_documents(&self) -> Result<usize, Error> {
        self.adopt_open_births().await?;
        let ids = {
            let mut db = self.db.acquire().await?;
            stored::reopen_known(&mut db).await?;
            stored::waiting(&mut db, AT_ONCE).await?
        };
        for id in &ids {
            let mut tx = self.db.begin().await?;
            match self.decide_again(&mut tx, *id, false).await {
                Ok(_) => tx.commit().await?,
                Err(error) if error.is_of_the_row() => {
                    tx.rollback().await?;
                    let mut tx = self.db.begin().await?;
                    let refusal = Refusal::bug(error.chain());
                    let became = Became::refused(refusal);
                    // Somebody else may have decided meanwhile.
                    if let Some(row) = stored::again(&mut tx, *id).await? {
                        self.store(&mut tx, (&row.base, *id), &became, true).await?;
                        tx.commit().await?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ids.len())
    }

    /// Documents that missed an order, a row of a table, or a right are decided again: to be called
    /// when a worker starts, which is when a changed configuration takes effect.
    pub async fn reopen_documents(&self) -> Result<u64, Error> {
        let codes = [
            ErrorCode::OneCStatus,
            ErrorCode::OneCUnknown,
            ErrorCode::OneCRight,
        ];
        let codes = codes.map(|code| code.as_str().to_owned());
        let mut db = self.db.acquire().await?;
        Ok(stored::reopen(&mut db, &codes).await?)
    }
}

async fn stray(
    tx: &mut PgConnection,
    base: &str,
    new: &NewDocument,
    became: &Became,
    id: i64,
) -> Result<(), Error> {
    let payload = json!({"base": base, "document": id, "raw": new.raw});
    let message = became.what.as_ref().map(Tell::sentence);
    let letter = RejectedEvent {
        portal: None,
        shop: None,
        number: new.number.as_deref(),
        code: became.code.unwrap_or(ErrorCode::OneCDocument).as_str(),
        message: message.as_deref().unwrap_or_default(),
        payload: &Json::Value(payload),
    };
    Ok(dead_letters::write_stray(tx, &letter).await?)
}

/// What became of a document, told of the order that it names, if there is one.
async fn of_its_order(
    tx: &mut PgConnection,
    base: &Base,
    document: &Document,
    became: Became,
) -> Result<Became, Error> {
    let (number, id) = (document.number.as_deref(), document.id.as_deref());
    let found = sides::find(tx, base.name.as_str(), number, id).await?;
    Ok(match about(&found) {
        Ok(row) => became.of(&row.shop, &row.number),
        Err(_) => became,
    })
}

fn is_shipment(document: &Document) -> bool {
    document.operation == Operation::Shipment
}

fn clean(text: Option<&String>) -> Option<String> {
    text.map(|text| text.chars().take(300).filter(|c| *c != '\0').collect())
}

/// What is said of an item that can be read.
fn described(item: &Item) -> NewDocument {
    let (kind, document) = match item {
        Item::Package(package) => {
            let mut documents = package.documents.iter();
            let order = documents.find(|one| one.operation.is_order());
            (
                DocumentKind::Package,
                order.or_else(|| package.documents.first()),
            )
        }
        Item::Document(one) => (DocumentKind::Document, Some(&**one)),
        _ => (DocumentKind::Counterparty, None),
    };
    let who = match item {
        Item::Counterparty(who) => who.id.as_ref().or(Some(&who.name)),
        _ => None,
    };
    let Parts { order, facts, .. } = parts(item);
    NewDocument {
        kind,
        number: clean(document.and_then(|one| one.number.as_ref())),
        doc_id: clean(document.and_then(|one| one.id.as_ref()).or(who)),
        onec_number: clean(document.and_then(|one| one.onec_number.as_ref())),
        version: clean(document.and_then(|one| one.version.as_ref())),
        print: Vec::new(),
        raw: String::new(),
        formed_at: None,
        login: None,
        beside: order.is_none() && !facts.is_empty(),
        basis: facts
            .into_iter()
            .find_map(facts::basis)
            .filter(|_| order.is_none())
            .and_then(|basis| clean(Some(&basis.to_owned()))),
    }
}

fn described_fault(number: Option<&String>) -> NewDocument {
    NewDocument {
        kind: DocumentKind::Unreadable,
        number: clean(number),
        doc_id: None,
        onec_number: None,
        version: None,
        print: Vec::new(),
        raw: String::new(),
        formed_at: None,
        login: None,
        beside: false,
        basis: None,
    }
}
