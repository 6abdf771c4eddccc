//! Orders and their goods: what a newest snapshot does to them, in the transaction that accepts it,
//! and what a status does that another system has given the order.

mod lines;
mod policy_change;
mod statuses;

pub use policy_change::GoodsDifference;

use super::cards::ask_for_the_goods;
use crate::{
    app::{Error, Stock, intake::event_reader::parse},
    domain::{EventBody, OrderKey, ShopName, Source, happening::GoodsEvent},
    formats::onec::Base,
    stock::{GoodsAct, GoodsStatus, OrderGoods, StockSettings},
    storage::{
        journal::{self, Line, LineKind},
        queue::{orders, outbox::NewEvent},
        stock::{self, shortages},
    },
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::{borrow::Cow, collections::BTreeMap};

/// The event by which an order is known.
#[derive(Debug, Clone, Copy)]
struct OrderEvent<'a> {
    key: &'a OrderKey,
    source: &'a str,
    id: &'a str,
}

/// What is to be done with the goods of an order.
struct GoodsOrder<'a> {
    key: OrderKey,
    /// The id of the event by which it is known.
    event: &'a str,
    /// As the database reads it.
    goods: Cow<'a, Value>,
}

impl Stock {
    /// What an event of an order means for goods, as the database reads it; none: its shop sells
    /// from no stock, or the event is of the past.
    pub(in crate::app) fn goods_of(&self, event: &NewEvent, value: &Value) -> Option<Value> {
        let key = OrderKey::new(&event.shop, &event.number);
        self.goods_in(named(&key, event), value, None)
    }

    /// The same, by the status that another system has given the order.
    fn goods_in(
        &self,
        OrderEvent { key, source, id }: OrderEvent<'_>,
        value: &Value,
        status: Option<&GoodsStatus>,
    ) -> Option<Value> {
        let goods = self.meant(key, value, status)?;
        let lines = goods.lines.iter().map(|line| {
            json!({
                "names": {
                    "product_id": line.product_id, "xml_id": line.xml_id, "sku": line.sku
                },
                "unit": line.unit,
                "quantity": line.quantity,
            })
        });
        Some(json!({
            "shop": key.shop,
            "number": key.number,
            "source": source,
            "event_id": id,
            "act": goods.act.as_str(),
            "paid": goods.paid,
            "store": goods.store,
            "at": goods.at,
            "lines": lines.collect::<Vec<_>>(),
        }))
    }

    /// What an event of an order means for its goods, by this status or else its own.
    fn meant(
        &self,
        key: &OrderKey,
        value: &Value,
        status: Option<&GoodsStatus>,
    ) -> Option<OrderGoods> {
        let stock = self.sells(&key.shop)?;
        let rules = self.registry.rules(&ShopName::parse(&key.shop).ok()?)?;
        Some(match parse(value, rules).ok()?.body {
            EventBody::Saved(snapshot) => {
                let two_way = self.registry.two_way(&key.shop)?;
                let finality = &two_way.policy.finality;
                let said = status
                    .is_none()
                    .then(|| GoodsStatus::said(&snapshot, finality));
                let status = status.or(said.as_ref())?;
                OrderGoods::of(&snapshot, status, &stock.orders)
            }
            EventBody::Deleted { .. } => OrderGoods::deleted(),
        })
    }

    /// The goods of orders follow the status that another system has given them, or that ended;
    /// `left`: when goods left that 1C has shipped, if it says so. The orders are locked, and their
    /// agreements are stored. An order of which only history came, and for which nothing is held,
    /// moves nothing.
    pub(in crate::app) async fn follow(
        &self,
        db: &mut PgConnection,
        orders: &[OrderKey],
        left: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let orders = self.selling(orders);
        if orders.is_empty() {
            return Ok(());
        }
        let (shops, numbers) = OrderKey::columns(orders);
        let mut statuses = self.statuses_of(db, (&shops, &numbers)).await?;
        let mut moved = Vec::new();
        for head in orders::heads(db, &shops, &numbers).await? {
            let key = OrderKey::new(&head.shop, &head.number);
            let Some(mut status) = statuses.remove(&key) else {
                continue;
            };
            if status.by == Source::OneC {
                status.goods.since = left.or(status.goods.since);
            }
            let Some(event) = head.event else {
                self.follow_without_event(db, &key, &status.goods).await?;
                continue;
            };
            let named = OrderEvent {
                key: &key,
                source: &event.source,
                id: &event.event_id,
            };
            // One that cannot be read is told by the letter of its event.
            let body = event.body.value().ok();
            let goods = body.and_then(|body| self.goods_in(named, body, Some(&status.goods)));
            moved.extend(goods.map(|goods| (key, event.event_id, goods)));
        }
        let moved = moved.iter().map(|(key, event, goods)| GoodsOrder {
            key: key.clone(),
            event,
            goods: Cow::Borrowed(goods),
        });
        move_goods(self, db, moved.collect()).await
    }

