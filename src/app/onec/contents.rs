//! Contents of orders that were changed in 1C. The shop is told once; where they are 1C's to say,
//! the deal shows them, and the shop's changes are told to be none.

use super::sides::{Kept, Order};
use crate::{
    app::{Error, Onec, delivery::claim::mastered, intake::event_reader},
    domain::{EventBody, OrderKey, happening::GoodsEvent},
    formats::{
        commerceml::{Document, write::Order as Sheet},
        onec::{
            Base,
            contents::{OneCContents, contents_of, hold_the_same, of_onec, overlaid},
            order::{self, Identity, Writing},
        },
    },
    process::bug,
    storage::{
        Json, MessageKind,
        journal::{self, Line, LineKind},
        onec::{contents as masters, goods, sides},
        queue,
        sync::messages,
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

/// Orders that are looked at in one round.
const AT_ONCE: i64 = 100;

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
        let (shop, number) = (order.row.shop.clone(), order.row.number.clone());
        let is_master = order.base.is_master(&shop);
        if !may_differ(order, document, kept, is_master) {
            return Ok(());
        }
        let Some(contents) = OneCContents::of(document, order.base) else {
            return Ok(());
        };
        let Some(sent) = self.own_sheet(tx, order, order.side.head).await? else {
            return Ok(());
        };
        let key = (order.base.name.as_str(), &*shop, &*number);
        let snapshot = contents.snapshot(&number);
        if is_master {
            let is_same = contents.is_same(&sent, order.base);
            let now = (&snapshot, is_same);
            self.keep_contents(tx, key, order.side.head, now).await?;
        }
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
            return note(tx, OrderKey { shop, number }, what, kept.id).await;
        }
        let body = json!({"number": number, "source": "onec", "snapshot": snapshot});
        let of = (&*shop, &*number, Some(&*number));
        messages::add(&mut *tx, MessageKind::OrderContents, of, &body).await?;
        let (there, here) = (contents.total.to_string(), sent.total.to_string());
        let lines_there = contents.lines().to_string();
        let lines_here = sent.lines.len().to_string();
        let what = match contents.changes(&sent) {
            Some(changes) if is_master => GoodsEvent::OnecOwnLines { changes },
            Some(changes) => GoodsEvent::OnecOtherLines { changes },
            // The currency alone.
            None if is_master => GoodsEvent::OnecOwnContents {
                there,
                lines_there,
                here,
                lines_here,
            },
            None => GoodsEvent::OnecOtherContents {
                there,
                lines_there,
                here,
                lines_here,
            },
        };
        note(tx, OrderKey { shop, number }, what, kept.id).await
    }

    /// Stores what 1C has of an order whose contents are its to say; the deal follows. What is the
    /// same as the shop's is kept as the shop has it.
    async fn keep_contents(
        &self,
        tx: &mut PgConnection,
        key: (&str, &str, &str),
        head: i64,
        (snapshot, is_same): (&Value, bool),
    ) -> Result<(), Error> {
        let Some(row) = sides::event(&mut *tx, head).await? else {
            return Ok(());
        };
        let Ok(event) = row.body.value() else {
            return Ok(());
        };
        let data = if is_same {
            contents_of(event)
        } else {
            of_onec(snapshot, event)
        };
        let (_, shop, number) = key;
        if masters::put(&mut *tx, key, &data, head).await? {
            queue::orders::wake(tx, shop, number, false).await?;
        }
        Ok(())
    }

    /// Looks at what shops have sent of orders whose contents are the base's to say: a change of
    /// the shop's is none, and is told once.
    pub(super) async fn watch_contents(&self, base: &Base) -> Result<(), Error> {
        let name = base.name.as_str();
        let owned = super::names(&base.masters);
        let mut tx = self.db.begin().await?;
        for OrderKey { shop, number } in masters::release(&mut tx, name, &owned, AT_ONCE).await? {
            queue::orders::wake(&mut tx, &shop, &number, false).await?;
        }
        tx.commit().await?;
        if owned.is_empty() {
            return Ok(());
        }
        let rows = {
            let mut db = self.db.acquire().await?;
            masters::changed(&mut db, name, AT_ONCE).await?
        };
        for row in &rows {
            let mut tx = self.db.begin().await?;
            let (shops, numbers) = ([row.shop.clone()], [row.number.clone()]);
            queue::orders::lock(&mut tx, &shops, &numbers).await?;
            self.tell_change(&mut tx, row).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn tell_change(
        &self,
        tx: &mut PgConnection,
        row: &masters::ChangedRow,
    ) -> Result<(), Error> {
        let (shop, number) = (&*row.shop, &*row.number);
        let (Ok(rules), Ok(event)) = (self.intake.rules_of(shop), row.body.value()) else {
            masters::looked(tx, row, row.shops.as_deref()).await?;
            return Ok(());
        };
        let read = |event: &Value| {
            let event = event_reader::parse(event, rules).ok()?;
            match event.body {
                EventBody::Saved(snapshot) => Some(snapshot),
                EventBody::Deleted { .. } => None,
            }
        };
        let own = row.data.value();
        let Some((data, mastered)) = own
            .ok()
            .and_then(|data| Some((data, overlaid(event, data)?)))
        else {
            // The portal's lane tells it, when the order is due there.
            masters::looked(tx, row, row.shops.as_deref()).await?;
            return Ok(());
        };
        // One at which the reading fails stops no other, as one that cannot be read does.
        let (own, counting) = bug::caught(|| (read(event), read(&mastered))).unwrap_or_default();
        let (Some(own), Some(counting)) = (own, counting) else {
            masters::looked(tx, row, row.shops.as_deref()).await?;
            return Ok(());
        };
        let print = hex::encode(Sha256::digest(contents_of(event).to_string()));
        let print = Some(print).filter(|_| !hold_the_same(&own, &counting));
        let is_news = print.is_some() && print != row.shops;
        if !masters::looked(&mut *tx, row, print.as_deref()).await? || !is_news {
            return Ok(());
        }
        let mut snapshot = data.clone();
        snapshot["number"] = number.into();
        let body = json!({"number": number, "source": "onec", "snapshot": snapshot});
        let of = (shop, number, Some(number));
        messages::add(&mut *tx, MessageKind::OrderContents, of, &body).await?;
        let what = GoodsEvent::ShopOtherContents {
            shops: own.total.normalize().to_string(),
            counts: counting.total.normalize().to_string(),
        };
        let line = Line {
            shop: shop.to_owned(),
            number: number.to_owned(),
            kind: LineKind::Note,
            what: what.into(),
            detail: None,
        };
        Ok(journal::add(tx, &[line]).await?)
    }

    /// One of the order's events as it is written for 1C, with the contents that count; none: it is
    /// kept no longer, or cannot be.
    pub(super) async fn sheet(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        event: i64,
    ) -> Result<Option<Sheet>, Error> {
        let (shop, number) = (&*order.row.shop, &*order.row.number);
        let contents = if order.base.is_master(shop) {
            masters::of_order(&mut *tx, shop, number).await?
        } else {
            None
        };
        self.sheet_with(tx, order, event, contents.as_ref()).await
    }

    /// The same with the contents that the shop has.
    async fn own_sheet(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        event: i64,
    ) -> Result<Option<Sheet>, Error> {
        self.sheet_with(tx, order, event, None).await
    }

    async fn sheet_with(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        event: i64,
        contents: Option<&Json>,
    ) -> Result<Option<Sheet>, Error> {
        let (base, shop) = (order.base, &*order.row.shop);
        let row = sides::event(&mut *tx, event).await?;
        let (Some(row), Ok(rules)) = (row, self.intake.rules_of(shop)) else {
            return Ok(None);
        };
        let Ok(value) = row.body.value() else {
            return Ok(None);
        };
        let key = &OrderKey::new(shop, &order.row.number);
        let mastered = contents.map(|contents| mastered(value, contents, key));
        let mastered = mastered.transpose()?;
        let value = mastered.as_ref().unwrap_or(value);
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
            onec_number: order.side.onec_number.clone(),
            number_of_version: String::new(),
            received_at: row.received_at,
            goods: &found.into_iter().collect(),
        };
        let written = bug::caught(|| order::write(&with, &snapshot))?;
        Ok(written.ok().map(|written| written.order))
    }
}

/// Whether a document may show that somebody changed the contents in 1C. One that cancels says
/// nothing of them; an older one, and one of a version that was compared, nothing new. What is 1C's
/// to say it says whether or not it has the shop's newest.
fn may_differ(order: &Order<'_>, document: &Document, kept: &Kept, is_master: bool) -> bool {
    let side = &order.side;
    let has_newest = side.confirmed == Some(side.head) && !side.waits;
    let may_say = has_newest || is_master && side.confirmed.is_some();
    let is_older = side
        .confirmed_at
        .zip(kept.came)
        .is_some_and(|(confirmed, came)| came < confirmed);
    let is_known = document.version.is_some() && document.version == side.version;
    let cancels = document.deleted == Some(true) || document.cancelled() == Some(true);
    may_say && !is_older && !is_known && !cancels
}

async fn note(
    tx: &mut PgConnection,
    OrderKey { shop, number }: OrderKey,
    what: GoodsEvent,
    document: i64,
) -> Result<(), Error> {
    let line = Line {
        shop,
        number,
        kind: LineKind::Note,
        what: what.into(),
        detail: Some(json!({"document": document})),
    };
    Ok(journal::add(tx, &[line]).await?)
}
