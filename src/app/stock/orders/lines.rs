//! Lines of an order that stand for no pieces of one product: what is told of them, and what they
//! are taken for.

use crate::{
    app::Error,
    domain::{ErrorCode, OrderKey, happening::GoodsEvent},
    storage::{
        MessageKind,
        journal::{self, Line, LineKind},
        stock::{self, OddLine, UnclearLine},
        sync::{clock_offsets, messages},
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::borrow::Cow;

/// The order with lines that can be added up. A line that is in another unit than its product is
/// told in the order's life, and stands for what is held of that: nothing more, nothing less. One
/// that fits several products, or none, stands for the one of them that the order holds already, or
/// has had; else it is told, to the shop too where goods are to be held, and stands for nothing.
/// Where that product has no name of its own any more, what is held for the order stays as it is.
pub(super) async fn countable<'a>(
    db: &mut PgConnection,
    key: &OrderKey,
    order: &'a Value,
) -> Result<Cow<'a, Value>, Error> {
    let act = order["act"].as_str().unwrap_or_default();
    let lines = order.get("lines").and_then(Value::as_array);
    let Some(lines) = lines.filter(|lines| ["hold", "ship"].contains(&act) && !lines.is_empty())
    else {
        return Ok(Cow::Borrowed(order));
    };
    let unclear = stock::lines_of_no_product(db, order).await?;
    let says_unit = |line: &Value| line.get("unit").is_some_and(Value::is_string);
    let odd = if lines.iter().any(says_unit) {
        stock::lines_in_other_units(db, order).await?
    } else {
        Vec::new()
    };
    if unclear.is_empty() && odd.is_empty() {
        return Ok(Cow::Borrowed(order));
    }
    let (mut left, mut lost, mut all) = (Vec::new(), Vec::new(), order.clone());
    for (nth, line) in (1_i64..).zip(lines) {
        let mut line = line.clone();
        if let Some(found) = unclear.iter().find(|one| one.nth == nth) {
            if let Some(product) = &found.had {
                if act == "hold" && !found.is_named {
                    tell(db, key, nth, unclear_line(found)).await?;
                    all["act"] = Value::from("keep");
                }
                line["names"] = json!({ "product": product });
                left.push(line);
            } else if tell(db, key, nth, unclear_line(found)).await? {
                lost.push(json!({ "line": nth.to_string(), "product": found.name,
                    "quantity": line.get("quantity") }));
            }
        } else if let Some(found) = odd.iter().find(|one| one.nth == nth) {
            tell(db, key, nth, other_unit(found)).await?;
            if let Some(held) = &found.held {
                line["quantity"] = Value::from(held.as_str());
                left.push(line);
            }
        } else {
            left.push(line);
        }
    }
    if act == "hold" && !lost.is_empty() {
        tell_shop(db, key, &lost).await?;
    }
    all["lines"] = Value::Array(left);
    Ok(Cow::Owned(all))
}

fn other_unit(found: &OddLine) -> (GoodsEvent, ErrorCode) {
    let what = GoodsEvent::OtherUnit {
        line: found.nth.to_string(),
        unit: found.unit.clone(),
        product: found.product.clone(),
        counted: found.counted.clone(),
    };
    (what, ErrorCode::OtherUnit)
}

fn unclear_line(found: &UnclearLine) -> (GoodsEvent, ErrorCode) {
    let (line, name) = (found.nth.to_string(), found.name.clone());
    let what = match (&found.products, &found.had) {
        (None, _) => GoodsEvent::FitsNone { line, name },
        (Some(products), None) => GoodsEvent::FitsSeveral {
            line,
            name,
            products: products.join(", "),
        },
        (Some(products), Some(_)) => GoodsEvent::FitsSeveralByNow {
            line,
            name,
            products: products.join(", "),
        },
    };
    (what, ErrorCode::UnknownProduct)
}

/// Tells of a line once in its order's life; whether it was told now.
async fn tell(
    db: &mut PgConnection,
    key: &OrderKey,
    nth: i64,
    (what, code): (GoodsEvent, ErrorCode),
) -> Result<bool, Error> {
    let told = Line {
        shop: key.shop.clone(),
        number: key.number.clone(),
        kind: LineKind::Goods,
        what: what.into(),
        detail: Some(json!({ "line": nth, "code": code.as_str() })),
    };
    Ok(journal::add_once(db, &told).await?)
}

/// The shop is told of lines of an order for which nothing is held.
async fn tell_shop(db: &mut PgConnection, key: &OrderKey, lines: &[Value]) -> Result<(), Error> {
    let decided_at = clock_offsets::now(db).await?;
    let body = json!({
        "id": key.number,
        "number": key.number,
        "lines": lines,
        "rule": "unknown_product",
        "reason": "nothing is held for lines that fit no product, or several",
        "decided_at": decided_at,
    });
    let about = (&*key.shop, &*key.number, Some(&*key.number));
    messages::add(db, MessageKind::ReservationShort, about, &body).await?;
    Ok(())
}

/// What an order wanted, as a shop is told of it: no store had it.
pub(super) fn wanted(order: &Value) -> Value {
    let lines = order.get("lines").and_then(Value::as_array);
    let line = |(nth, line): (usize, &Value)| {
        let name = |kind: &str| line.pointer(kind).filter(|name| !name.is_null());
        let kinds = ["product_id", "xml_id", "sku", "product"];
        let product = kinds
            .iter()
            .find_map(|kind| name(&format!("/names/{kind}")));
        json!({
            "line": (nth + 1).to_string(),
            "product": product,
            "quantity": line.get("quantity"),
        })
    };
    lines.into_iter().flatten().enumerate().map(line).collect()
}
