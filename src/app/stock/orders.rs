//! Orders and their goods: what a newest snapshot does to them, in the transaction that accepts it,
//! and what a status does that another system has given the order.

use super::cards::ask_for_the_goods;
use crate::{
    app::{Error, Stock, intake::event_reader::parse, sync::order::status::counted_status},
    domain::{ErrorCode, EventBody, OrderKey, ShopName, Source, happening::GoodsEvent},
    formats::onec::Base,
    process::bug,
    stock::{GoodsAct, GoodsStatus, OrderGoods, StockSettings},
    storage::{
        journal::{self, Line, LineKind},
        queue::{orders, outbox::NewEvent},
        stock::{self, shortages},
        sync::{
            agreements::{self, Row},
            clock_offsets,
        },
    },
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

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

/// The one status of an order among several systems.
struct OrderStatus {
    by: Source,
    /// It is what the shop says.
    is_shops: bool,
    goods: GoodsStatus,
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
        let stock = self.sells(&key.shop)?;
        let rules = self.registry.rules(&ShopName::parse(&key.shop).ok()?)?;
        let goods = match parse(value, rules).ok()?.body {
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
        };
        let lines = goods.lines.iter().map(|line| {
            json!({
                "names": { "product_id": line.product_id, "sku": line.sku },
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
        let orders: BTreeSet<OrderKey> = orders
            .iter()
            .filter(|key| self.sells(&key.shop).is_some())
            .cloned()
            .collect();
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

    /// The statuses by which the goods of locked orders move. Of an order that the shop has
    /// deleted, and of one whose agreement cannot be read, there is none.
    async fn statuses_of(
        &self,
        db: &mut PgConnection,
        (shops, numbers): (&[String], &[String]),
    ) -> Result<HashMap<OrderKey, OrderStatus>, Error> {
        let now = clock_offsets::now(db).await?;
        let mut statuses = HashMap::new();
        for row in agreements::lock(db, shops, numbers).await? {
            // The comparison of its order tells what is wrong with it.
            let Ok(row) = row.into_row() else { continue };
            if let Some(status) = bug::caught(|| self.status_of(&row, now))? {
                statuses.insert(OrderKey::new(&row.shop, &row.number), status);
            }
        }
        Ok(statuses)
    }

    /// The statuses that orders have by another system than their shop, whose events just came.
    async fn given<'a>(
        &self,
        db: &mut PgConnection,
        events: impl Iterator<Item = (&'a OrderKey, &'a NewEvent)>,
    ) -> Result<HashMap<OrderKey, OrderStatus>, Error> {
        let strays = |event: &NewEvent| {
            let two_way = self.registry.two_way(&event.shop)?;
            let status = event.said.get("status")?.as_str()?;
            let map = &two_way.policy.statuses;
            Some(map.is_of_another(status, Source::Shop))
        };
        let (mut orders, mut asked) = (BTreeSet::new(), BTreeSet::new());
        for (key, event) in events {
            if strays(event) == Some(true) {
                orders.insert(key.clone());
            } else {
                asked.insert(key.clone());
            }
        }
        let (shops, numbers) = OrderKey::columns(asked);
        orders.extend(agreements::told(db, &shops, &numbers).await?);
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let (shops, numbers) = OrderKey::columns(orders);
        let mut statuses = self.statuses_of(db, (&shops, &numbers)).await?;
        statuses.retain(|_, status| !status.is_shops);
        Ok(statuses)
    }

    fn status_of(&self, row: &Row, now: DateTime<Utc>) -> Option<OrderStatus> {
        let said = row.said.as_ref().filter(|said| !said.deleted)?;
        let status = said.status.as_deref()?;
        let two_way = self.registry.two_way(&row.shop)?;
        let shop = ShopName::parse(&row.shop).ok()?;
        let portal = &self.registry.rules(&shop)?.portal;
        let clocks = self.clocks.clocks_of(&row.shop, portal.as_str());
        let agreed = row.agreed.as_ref();
        let policy = &two_way.policy;
        let counted = counted_status((said, status), agreed, (policy, clocks), now);
        let is_shops = counted.status == status;
        // Its shop cannot bring the order into that status: it is put back.
        let strays = is_shops
            && counted.by == Source::Shop
            && policy.statuses.is_of_another(status, Source::Shop);
        let former = agreed.filter(|agreed| {
            strays && agreed.status != status && agreed.insists.as_deref() != Some(status)
        });
        let counts = former.map_or(&*counted.status, |agreed| &*agreed.status);
        let since = match counted.by {
            _ if former.is_some() => None,
            _ if is_shops => said.since,
            Source::Bitrix24 => agreed
                .and_then(|agreed| agreed.portal_since)
                .map(|at| clocks.portal.to_ours(at))
                .or(counted.at),
            _ => counted.at,
        };
        let cancelled = is_shops && former.is_none() && said.cancelled;
        Some(OrderStatus {
            by: counted.by,
            is_shops: is_shops && former.is_none(),
            goods: GoodsStatus::of(counts, (said.paid, cancelled), since, &policy.finality),
        })
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
        let order = &without_other_units(db, &key, &goods).await?;
        let did = stock::order(db, order).await?;
        if did.as_deref() == Some("short") {
            let own = (&*key.shop, &*key.number);
            let wanted = wanted(order);
            shortages::explain(db, own, (None, None), Some(&wanted)).await?;
            if shortages::lost_now(db, &key).await? {
                ask_for_the_goods(
                    db,
                    &stock.registry,
                    &key,
                    "товара не было, когда заказ пришёл",
                )
                .await?;
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

/// The order with quantities that can be added up. A line that is in another unit than its product
/// is told in the order's life, and stands for what is held of that: nothing more, nothing less.
async fn without_other_units<'a>(
    db: &mut PgConnection,
    key: &OrderKey,
    order: &'a Value,
) -> Result<Cow<'a, Value>, Error> {
    let lines = order.get("lines").and_then(Value::as_array);
    let counts = ["hold", "ship"].contains(&order["act"].as_str().unwrap_or_default());
    let said = |line: &Value| line.get("unit").is_some_and(Value::is_string);
    let Some(lines) = lines.filter(|lines| counts && lines.iter().any(said)) else {
        return Ok(Cow::Borrowed(order));
    };
    let odd = stock::lines_in_other_units(db, order).await?;
    if odd.is_empty() {
        return Ok(Cow::Borrowed(order));
    }
    let (mut left, mut all) = (Vec::new(), order.clone());
    for (nth, line) in (1_i64..).zip(lines) {
        let Some(found) = odd.iter().find(|one| one.nth == nth) else {
            left.push(line.clone());
            continue;
        };
        if let Some(held) = &found.held {
            let mut line = line.clone();
            line["quantity"] = Value::from(held.as_str());
            left.push(line);
        }
        let what = GoodsEvent::OtherUnit {
            line: nth.to_string(),
            unit: found.unit.clone(),
            product: found.product.clone(),
            counted: found.counted.clone(),
        };
        let told = Line {
            shop: key.shop.clone(),
            number: key.number.clone(),
            kind: LineKind::Goods,
            what: what.into(),
            detail: Some(json!({ "line": nth, "code": ErrorCode::OtherUnit.as_str() })),
        };
        journal::add_once(db, &told).await?;
    }
    all["lines"] = Value::Array(left);
    Ok(Cow::Owned(all))
}

/// What an order wanted, as a shop is told of it: no store had it.
fn wanted(order: &Value) -> Value {
    let lines = order.get("lines").and_then(Value::as_array);
    let line = |(nth, line): (usize, &Value)| {
        let name = |kind: &str| line.pointer(kind).filter(|name| !name.is_null());
        json!({
            "line": (nth + 1).to_string(),
            "product": name("/names/product_id").or_else(|| name("/names/sku")),
            "quantity": line.get("quantity"),
        })
    };
    lines.into_iter().flatten().enumerate().map(line).collect()
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
