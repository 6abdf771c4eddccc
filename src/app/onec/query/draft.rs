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

/// Orders that wait, and what each of them says; and receipts.
pub(in crate::app::onec) struct Waiting {
    pub(super) orders: Vec<(WaitingRow, Event)>,
    pub(super) receipts: Vec<WaitingRow>,
}

impl Drafts {
    /// Reads what waiting orders say. Nothing is stored.
    pub(in crate::app::onec) async fn read_all(
        &self,
        db: &mut PgConnection,
        rows: Vec<WaitingRow>,
    ) -> Result<Waiting, Error> {
        let (receipts, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(WaitingRow::is_receipt);
        self.onec.load_clocks_of(&mut *db, &self.base).await?;
        let now = clock_offsets::now(&mut *db).await?;
        let read = |mut row: WaitingRow| {
            let event = self.read(&mut row, now);
            (row, event)
        };
        Ok(Waiting {
            orders: rows.into_iter().map(read).collect(),
            receipts,
        })
    }

    /// Writes orders; those that the base does not know yet are named. Nothing else is stored.
    pub(in crate::app::onec) async fn page(
        &self,
        tx: &mut PgConnection,
        Waiting { orders, receipts }: Waiting,
    ) -> Result<Page, Error> {
        let names = self.named(&mut *tx, &orders).await?;
        let goods = self.goods(&mut *tx, &orders).await?;
        let mut page = Page::default();
        for (row, event) in orders {
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
        orders: &[(WaitingRow, Event)],
    ) -> Result<BTreeMap<OrderKey, Identity>, Error> {
        let is_named = |row: &WaitingRow| row.doc_id.is_some() && row.doc_number.is_some();
        let fresh = orders.iter().filter(|(row, _)| !is_named(row));
        let fresh: Vec<_> = fresh
            .filter_map(|(row, event)| self.fresh(row, event))
            .collect();
        self.names(tx, orders.iter().map(|(row, _)| row), &fresh)
            .await
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
        orders: &[(WaitingRow, Event)],
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut skus = BTreeSet::new();
        for (body, _) in orders.iter().flat_map(|(_, event)| event) {
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
