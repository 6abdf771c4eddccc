//! More is reserved than there is: who loses, decided where the figures are locked, on record.
//!
//! A shortage is a state of a level, found again after every crash; nothing is queued. Whoever lost
//! is told by a message that is written with the loss.

use super::{
    acts::{or_later, repeated},
    cards::ask_for_the_goods,
    shortage_views::{Inputs, ShortageView},
};
use crate::{
    app::{Actor, Error, LaneWaker, Registry, Stock, lane_of},
    domain::{
        Fault, OrderKey, ShortageAct, ShortageCause,
        happening::{Act, GoodsEvent, Words},
    },
    stock::{Held, OtherStore, Settlement, Shortage, StockSettings, text},
    storage::{
        self, MoveCause,
        journal::{self, Line, LineKind},
        stock::{
            LevelFigures, LevelKey,
            shortages::{self, Elsewhere, NewShortage, ShortageFilter},
        },
    },
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Shortages that are judged in one turn.
const AT_ONCE: i64 = 100;
/// Reservations of a product that are ended in one turn because they have run out.
const EXPIRED_AT_ONCE: i32 = 1_000;
/// Why the newest unpaid lose.
const NEWEST: &str = "more was sold than there was, and this was the newest that is not paid";
/// Why somebody loses by a person's word.
const BY_HAND: &str = "more was sold than there was, and a person decided";

/// A person's word about one reservation of a shortage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortageRuling {
    /// The shop's id of the reservation.
    pub id: String,
    /// Its shop; none: the only one that has such a reservation.
    pub shop: Option<String>,
    /// The store where it is held from now on; none: it is lost.
    pub to: Option<String>,
}

/// A shortage whose reservations and levels are locked.
struct Locked {
    shortage: Shortage,
    elsewhere: Vec<Elsewhere>,
    version: i64,
}

impl Locked {
    /// The other stores, each with all that it has.
    fn others(&self, online_only: bool) -> Vec<OtherStore> {
        let mut others: Vec<OtherStore> = Vec::new();
        for row in self
            .elsewhere
            .iter()
            .filter(|row| row.online || !online_only)
        {
            if others.last().is_none_or(|last| last.name != row.store) {
                others.push(OtherStore {
                    name: row.store.clone(),
                    available: BTreeMap::new(),
                });
            }
            if let Some(last) = others.last_mut() {
                last.available.insert(row.product.clone(), row.available);
            }
        }
        others
    }
}

impl Stock {
    /// Judges what is short of a stock, by its rules; returns how many levels were judged.
    pub async fn settle_shortages(&self, of: &StockSettings) -> Result<usize, Error> {
        let name = of.name.as_str();
        let found = {
            let mut db = self.db.acquire().await?;
            shortages::close_ended(&mut db, name).await?;
            shortages::unjudged(&mut db, name, AT_ONCE).await?
        };
        let mut odd = None;
        for (product, store) in &found {
            let settled = repeated(false, || self.settle_shortage(of, product, store)).await;
            match or_later(settled, ()) {
                // It would fail the same way for ever: the others are judged.
                Err(error) if error.is_of_the_row() => odd = odd.or(Some(error)),
                settled => settled?,
            }
        }
        odd.map_or(Ok(found.len()), Err)
    }

    async fn settle_shortage(
        &self,
        of: &StockSettings,
        product: &str,
        store: &str,
    ) -> Result<(), Error> {
        let name = of.name.as_str();
        {
            // What has run out is nobody's.
            let mut db = self.db.acquire().await?;
            let products = [product.to_owned()];
            let due = Some(&products[..]);
            crate::storage::stock::expire(&mut db, Some(name), due, EXPIRED_AT_ONCE).await?;
        }
        let mut tx = self.db.begin().await?;
        let Some(locked) = lock(&mut tx, of, product, store).await? else {
            return Ok(());
        };
        let shortage = &locked.shortage;
        let settled = shortage.settle(&of.rules, &locked.others(true));
        let mut outcome = Vec::new();
        match &settled {
            Settlement::Review => {}
            Settlement::Move(moves) => {
                for (place, to) in moves {
                    let Some(one) = shortage.reservations.get(*place) else {
                        continue;
                    };
                    carry(&mut tx, shortage, one, to).await?;
                    outcome.push(json!({ "move": one.id, "shop": one.shop, "store": to }));
                }
            }
            Settlement::Drop(places) => {
                for place in places {
                    let Some(one) = shortage.reservations.get(*place) else {
                        continue;
                    };
                    let rule = ShortageAct::DropNewestUnpaid.as_str();
                    lose(&mut tx, &self.registry, one, (rule, NEWEST)).await?;
                    outcome.push(json!({ "drop": one.id, "shop": one.shop }));
                }
            }
        }
        let inputs = storage::written(&Inputs::of(shortage))?;
        let new = NewShortage {
            level: LevelKey {
                stock: name,
                product,
                store,
            },
            cause: shortage.cause,
            rule: settled.act(),
            sentence: &shortage.sentence(&settled),
            inputs: &inputs,
            outcome: &Value::Array(outcome),
            version: locked.version,
            closed: settled != Settlement::Review,
        };
        shortages::write(&mut tx, &new).await?;
        tx.commit().await?;
        self.metrics.shortage(settled.act().as_str());
        wake(&self.waker, shortage);
        Ok(())
    }