    /// What 1C has shipped of an order has left, where its shipments ship orders: `goods` are of
    /// all of them together. False: that had left already. The order is locked.
    pub(in crate::app) async fn ship_of_onec(
        &self,
        db: &mut PgConnection,
        base: &Base,
        key: &OrderKey,
        goods: &BTreeMap<String, Decimal>,
        left: Option<DateTime<Utc>>,
    ) -> Result<bool, Error> {
        let ships = |stock: &StockSettings| {
            let status = base.import.status_on_shipment.as_ref();
            status.is_some_and(|status| stock.orders.ship_on.contains(status))
        };
        if goods.is_empty() || !self.sells(&key.shop).is_some_and(ships) {
            return Ok(false);
        }
        let (ids, quantities): (Vec<String>, Vec<Decimal>) = goods
            .iter()
            .map(|(id, quantity)| (id.clone(), *quantity))
            .unzip();
        let name = base.name.as_str();
        Ok(stock::ship_of_onec(db, name, key, (&ids, &quantities), left).await?)
    }

    /// What [`Self::follow`] does where the order's last event is not kept any more: what is held
    /// for it is known still.
    async fn follow_without_event(
        &self,
        db: &mut PgConnection,
        key: &OrderKey,
        status: &GoodsStatus,
    ) -> Result<(), Error> {
        let policy = self.sells(&key.shop).map(|stock| &stock.orders);
        let act = policy.map(|policy| status.act(policy));
        for id in stock::held_for(db, key).await? {
            match act {
                Some(GoodsAct::Release) => stock::release(db, &key.shop, &id).await?,
                Some(GoodsAct::Ship) => stock::ship(db, (&key.shop, &id), None, None).await?,
                Some(GoodsAct::Hold | GoodsAct::Keep) | None => break,
            };
        }
        Ok(())
    }

    /// The stock that a shop of this name sells from.
    fn sells(&self, shop: &str) -> Option<&StockSettings> {
        self.stock_of(&ShopName::parse(shop).ok()?)
    }
}

/// An event of an order, by its names.
fn named<'a>(key: &'a OrderKey, event: &'a NewEvent) -> OrderEvent<'a> {
    OrderEvent {
        key,
        source: &event.source,
        id: &event.event_id,
    }
}

/// Does what events that were just stored mean for goods; the newest of each order counts. Where
/// the shop does not say yet what another system has given the order, that one's status does.
pub(in crate::app) async fn apply(
    stock: &Stock,
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<(), Error> {
    let goods: Vec<(OrderKey, &NewEvent, &Value)> = events
        .iter()
        .filter(|event| !event.later)
        .filter_map(|event| {
            let key = OrderKey::new(&event.shop, &event.number);
            Some((key, *event, event.goods.as_ref()?))
        })
        .collect();
    if goods.is_empty() {
        return Ok(());
    }
    let given = stock.given(db, goods.iter().map(|(key, event, _)| (key, *event)));
    let given = given.await?;
    let mut moved = Vec::new();
    for (key, event, said) in goods {
        let other = given.get(&key).and_then(|status| {
            let body: Value = serde_json::from_str(&event.body).ok()?;
            stock.goods_in(named(&key, event), &body, Some(&status.goods))
        });
        moved.push(GoodsOrder {
            key,
            event: &event.event_id,
            goods: other.map_or(Cow::Borrowed(said), Cow::Owned),
        });
    }
    move_goods(stock, db, moved).await
}

/// Moves goods and tells of it in the lives of their orders.
async fn move_goods(
    stock: &Stock,
    db: &mut PgConnection,
    mut orders: Vec<GoodsOrder<'_>>,
) -> Result<(), Error> {
    orders.sort_by(|one, other| one.key.cmp(&other.key));
    let (mut lines, mut short) = (Vec::new(), 0_u32);
    for GoodsOrder { key, event, goods } in orders {
        let order = &lines::countable(db, &key, &goods).await?;
        let did = stock::order(db, order).await?;
        if did.as_deref() == Some("short") {
            let own = (&*key.shop, &*key.number);
            let wanted = lines::wanted(order);
            shortages::explain(db, own, (None, None), Some(&wanted)).await?;
            if let Some(rule) = shortages::lost_now(db, &key).await? {
                let why = match &*rule {
                    "grown" => "заказ вырос, а нового товара на всё не хватило",
                    _ => "товара не было, когда заказ пришёл",
                };
                ask_for_the_goods(db, &stock.registry, &key, why).await?;
            }
        }
        let Some(what) = did.and_then(|did| event_of(&did)) else {
            continue;
        };
        short += u32::from(what == GoodsEvent::Short);
        lines.push(Line {
            shop: key.shop,
            number: key.number,
            kind: LineKind::Goods,
            what: what.into(),
            detail: Some(json!({ "event": event })),
        });
    }
    for _ in 0..short {
        stock.metrics.reservation("short");
    }
    Ok(journal::add(db, &lines).await?)
}

/// What was done; none: nothing that is worth a line.
fn event_of(did: &str) -> Option<GoodsEvent> {
    match did {
        "held" => Some(GoodsEvent::Held),
        "short" => Some(GoodsEvent::Short),
        "shipped" => Some(GoodsEvent::Shipped),
        "released" => Some(GoodsEvent::Released),
        _ => None,
    }
}
