//! Contents of orders that were changed in 1C: the shop, whose they are, is told once.

use super::sides::{Kept, Order};
use crate::{
    app::{Error, Onec, intake::event_reader},
    domain::{EventBody, happening::GoodsEvent},
    formats::{
        commerceml::{Document, write::Order as Sheet},
        onec::{
            contents::OneCContents,
            order::{self, Identity, Writing},
        },
    },
    process::bug,
    storage::{
        journal::{self, Line},
        onec::{goods, sides},
        sync::messages,
    },
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

impl Onec {
    /// Compares the contents that a document has with those that were sent, if 1C has confirmed the
    /// newest; tells the shop once where they differ.
    pub(super) async fn tell_contents(
        &self,
        tx: &mut PgConnection,
        order: &mut Order<'_>,
        document: &Document,
        kept: &Kept,
    ) -> Result<(), Error> {
        if !may_differ(order, document, kept) {
            return Ok(());
        }
        let Some(contents) = OneCContents::of(document, order.base) else {
            return Ok(());
        };
        let Some(sent) = self.sheet(tx, order, order.side.head).await? else {
            return Ok(());
        };
        let (shop, number) = (order.row.shop.clone(), order.row.number.clone());
        let key = (order.base.name.as_str(), &*shop, &*number);
        let snapshot = contents.snapshot(&number);
        let print = hex::encode(Sha256::digest(snapshot.to_string()));
        let print = Some(print).filter(|_| !contents.is_same(&sent, order.base));
        let before = std::mem::replace(&mut order.side.contents, print);
        order.side.version.clone_from(&document.version);
        sides::save_side(&mut *tx, key, &order.side).await?;
        if order.side.contents == before {
            return Ok(());
        }
        if order.side.contents.is_none() {
            let what = GoodsEvent::OnecSameContents;
            return note(tx, (&shop, &number), what, kept.id).await;
        }
        let body = json!({"number": number, "source": "onec", "snapshot": snapshot});
        let of = (&*shop, &*number, Some(&*number));
        messages::add(&mut *tx, "bridge.order.contents.v1", of, &body).await?;
        let what = GoodsEvent::OnecOtherContents {
            there: contents.total.to_string(),
            lines_there: contents.lines().to_string(),
            here: sent.total.to_string(),
            lines_here: sent.lines.len().to_string(),
        };
        note(tx, (&shop, &number), what, kept.id).await
    }

    /// One of the order's events as it is written for 1C; none: it is kept no longer, or cannot be.
    pub(super) async fn sheet(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        event: i64,
    ) -> Result<Option<Sheet>, Error> {
        let (base, shop) = (order.base, &*order.row.shop);
        let row = sides::event(&mut *tx, event).await?;
        let (Some(row), Ok(rules)) = (row, self.intake.rules_of(shop)) else {
            return Ok(None);
        };
        let Ok(value) = row.body.value() else {
            return Ok(None);
        };
        let event = bug::caught(|| event_reader::parse(value, rules))?;
        let Some(EventBody::Saved(snapshot)) = event.ok().map(|event| event.body) else {
            return Ok(None);
        };
        let (Some(id), Some(number)) = (&order.side.doc_id, &order.side.doc_number) else {
            return Ok(None);
        };
        let skus = snapshot.items.iter().filter_map(|item| item.sku.clone());
        let skus: Vec<String> = skus.collect();
        let found = goods::by_sku(tx, base.name.as_str(), &skus).await?;
        let words = self.shop_words(shop);
        let with = Writing {
            base,
            shop: &words,
            version: base.version_max,
            identity: &Identity {
                id: id.clone(),
                number: number.clone(),
            },
            number_of_version: String::new(),
            received_at: row.received_at,
            goods: &found.into_iter().collect(),
        };
        let written = bug::caught(|| order::write(&with, &snapshot))?;
        Ok(written.map(|written| written.order))
    }
}

/// Whether a document may show that somebody changed the contents in 1C. One that cancels says
/// nothing of them; an older one, and one of a version that was compared, nothing new.
fn may_differ(order: &Order<'_>, document: &Document, kept: &Kept) -> bool {
    let side = &order.side;
    let has_newest = side.confirmed == Some(side.head) && !side.waits;
    let is_older = side
        .confirmed_at
        .zip(kept.came)
        .is_some_and(|(confirmed, came)| came < confirmed);
    let is_known = document.version.is_some() && document.version == side.version;
    let cancels = document.deleted == Some(true) || document.cancelled() == Some(true);
    has_newest && !is_older && !is_known && !cancels
}

async fn note(
    tx: &mut PgConnection,
    (shop, number): (&str, &str),
    what: GoodsEvent,
    document: i64,
) -> Result<(), Error> {
    let line = Line {
        shop: shop.to_owned(),
        number: number.to_owned(),
        kind: "note",
        what: what.into(),
        detail: Some(json!({"document": document})),
    };
    Ok(journal::add(tx, &[line]).await?)
}
