//! Waiting orders as documents of a base, in one version: whoever carries them there.

use super::{
    stopped,
    turn::{Drafts, Event, Shops, Turn, number_of_version},
};
use crate::{
    app::Error,
    domain::{EventBody, OrderKey, ShopName},
    formats::{
        commerceml::write::{Order, Orders},
        onec::{
            ShopWords,
            order::{self, Identity},
        },
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
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What becomes of some orders that wait.
pub(in crate::app::onec) struct Page<D> {
    /// What is written, side by side with the documents.
    pub(in crate::app::onec) offered: Vec<Offer>,
    /// The documents, in the order of their rows.
    pub(in crate::app::onec) documents: D,
    /// Those that do not go.
    pub(in crate::app::onec) held: Vec<Held>,
    /// What is to be said of those that go.
    pub(in crate::app::onec) notes: Vec<Line>,
}

/// What takes documents, each as soon as it is made.
pub(in crate::app::onec) trait Documents: Send + 'static {
    /// Takes the next one.
    fn take(&mut self, order: Order);
}

impl Documents for Vec<Order> {
    fn take(&mut self, order: Order) {
        self.push(order);
    }
}

impl Documents for Orders<Vec<u8>> {
    fn take(&mut self, order: Order) {
        // Memory takes everything.
        let _ = self.order(&order);
    }
}

/// Does what takes a processor for a while, on a thread where nobody else waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| stopped(&error))
}

/// Orders that wait, and what each of them says; and receipts.
pub(in crate::app::onec) struct Waiting {
    pub(super) orders: Vec<(WaitingRow, Event)>,
    pub(super) receipts: Vec<WaitingRow>,
}

impl Drafts {
    /// Reads what waiting orders say. Nothing is stored.
    pub(in crate::app::onec) async fn read_all(
        self: &Arc<Self>,
        db: &mut PgConnection,
        rows: Vec<WaitingRow>,
    ) -> Result<Waiting, Error> {
        self.onec.load_clocks_of(&mut *db, &self.base).await?;
        let now = clock_offsets::now(&mut *db).await?;
        let drafts = Arc::clone(self);
        aside(move || drafts.read_rows(rows, now)).await
    }

    fn read_rows(&self, rows: Vec<WaitingRow>, now: DateTime<Utc>) -> Waiting {
        let (receipts, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(WaitingRow::is_receipt);
        let mut shops = Shops::default();
        let read = |mut row: WaitingRow| {
            let event = self.read(&mut row, &mut shops, now);
            (row, event)
        };
        Waiting {
            orders: rows.into_iter().map(read).collect(),
            receipts,
        }
    }

    /// Writes orders; those that the base does not know yet are named. Nothing else is stored.
    pub(in crate::app::onec) async fn page<D: Documents>(
        self: &Arc<Self>,
        tx: &mut PgConnection,
        Waiting { orders, receipts }: Waiting,
        documents: D,
    ) -> Result<Page<D>, Error> {
        let names = self.named(&mut *tx, &orders).await?;
        let goods = self.goods(&mut *tx, &orders).await?;
        let page = Page {
            offered: Vec::with_capacity(orders.len()),
            documents,
            held: Vec::new(),
            notes: Vec::new(),
        };
        let drafts = Arc::clone(self);
        let mut page = aside(move || drafts.write(orders, (&names, &goods), page)).await?;
        self.receipts(tx, receipts, &mut page).await?;
        Ok(page)
    }

    fn write<D: Documents>(
        &self,
        orders: Vec<(WaitingRow, Event)>,
        (names, goods): (&BTreeMap<OrderKey, Identity>, &BTreeMap<String, String>),
        mut page: Page<D>,
    ) -> Page<D> {
        let mut words: BTreeMap<String, ShopWords> = BTreeMap::new();
        for (mut row, event) in orders {
            let version = number_of_version(&row);
            let is_new = row.doc_id.is_none();
            let own = row.doc_id.take().zip(row.doc_number.take());
            let own = own.map(|(id, number)| Identity { id, number });
            let given = || names.get(&OrderKey::new(&row.shop, &row.number));
            let name = own.as_ref().or_else(given);
            if !words.contains_key(&row.shop) {
                words.insert(row.shop.clone(), self.onec.shop_words(&row.shop));
            }
            let with = (&words[&row.shop], goods);
            match self.turn((&row, event), name, &version, with) {
                Turn::Held(one) => page.held.push(one),
                Turn::Writes {
                    order,
                    status,
                    without_status,
                } => {
                    if without_status && is_new {
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
                    page.documents.take(*order);
                }
            }
        }
        page
    }

    /// Names the orders of a page that the base does not know yet: by what it knows each of them.
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
        self.names(tx, std::iter::empty(), &fresh).await
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
