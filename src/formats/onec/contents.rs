//! An order's contents as 1C has them, beside those that were sent there.

use super::{Base, lines::DELIVERY};
use crate::{
    domain::Snapshot,
    formats::commerceml::{Document, Line, write::Order},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What a document says of an order's contents.
#[derive(Debug, Clone)]
pub struct OneCContents<'a> {
    lines: &'a [Line],
    /// `Сумма` of the document.
    pub total: Decimal,
    /// The code of the document's currency (ISO 4217).
    pub currency: String,
}

impl<'a> OneCContents<'a> {
    /// The contents in a document; none: it says nothing of them.
    pub fn of(document: &'a Document, base: &Base) -> Option<Self> {
        Some(Self {
            lines: document.lines.as_deref()?,
            total: document.total.or_else(|| document.sum_of_lines())?,
            currency: base.code_of(document.currency.as_deref()),
        })
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Whether 1C has what was sent: the same goods in the same quantities, and the same sum but
    /// for a kopeck a line.
    pub fn is_same(&self, sent: &Order, base: &Base) -> bool {
        let most = Decimal::new(i64::try_from(self.lines.len()).unwrap_or(i64::MAX), 2);
        let off = self.total.checked_sub(sent.total).map(|off| off.abs());
        if off.is_none_or(|off| off > most) || self.currency != base.code_of(Some(&sent.currency)) {
            return false;
        }
        // A delivery that costs nothing may be a line or none.
        let is_free = |id: &str, sum: Decimal| id == DELIVERY && sum.is_zero();
        let own = self.lines.iter().filter(|line| {
            let id = line.id.as_deref().unwrap_or_default();
            !is_free(id, sum(line).unwrap_or_default())
        });
        let own: Vec<&Line> = own.collect();
        let open = sent.lines.iter();
        let mut open: Vec<_> = open.filter(|line| !is_free(&line.id, line.sum)).collect();
        if own.len() != open.len() {
            return false;
        }
        own.into_iter().all(|line| {
            let is_it = |id: &str, name: &str, quantity: Decimal| {
                let same_id = line.id.as_deref() == Some(id);
                (same_id || folded(&line.name) == folded(name)) && line.quantity == quantity
            };
            let place = open
                .iter()
                .position(|own| is_it(&own.id, &own.name, own.quantity));
            place.map(|place| open.swap_remove(place)).is_some()
        })
    }

    /// The order as 1C has it, in the shape of a snapshot.
    pub fn snapshot(&self, number: &str) -> Value {
        let is_delivery = |line: &&Line| line.id.as_deref() == Some(DELIVERY);
        let delivery = self.lines.iter().find(is_delivery).and_then(sum);
        let items = self.lines.iter().filter(|line| !is_delivery(line));
        let mut snapshot = json!({
            "number": number,
            "currency": self.currency,
            "total": text(self.total),
            "items": items.map(item).collect::<Vec<_>>(),
        });
        if let Some(price) = delivery {
            snapshot["delivery"] = json!({ "price": text(price) });
        }
        snapshot
    }
}

/// An event in which these contents stand in the place of the shop's; none if they are no contents.
pub fn overlaid(event: &Value, contents: &Value) -> Option<Value> {
    let contents = contents.as_object()?;
    let mut event = event.clone();
    let Some(data) = event["data"].as_object_mut() else {
        return Some(event);
    };
    for (name, value) in contents {
        match (data.get_mut(name), name.as_str()) {
            (Some(Value::Object(own)), "delivery") => {
                own.insert("price".to_owned(), value["price"].clone());
            }
            _ => {
                data.insert(name.clone(), value.clone());
            }
        }
    }
    Some(event)
}

/// What an event's order holds, as it may stand in the place of another's.
pub fn contents_of(event: &Value) -> Value {
    let data = &event["data"];
    let mut contents = json!({
        "items": data["items"], "discounts": data["discounts"], "total": data["total"],
        "currency": data["currency"],
    });
    if !data["delivery"].is_null() {
        contents["delivery"] = json!({"price": data["delivery"]["price"]});
    }
    contents
}

/// What 1C has, as it may stand in the place of the contents in the shop's event: its lines are the
/// shop's products by 1C's id, else by their name.
pub fn of_onec(snapshot: &Value, event: &Value) -> Value {
    let none = Vec::new();
    let own = event["data"]["items"].as_array().unwrap_or(&none);
    let mut items = snapshot["items"].clone();
    for item in items.as_array_mut().into_iter().flatten() {
        let same = |name: &str, own: &Value| !item[name].is_null() && own[name] == item[name];
        let found = own.iter().find(|own| same("xml_id", own));
        let found = found.or_else(|| own.iter().find(|own| same("name", own)));
        let Some(found) = found else {
            continue;
        };
        for name in ["product_id", "sku", "options"] {
            if item[name].is_null() && !found[name].is_null() {
                item[name] = found[name].clone();
            }
        }
    }
    let price = snapshot["delivery"]["price"].as_str().unwrap_or("0");
    json!({
        "items": items, "discounts": [], "total": snapshot["total"],
        "currency": snapshot["currency"], "delivery": {"price": price},
    })
}

/// Whether two orders hold the same: goods, quantities and sums.
pub fn hold_the_same(one: &Snapshot, other: &Snapshot) -> bool {
    let lines = |order: &Snapshot| {
        let mut lines: Vec<_> = order
            .items
            .iter()
            .map(|item| (folded(&item.name), item.quantity.normalize()))
            .collect();
        lines.sort();
        lines
    };
    one.total == other.total && one.currency == other.currency && lines(one) == lines(other)
}

fn folded(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn text(number: Decimal) -> String {
    number.normalize().to_string()
}

/// What a line comes to, its VAT included.
fn sum(line: &Line) -> Option<Decimal> {
    let product = line
        .price
        .and_then(|price| price.checked_mul(line.quantity));
    let added = line.taxes.iter().filter(|tax| tax.included == Some(false));
    let mut sum = line.sum.or(product)?;
    for tax in added {
        sum = sum.checked_add(tax.sum.unwrap_or_default())?;
    }
    Some(sum)
}

fn item(line: &Line) -> Value {
    let price = sum(line).and_then(|sum| sum.checked_div(line.quantity));
    let rate = line.taxes.iter().find_map(|tax| tax.rate);
    json!({
        "xml_id": line.id, "sku": line.sku, "name": line.name,
        "quantity": text(line.quantity), "unit": line.unit,
        "price": price.map(|price| text(price.round_dp(4))), "vat_rate": rate.map(text),
        "vat_included": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_contents_never_leaves_the_shops_in_its_place() {
        let event = json!({"data": {"number": "1", "total": "5.00"}});
        let laid = overlaid(&event, &json!({"total": "7.00"}));
        assert_eq!(laid.unwrap()["data"]["total"], "7.00");
        for odd in [json!(true), json!([]), json!(null), json!("7.00")] {
            assert_eq!(overlaid(&event, &odd), None);
        }
    }
}