    /// Shortages, oldest first; of a shop alone only its own reservations are shown.
    pub async fn shortages(&self, filter: &ShortageFilter<'_>) -> Result<Vec<ShortageView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = shortages::list(&mut db, filter).await?;
        Ok(rows.into_iter().map(ShortageView::from).collect())
    }

    /// The shortages of a stock that wait for a person, oldest first.
    pub async fn open_shortages(&self, of: &str, limit: i64) -> Result<Vec<ShortageView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = shortages::open_of(&mut db, of, limit).await?;
        Ok(rows.into_iter().map(ShortageView::from).collect())
    }

    /// What was decided lately about shortages, the newest first.
    pub async fn settled_shortages(&self, limit: i64) -> Result<Vec<ShortageView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = shortages::latest(&mut db, limit).await?;
        Ok(rows.into_iter().map(ShortageView::from).collect())
    }

    /// One shortage, open or closed.
    pub async fn shortage(&self, id: i64) -> Result<Option<ShortageView>, Error> {
        let filter = ShortageFilter {
            closed: true,
            after: id.saturating_sub(1),
            limit: 1,
            ..ShortageFilter::default()
        };
        let found = self.shortages(&filter).await?.pop();
        Ok(found.filter(|shortage| shortage.id == id))
    }

    /// A person says what becomes of one reservation of an open shortage. The shortage closes when
    /// there is enough for the others.
    pub async fn rule_shortage(
        &self,
        id: i64,
        ruling: &ShortageRuling,
        who: &Actor,
    ) -> Result<(), Error> {
        repeated(true, || self.try_to_rule(id, ruling, who)).await
    }

    async fn try_to_rule(
        &self,
        id: i64,
        ruling: &ShortageRuling,
        who: &Actor,
    ) -> Result<(), Error> {
        let open = self.shortage(id).await?.ok_or(Error::NotFound)?;
        let configured = |stock: &&StockSettings| stock.name.as_str() == open.stock;
        let of = self
            .stocks()
            .iter()
            .find(configured)
            .ok_or(Error::NotFound)?;
        let mut tx = self.db.begin().await?;
        let Some(locked) = lock(&mut tx, of, &open.product, &open.store).await? else {
            return Err(Error::Decided);
        };
        let one = chosen(&locked.shortage, ruling)?;
        let act = match &ruling.to {
            None => {
                let why = (ShortageAct::Review.as_str(), BY_HAND);
                lose(&mut tx, &self.registry, one, why).await?;
                json!({ "drop": one.id, "shop": one.shop, "by": who.0 })
            }
            Some(to) => {
                can_go(one, to, &locked.others(false))?;
                carry(&mut tx, &locked.shortage, one, to).await?;
                json!({ "move": one.id, "shop": one.shop, "store": to, "by": who.0 })
            }
        };
        if !shortages::rule(&mut tx, id, &who.0, &act).await? {
            return Err(Error::Decided);
        }
        shortages::close_ended(&mut tx, &open.stock).await?;
        let told = Act::ShortageRuled {
            conflict: id,
            reservation: one.id.clone(),
            shop: one.shop.clone(),
        };
        journal::audit(&mut tx, &who.0, &told, &id.to_string(), &act).await?;
        tx.commit().await?;
        self.metrics.shortage("ruled");
        wake(&self.waker, &locked.shortage);
        Ok(())
    }
}

/// The reservation that a person named.
fn chosen<'a>(shortage: &'a Shortage, ruling: &ShortageRuling) -> Result<&'a Held, Error> {
    let named = |one: &&Held| {
        one.id == ruling.id && ruling.shop.as_ref().is_none_or(|shop| *shop == one.shop)
    };
    let mut found = shortage.reservations.iter().filter(named);
    let pointer = if ruling.to.is_some() {
        "/move"
    } else {
        "/drop"
    };
    let detail = match (found.next(), found.next()) {
        (Some(one), None) => return Ok(one),
        (Some(_), Some(_)) => "several shops have a reservation of that id: name the `shop`",
        _ => "no reservation of that id holds any of it there",
    };
    Err(fault(pointer, detail.to_owned()))
}

/// Whether a store can take what a reservation holds.
fn can_go(one: &Held, to: &str, others: &[OtherStore]) -> Result<(), Error> {
    if one.bound {
        let detail = "the reservation is picked up there: it cannot be held elsewhere";
        return Err(fault("/move", detail.to_owned()));
    }
    let store = others.iter().find(|store| store.name == to);
    let Some(store) = store else {
        let detail = format!("`{to}` is no other store of the stock that has the product");
        return Err(fault("/store", detail));
    };
    for (product, wanted) in &one.together {
        let there = store
            .available
            .get(product)
            .copied()
            .unwrap_or(Decimal::ZERO);
        if there < *wanted {
            let detail = format!("{to} has {} of {product} to sell", text(there));
            return Err(fault("/store", detail));
        }
    }
    Ok(())
}

