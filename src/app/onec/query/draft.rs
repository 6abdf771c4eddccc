//! Waiting orders as documents of a base, in one version: whoever carries them there.

use super::turn::{Drafts, Event, Turn, number_of_version};
use crate::{
    app::Error,
    domain::{EventBody, OrderKey, ShopName},
    formats::{
        commerceml::write::Order,
        onec::order::{self, Identity},
    },
    storage::{
        journal::Line,
        onec::{
            goods,
            offers::Offer,
            orders::{self, Held, NamedRow, WaitingRow},
        },
        sync::clock_offsets,
    },
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of some orders that wait.
#[derive(Default)]
pub(in crate::app::onec) struct Page {
    /// What is written, side by side with `written`.
    pub(in crate::app::onec) offered: Vec<Offer>,
    /// The documents as CommerceML orders, in the order of their rows.
    pub(in crate::app::onec) written: Vec<Order>,
    /// Those that do not go.
    pub(in crate::app::onec) held: Vec<Held>,
    /// What is to be said of those that go.
    pub(in crate::app::onec) notes: Vec<Line>,
}

impl Drafts {
    /// Writes orders; those that the base does not know yet are named. Nothing else is stored.
    pub(in crate::app::onec) async fn page(
        &self,
        tx: &mut PgConnection,
        rows: Vec<WaitingRow>,
    ) -> Result<Page, Error> {
        let (receipts, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(WaitingRow::is_receipt);
        self.onec.load_clocks_of(&mut *tx, &self.base).await?;
        let now = clock_offsets::now(&mut *tx).await?;
        let events: Vec<Event> = rows.iter().map(|row| self.read(row, now)).collect();
        let names = self.named(&mut *tx, &rows, &events).await?;
        let goods = self.goods(&mut *tx, &events).await?;
        let mut page = Page::default();
        for (row, event) in rows.into_iter().zip(events) {
            let version = number_of_version(&row);
            let name = names.get(&OrderKey::new(&row.shop, &row.number));
            match self.turn((&row, event), name, &version, &goods) {
                Turn::Held(one) => page.held.push(one),
                Turn::Writes {
                    order,
                    status,
                    without_status,
                } => {
                    if without_status && row.doc_id.is_none() {
                        page.notes.push(self.note(&row));
                    }
                    page.offered.push(Offer {
                        shop: row.shop,
                        number: row.number,
                        head: row.head,
                        version,
                        resends: row.resends,
                        status,
                    });
                    page.written.push(*order);
                }
            }
        }
        self.receipts(tx, receipts, &mut page).await?;
        Ok(page)
    }

    /// By what the base knows each order of a page; those that it does not know yet are named.
    async fn named(
        &self,
        tx: &mut PgConnection,
        rows: &[WaitingRow],
        events: &[Event],
    ) -> Result<BTreeMap<OrderKey, Identity>, Error> {
        let is_named = |row: &WaitingRow| row.doc_id.is_some() && row.doc_number.is_some();
        let events = rows.iter().zip(events);
        let fresh = events.filter(|(row, _)| !is_named(row));
        let fresh: Vec<_> = fresh
            .filter_map(|(row, event)| self.fresh(row, event))
            .collect();
        self.names(tx, rows.iter(), &fresh).await
    }

    /// By what the base knows these: those that it was told of, and those that are named now.
    pub(super) async fn names<'a>(
        &self,
        tx: &mut PgConnection,
        rows: impl Iterator<Item = &'a WaitingRow>,
        fresh: &[NamedRow],
    ) -> Result<BTreeMap<OrderKey, Identity>, Error> {
        let mut names = BTreeMap::new();
        for row in rows {
            if let (Some(id), Some(number)) = (&row.doc_id, &row.doc_number) {
                let (id, number) = (id.clone(), number.clone());
                let order = OrderKey::new(&row.shop, &row.number);
                names.insert(order, Identity { id, number });
            }
        }
        if !fresh.is_empty() {
            let base = self.base.name.as_str();
            for row in orders::name(&mut *tx, base, fresh).await? {
                let name = Identity {
                    id: row.doc_id,
                    number: row.doc_number,
                };
                let order = OrderKey {
                    shop: row.shop,
                    number: row.number,
                };
                names.insert(order, name);
            }
        }
        Ok(names)
    }

    /// The identity of an order that goes for the first time; none where it does not go.
    fn fresh(&self, row: &WaitingRow, event: &Event) -> Option<NamedRow> {
        let (body, received_at) = event.as_ref().ok()?;
        let EventBody::Saved(order) = body else {
            return None;
        };
        if self.holds(order, *received_at).is_some() {
            return None;
        }
        let shop = ShopName::parse(&row.shop).ok()?;
        let name = order::identity(&self.base, &shop, order);
        Some(NamedRow {
            shop: row.shop.clone(),
            number: row.number.clone(),
            doc_id: name.id,
            doc_number: name.number,
        })
    }

    /// 1C's own ids of the goods that the orders name by their articles alone.
    async fn goods(
        &self,
        tx: &mut PgConnection,
        events: &[Event],
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut skus = BTreeSet::new();
        for (body, _) in events.iter().flatten() {
            if let EventBody::Saved(order) = body {
                skus.extend(order.items.iter().filter_map(|item| item.sku.clone()));
            }
        }
        if skus.is_empty() {
            return Ok(BTreeMap::new());
        }
        let skus: Vec<String> = skus.into_iter().collect();
        let base = self.base.name.as_str();
        let found = goods::by_sku(tx, base, &skus).await?;
        Ok(found.into_iter().collect())
    }
}
