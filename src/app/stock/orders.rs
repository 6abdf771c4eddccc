//! Orders and their goods: what a newest snapshot does to them, in the transaction that accepts it.

use super::cards::ask_for_the_goods;
use crate::{
    app::{Error, Stock, intake::event_reader::parse},
    domain::{ErrorCode, EventBody, OrderKey, ShopName, happening::GoodsEvent},
    stock::OrderGoods,
    storage::{
        journal::{self, Line, LineKind},
        queue::outbox::NewEvent,
        stock::{self, shortages},
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::borrow::Cow;

impl Stock {
    /// What an event of an order means for goods, as the database reads it; none: its shop sells
    /// from no stock, or the event is of the past.
    pub(in crate::app) fn goods_of(&self, event: &NewEvent, value: &Value) -> Option<Value> {
        let shop = ShopName::parse(&event.shop).ok()?;
        let stock = self.stock_of(&shop)?;
        let rules = self.registry.rules(&shop)?;
        let goods = match parse(value, rules).ok()?.body {
            EventBody::Saved(snapshot) => OrderGoods::of(&snapshot, stock),
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
            "shop": event.shop,
            "number": event.number,
            "source": event.source,
            "event_id": event.event_id,
            "act": goods.act.as_str(),
            "paid": goods.paid,
            "store": goods.store,
            "at": goods.at,
            "lines": lines.collect::<Vec<_>>(),
        }))
    }
}

/// Does what events that were just stored mean for goods; the newest of each order counts.
pub(in crate::app) async fn apply(
    stock: &Stock,
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<(), Error> {
    let mut goods: Vec<(&NewEvent, &Value)> = events
        .iter()
        .filter(|event| !event.later)
        .filter_map(|event| Some((*event, event.goods.as_ref()?)))
        .collect();
    goods.sort_by_key(|(event, _)| (&event.shop, &event.number));
    let (mut lines, mut short) = (Vec::new(), 0_u32);
    for (event, order) in goods {
        let order = &without_other_units(db, event, order).await?;
        let did = stock::order(db, order).await?;
        if did.as_deref() == Some("short") {
            let own = (&*event.shop, &*event.number);
            let wanted = wanted(order);
            shortages::explain(db, own, (None, None), Some(&wanted)).await?;
            let key = OrderKey::new(&event.shop, &event.number);
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
            shop: event.shop.clone(),
            number: event.number.clone(),
            kind: LineKind::Goods,
            what: what.into(),
            detail: Some(json!({ "event": event.event_id })),
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
    event: &NewEvent,
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
            shop: event.shop.clone(),
            number: event.number.clone(),
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
