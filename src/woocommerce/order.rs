//! One order of WooCommerce as a snapshot.

use super::{
    lines::{self, with_tax},
    values::{decimal, id, list, moment, object, storable, text},
};
use crate::domain::{Fault, Faults};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

const NAME: usize = 500;
const ADDRESS: usize = 1_000;
const COMMENT: usize = 10_000;
/// Fewer than a snapshot may have: room for ours.
const PROPERTIES: usize = 190;
const PROPERTY_BYTES: usize = 60_000;
/// Plugins store whole trees; what is nested deeper is left out.
const PROPERTY_DEPTH: usize = 12;
const ATTRIBUTION: &str = "_wc_order_attribution_";

/// The snapshot, or everything that cannot be read.
pub(super) fn snapshot(
    id_: &str,
    status: &str,
    order: &Map<String, Value>,
) -> Result<Value, Faults> {
    let mut faults = Faults::new();
    if order.get("total").is_none_or(Value::is_null) {
        faults.push(Fault {
            pointer: "/total".to_owned(),
            detail: "`total` is required".to_owned(),
        });
    }
    let lines = lines::lines(order, &mut faults);
    let total = decimal(order, "", "total", &mut faults) - lines.refunded;
    let paid_at = moment(order, "date_paid_gmt");
    let delivery = delivery(order, &mut faults);
    let customer = customer(order);
    let snapshot = json!({
        "number": id_,
        "id": text(order, "number", 256),
        "status": status,
        "created_at": moment(order, "date_created_gmt"),
        "updated_at": moment(order, "date_modified_gmt"),
        "currency": text(order, "currency", 10),
        "total": total.max(Decimal::ZERO).to_string(),
        "paid": paid_at.is_some(),
        "paid_at": paid_at,
        "cancelled": status == "cancelled",
        "customer": customer,
        "items": lines.items,
        "discounts": lines.discounts,
        "delivery": delivery,
        "payment": payment(order),
        "properties": properties(order, lines.refunded),
        "utm": utm(order),
        "comment": text(order, "customer_note", COMMENT),
        "origin": { "channel": channel(order) },
    });
    if faults.is_empty() {
        Ok(snapshot)
    } else {
        Err(faults)
    }
}

/// The guest's id is 0: then phone and e-mail say who it is.
fn customer(order: &Map<String, Value>) -> Option<Value> {
    let billing = object(order, "billing")?;
    let shipping = object(order, "shipping");
    let mut phones: Vec<String> = text(billing, "phone", 100).into_iter().collect();
    phones.extend(shipping.and_then(|shipping| text(shipping, "phone", 100)));
    let emails: Vec<String> = text(billing, "email", 320).into_iter().collect();
    let company = text(billing, "company", NAME).map(|title| {
        json!({
            "title": title,
            "inn": meta(order, &["_billing_inn", "billing_inn"], 100),
            "kpp": meta(order, &["_billing_kpp", "billing_kpp"], 100),
            "address": address(billing),
        })
    });
    let name = |field| {
        text(billing, field, NAME)
            .or_else(|| shipping.and_then(|shipping| text(shipping, field, NAME)))
    };
    let customer = json!({
        "id": id(order, "customer_id"),
        "kind": if company.is_some() { "company" } else { "person" },
        "name": name("first_name"),
        "last_name": name("last_name"),
        "phones": phones,
        "emails": emails,
        "company": company,
    });
    Some(customer)
}

fn delivery(order: &Map<String, Value>, faults: &mut Faults) -> Option<Value> {
    let mut methods = Vec::new();
    let mut price = Decimal::ZERO;
    for (place, line) in list(order, "shipping_lines") {
        methods.extend(text(line, "method_title", 200));
        price += with_tax(line, &place, "total", faults);
    }
    let place = object(order, "shipping")
        .and_then(address)
        .or_else(|| object(order, "billing").and_then(address));
    if methods.is_empty() && place.is_none() && price.is_zero() {
        return None;
    }
    let method: String = methods.join(", ").chars().take(NAME).collect();
    Some(json!({
        "method": method,
        "price": price.max(Decimal::ZERO).to_string(),
        "address": place,
    }))
}

fn payment(order: &Map<String, Value>) -> Option<Value> {
    let method = text(order, "payment_method_title", NAME)
        .or_else(|| text(order, "payment_method", NAME))?;
    Some(json!({ "method": method }))
}

/// One line; none if only the country is known.
fn address(of: &Map<String, Value>) -> Option<String> {
    let part = |name| text(of, name, 300);
    part("address_1")
        .or_else(|| part("city"))
        .or_else(|| part("postcode"))?;
    let parts = [
        "postcode",
        "country",
        "state",
        "city",
        "address_1",
        "address_2",
    ];
    let line: Vec<String> = parts.into_iter().filter_map(part).collect();
    Some(line.join(", ").chars().take(ADDRESS).collect())
}

/// What others stored with the order, the shown keys first, and what the snapshot has no field for.
fn properties(order: &Map<String, Value>, refunded: Decimal) -> Map<String, Value> {
    let mut properties = Map::new();
    for hidden in [false, true] {
        for (_, entry) in list(order, "meta_data") {
            let Some(key) = text(entry, "key", 200) else {
                continue;
            };
            let fits = properties.len() < PROPERTIES || properties.contains_key(&key);
            let Some(value) = entry.get("value").filter(|value| !value.is_null()) else {
                continue;
            };
            let fits =
                fits && storable(value, PROPERTY_DEPTH) && value.to_string().len() < PROPERTY_BYTES;
            if key.starts_with('_') == hidden && fits {
                properties.insert(key, value.clone());
            }
        }
    }
    let coupons: Vec<String> = list(order, "coupon_lines")
        .filter_map(|(_, coupon)| text(coupon, "code", 100))
        .take(100)
        .collect();
    if !coupons.is_empty() {
        properties.insert("coupons".to_owned(), json!(coupons.join(", ")));
    }
    if !refunded.is_zero() {
        properties.insert("refunded".to_owned(), json!(refunded.to_string()));
    }
    for name in ["created_via", "transaction_id"] {
        if let Some(text) = text(order, name, 300) {
            properties.insert(name.to_owned(), json!(text));
        }
    }
    properties
}

/// The first of these meta values that is a text.
fn meta(order: &Map<String, Value>, keys: &[&str], most: usize) -> Option<String> {
    list(order, "meta_data")
        .find(|(_, entry)| {
            let key = entry.get("key").and_then(Value::as_str);
            key.is_some_and(|key| keys.contains(&key)) && text(entry, "value", most).is_some()
        })
        .and_then(|(_, entry)| text(entry, "value", most))
}

/// WooCommerce's order attribution.
fn utm(order: &Map<String, Value>) -> Value {
    let of = |name: &str| meta(order, &[&format!("{ATTRIBUTION}{name}")], 500);
    json!({
        "source": of("utm_source"),
        "medium": of("utm_medium"),
        "campaign": of("utm_campaign"),
        "content": of("utm_content"),
        "term": of("utm_term"),
    })
}

fn channel(order: &Map<String, Value>) -> &'static str {
    match order.get("created_via").and_then(Value::as_str) {
        Some("admin") => "operator",
        Some(via) if via.starts_with("pos") => "pos",
        _ => "online",
    }
}
