//! Receipts of tills that are documents of a base: which are to go, and what 1C says of them.
//!
//! A receipt is a fact of its till: 1C says nothing that changes it. Its number there, and whether
//! it is posted or cancelled, are kept to be looked at.

use super::{BaseProblem, LOOKED_AT_ONCE, outcome::Became, query::receipts_since, sides::Kept};
use crate::{
    app::{Error, Onec},
    domain::{ErrorCode, happening::DocumentReason},
    formats::{
        commerceml::{Document, Item},
        onec::{Base, Since, facts::is_fact, receipt},
    },
    storage::onec::{
        documents,
        receipts::{self, ChangedRow, Said},
        sides,
    },
};
use sqlx::PgConnection;
use tokio::time::Instant;

impl Onec {
    /// Takes up what the tills of a base's shops have sent since, for at most so long.
    pub(super) async fn take_up_receipts(&self, base: &Base, until: Instant) -> Result<(), Error> {
        if !base.export.receipts {
            return Ok(());
        }
        let mut db = self.db.acquire().await?;
        let (name, shops) = (base.name.as_str(), super::names(&base.shops));
        let row = receipts::open(&mut db, name, receipts_since(base, None)).await?;
        let mut after = row.cursor_at;
        loop {
            let key = (shops.as_slice(), after);
            let found = receipts::changed(&mut db, name, key, LOOKED_AT_ONCE).await?;
            let settled = found.iter().filter(|row| row.settled);
            let settled = settled.map(|row| row.changed_at).max();
            let full = i64::try_from(found.len()).is_ok_and(|many| many >= LOOKED_AT_ONCE);
            let last = found.last().map(|row| row.changed_at);
            let keyed = |row: ChangedRow| (receipt::key(&row.till, &row.receipt), row);
            let new: Vec<_> = found
                .into_iter()
                .filter(|row| !row.known)
                .map(keyed)
                .collect();
            if !new.is_empty() {
                receipts::take_up(&mut db, name, &new).await?;
            }
            if let Some(settled) = settled {
                receipts::move_cursor(&mut db, name, settled).await?;
            }
            match last {
                Some(last) if full && Instant::now() < until => after = last,
                _ => break,
            }
        }
        receipts::look_again(&mut db, name, ErrorCode::OneCOrder.as_str()).await?;
        Ok(())
    }

    /// Why receipts must not go to a base as it is configured: it would get all that were ever
    /// sold, unasked.
    pub(super) async fn receipts_problem(
        &self,
        db: &mut PgConnection,
        base: &Base,
    ) -> Result<Option<BaseProblem>, Error> {
        if !base.export.receipts || base.export.since != Since::All {
            return Ok(None);
        }
        let name = base.name.as_str();
        let is_new = receipts::since(&mut *db, name).await?.is_none();
        let whole = is_new && receipts::any(db, &super::names(&base.shops)).await?;
        Ok(whole.then(|| BaseProblem {
            key: format!("onec.{name}.export.since"),
            sentence: "missing, and the shop's tills have sent receipts already, which 1C would \
                       get: write \"now\", or the time from which on they go"
                .to_owned(),
        }))
    }

    /// What 1C says of a document that is a receipt; none: it is about no receipt.
    pub(super) async fn take_in_of_receipt(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        item: &Item,
        kept: &Kept,
    ) -> Result<Option<Became>, Error> {
        let (facts, own): (Vec<_>, Vec<_>) =
            documents_of(item).into_iter().partition(|one| is_fact(one));
        let of = |list: &[&Document], name: fn(&Document) -> Option<&String>| {
            let names = list.iter().filter_map(|one| name(one));
            names.cloned().collect::<Vec<String>>()
        };
        let mut ids = of(&own, |one| one.id.as_ref());
        let mut numbers = of(&own, |one| one.number.as_ref());
        let bases = of(&facts, |one| one.basis.as_ref());
        ids.extend(bases.iter().cloned());
        numbers.extend(bases);
        if ids.is_empty() && numbers.is_empty() {
            return Ok(None);
        }
        let name = base.name.as_str();
        let mut found = receipts::find(&mut *tx, name, &numbers, &ids).await?;
        let Some(row) = found.pop() else {
            return Ok(None);
        };
        let is_own = |one: &&&Document| {
            one.id.as_ref() == Some(&row.doc_id) || one.number.as_ref() == Some(&row.doc_number)
        };
        let document = own.iter().find(is_own).copied();
        let mut another = !found.is_empty();
        if let Some(document) = document {
            let named = (document.number.as_deref(), document.id.as_deref());
            let orders = sides::find(&mut *tx, name, named.0, named.1).await?;
            another |= orders.iter().any(|order| order.number != row.number);
        }
        if another {
            let why = DocumentReason::TwoDocuments;
            return Ok(Some(Became::refused_for(ErrorCode::OneCTwoOrders, why)));
        }
        let key = (name, &*row.shop, &*row.number);
        let Some(document) = document else {
            let became = Became::applied().beside();
            return Ok(Some(became.of(&row.shop, &row.number)));
        };
        let times = row.document_at.zip(kept.formed_at);
        if times.is_some_and(|(then, now)| now < then) {
            let became = Became::overtaken(DocumentReason::NewerTaken);
            return Ok(Some(became.of(&row.shop, &row.number)));
        }
        receipts::say(&mut *tx, key, &said(document, kept)).await?;
        documents::overtake(&mut *tx, key, kept.id).await?;
        Ok(Some(Became::applied().of(&row.shop, &row.number)))
    }
}

/// All documents of an item, those inside others among them.
fn documents_of(item: &Item) -> Vec<&Document> {
    let own: Vec<&Document> = match item {
        Item::Document(one) => vec![&**one],
        Item::Package(package) => package.documents.iter().collect(),
        _ => Vec::new(),
    };
    let inside = own.iter().flat_map(|one| &one.subordinates);
    let inside: Vec<&Document> = inside.collect();
    own.into_iter().chain(inside).collect()
}

fn said<'a>(document: &'a Document, kept: &Kept) -> Said<'a> {
    let marks = [document.cancelled(), document.deleted];
    Said {
        onec_number: document.onec_number.as_deref(),
        status: document.status_name().or_else(|| document.status_id()),
        posted: document.posted(),
        cancelled: match marks {
            [None, None] => None,
            marks => Some(marks.contains(&Some(true))),
        },
        document: kept.id,
        at: kept.formed_at,
    }
}