fn fault(pointer: &str, detail: String) -> Error {
    Error::Invalid(vec![Fault {
        pointer: pointer.to_owned(),
        detail,
    }])
}

/// Reads a shortage with all that holds it and all that may relieve it locked; none: it is none, or
/// somebody came in between, and it is looked at again.
async fn lock(
    tx: &mut PgConnection,
    of: &StockSettings,
    product: &str,
    store: &str,
) -> Result<Option<Locked>, Error> {
    let level = LevelKey {
        stock: of.name.as_str(),
        product,
        store,
    };
    shortages::wait_briefly(tx).await?;
    let before = shortages::holders(tx, level).await?;
    let shops: Vec<String> = before.iter().map(|one| one.shop.clone()).collect();
    let ids: Vec<String> = before.iter().map(|one| one.id.clone()).collect();
    shortages::lock_reservations(tx, &shops, &ids).await?;
    let held = shortages::held_in(tx, (&shops, &ids), store).await?;
    let mut products: BTreeSet<String> = held.iter().map(|row| row.product.clone()).collect();
    products.insert(product.to_owned());
    let products: Vec<String> = products.into_iter().collect();
    shortages::lock_levels(tx, level.stock, &products).await?;
    let figures = shortages::figures(tx, level).await?;
    let Some(LevelFigures {
        on_hand,
        reserved,
        version,
    }) = figures
    else {
        return Ok(None);
    };
    let after = shortages::holders(tx, level).await?;
    let known = |one: &shortages::Holder| {
        before
            .iter()
            .any(|old| (&old.shop, &old.id) == (&one.shop, &one.id))
    };
    if reserved <= on_hand || after.is_empty() || !after.iter().all(known) {
        return Ok(None);
    }
    let cause = shortages::cause(tx, level).await?;
    let reservations = after.into_iter().map(|one| Held {
        together: held
            .iter()
            .filter(|row| (&row.shop, &row.id) == (&one.shop, &one.id))
            .filter(|row| !of.split || row.product == product)
            .map(|row| (row.product.clone(), row.quantity))
            .collect(),
        shop: one.shop,
        id: one.id,
        number: one.number,
        quantity: one.quantity,
        paid: one.paid,
        held_at: one.held_at,
        bound: one.bound,
    });
    Ok(Some(Locked {
        shortage: Shortage {
            product: product.to_owned(),
            store: store.to_owned(),
            on_hand,
            reserved,
            cause: cause.and_then(cause_of),
            reservations: reservations.collect(),
        },
        elsewhere: shortages::elsewhere(tx, level.stock, &products, store).await?,
        version,
    }))
}

/// The cause of a move in the ledger; `None`: it takes nothing off the shelf.
fn cause_of(moved: MoveCause) -> Option<ShortageCause> {
    Some(match moved {
        MoveCause::Reservation => return None,
        MoveCause::Shipment => ShortageCause::Shipment,
        MoveCause::Order => ShortageCause::Order,
        MoveCause::Count => ShortageCause::Count,
        MoveCause::Moved => ShortageCause::Moved,
        MoveCause::Receipt => ShortageCause::Receipt,
    })
}

/// What a reservation holds there is held in another store.
async fn carry(
    tx: &mut PgConnection,
    shortage: &Shortage,
    one: &Held,
    to: &str,
) -> Result<(), Error> {
    for product in one.together.keys() {
        let way = (&*shortage.store, to);
        shortages::carry(tx, (&one.shop, &one.id), product, way).await?;
    }
    let store = to.to_owned();
    tell_order(tx, one, GoodsEvent::HeldElsewhere { store }).await
}

/// A reservation is lost; its shop is told why.
async fn lose(
    tx: &mut PgConnection,
    registry: &Registry,
    one: &Held,
    (rule, reason): (&str, &str),
) -> Result<(), Error> {
    shortages::lose(tx, &one.shop, &one.id).await?;
    let why = (Some(rule), Some(reason));
    shortages::explain(tx, (&one.shop, &one.id), why, None).await?;
    if let Some(number) = &one.number {
        let order = OrderKey::new(&one.shop, number);
        ask_for_the_goods(tx, registry, &order, "товар продан раньше").await?;
    }
    let reason = Words(reason.to_owned());
    tell_order(tx, one, GoodsEvent::Lost { reason }).await
}

async fn tell_order(tx: &mut PgConnection, one: &Held, what: GoodsEvent) -> Result<(), Error> {
    let Some(number) = one.number.clone() else {
        return Ok(());
    };
    let line = Line {
        shop: one.shop.clone(),
        number,
        kind: LineKind::Goods,
        what: what.into(),
        detail: Some(json!({ "reservation": one.id })),
    };
    Ok(journal::add(tx, &[line]).await?)
}

/// Whoever may have lost is told at once.
fn wake(waker: &LaneWaker, shortage: &Shortage) {
    let shops: BTreeSet<&str> = shortage.reservations.iter().map(|one| &*one.shop).collect();
    for shop in shops {
        waker.wake(&lane_of(shop));
    }
}
