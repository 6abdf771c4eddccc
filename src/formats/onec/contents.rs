//! An order's contents as 1C has them, beside those that were sent there.

use super::{Base, lines::DELIVERY};
use crate::{
    domain::{
        Snapshot,
        happening::{ContentChanges, ContentLine},
    },
    formats::commerceml::{Document, Line, write::Order},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What a document says of an order's contents.
#[derive(Debug, Clone)]
pub struct OneCContents<'a> {
    lines: &'a [Line],
    /// `Скидки` of the document that its lines' sums do not hold: name and sum.
    off: Vec<(&'a str, Decimal)>,
    /// `Сумма` of the document.
    pub total: Decimal,
    /// The code of the document's currency (ISO 4217).
    pub currency: String,
}

impl<'a> OneCContents<'a> {
    /// The contents in a document; none: it says nothing of them.
    pub fn of(document: &'a Document, base: &Base) -> Option<Self> {
        let off = document.discounts.iter();
        let off = off.filter(|(_, sum, held)| *held != Some(true) && is_above_zero(*sum));
        Some(Self {
            lines: document.lines.as_deref()?,
            off: off.map(|(name, sum, _)| (&**name, *sum)).collect(),
            total: document.total.or_else(|| document.sum_of_lines())?,
            currency: base.code_of(document.currency.as_deref()),
        })
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// The lines of which anything is left: 1C cancels one by its quantity, too.
    fn kept(&self) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(|line| !line.quantity.is_zero())
    }

    /// What sums may differ by: a kopeck a line.
    fn most_off(&self) -> Decimal {
        Decimal::new(i64::try_from(self.lines.len()).unwrap_or(i64::MAX), 2)
    }

    /// Whether 1C has what was sent: the same goods in the same quantities, and the same sum but
    /// for a kopeck a line.
    pub fn is_same(&self, sent: &Order, base: &Base) -> bool {
        let off = self.total.checked_sub(sent.total).map(|off| off.abs());
        if off.is_none_or(|off| off > self.most_off())
            || self.currency != base.code_of(Some(&sent.currency))
        {
            return false;
        }
        // A delivery that costs nothing may be a line or none.
        let is_free = |id: &str, sum: Decimal| id == DELIVERY && sum.is_zero();
        let own = self.kept().filter(|line| {
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

    /// What is other in 1C than in what was sent; none: nothing that can be told by lines and sums.
    pub fn changes(&self, sent: &Order) -> Option<ContentChanges> {
        // A delivery that costs nothing may be a line or none.
        let is_told = |line: &ContentLine| line.key != DELIVERY || !line.sum.is_zero();
        let before = sent.lines.iter().map(|line| ContentLine {
            key: line.id.clone(),
            name: line.name.clone(),
            quantity: line.quantity,
            sum: line.sum,
        });
        let before: Vec<ContentLine> = before.filter(is_told).collect();
        let now = self.kept().map(|line| {
            let own = line.id.as_deref().unwrap_or(&line.name);
            let by_id = before.iter().find(|sent| sent.key == own);
            let by_name = || {
                let name = folded(&line.name);
                before.iter().find(|sent| folded(&sent.name) == name)
            };
            let meant = by_id.or_else(by_name).map(|sent| sent.key.clone());
            ContentLine {
                key: meant.unwrap_or_else(|| own.to_owned()),
                name: line.name.clone(),
                quantity: line.quantity,
                sum: sum(line).unwrap_or_default(),
            }
        });
        let now: Vec<ContentLine> = now.filter(is_told).collect();
        ContentChanges::between(&before, &now, (sent.total, self.total))
    }

    /// The order as 1C has it, in the shape of a snapshot: a line below zero is a discount there.
    pub fn snapshot(&self, number: &str) -> Value {
        let is_delivery = |line: &&Line| line.id.as_deref() == Some(DELIVERY);
        let delivery = self.kept().find(is_delivery).and_then(sum);
        let (off, items): (Vec<&Line>, Vec<&Line>) = self
            .kept()
            .filter(|line| !is_delivery(line))
            .partition(|line| sum(line).is_some_and(|sum| is_above_zero(-sum)));
        let mut discounts: Vec<Value> = off.into_iter().filter_map(discount).collect();
        discounts.extend(self.off_the_whole());
        let items: Vec<Value> = items.into_iter().map(item).collect();
        let mut snapshot = json!({
            "number": number,
            "currency": self.currency,
            "total": text(self.total),
            "items": items,
        });
        if !discounts.is_empty() {
            snapshot["discounts"] = discounts.into();
        }
        if let Some(price) = delivery {
            snapshot["delivery"] = json!({ "price": text(price) });
        }
        snapshot
    }

    /// The discounts of the whole document, if the lines come to its total by them.
    fn off_the_whole(&self) -> Vec<Value> {
        let lines = self.kept().map(|line| sum(line).unwrap_or_default());
        let lines = lines.fold(Decimal::ZERO, Decimal::saturating_add);
        let off = self.off.iter().map(|(_, sum)| *sum);
        let off = off.fold(Decimal::ZERO, Decimal::saturating_add);
        let left = lines.saturating_sub(off).saturating_sub(self.total);
        if left.abs() > self.most_off() {
            return Vec::new();
        }
        let told = self.off.iter();
        told.map(|(name, sum)| json!({"name": name, "amount": text(*sum)}))
            .collect()
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
        "items": items, "total": snapshot["total"],
        "discounts": snapshot.get("discounts").unwrap_or(&json!([])),
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

fn is_above_zero(sum: Decimal) -> bool {
    sum.is_sign_positive() && !sum.is_zero()
}

/// The rate of the line's VAT in per cent.
fn rate(line: &Line) -> Option<Decimal> {
    line.taxes.iter().find_map(|tax| tax.rate)
}

/// A line below zero.
fn discount(line: &Line) -> Option<Value> {
    Some(json!({
        "name": line.name, "amount": text(-sum(line)?), "vat_rate": rate(line).map(text),
        "vat_included": true,
    }))
}

fn item(line: &Line) -> Value {
    let price = sum(line).and_then(|sum| sum.checked_div(line.quantity));
    let rate = rate(line);
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
    use crate::{
        domain::{Event, EventBody},
        formats::{
            commerceml::{Bounds, Item, Items},
            onec::tests::base,
        },
    };

    /// What a document with these lines, this sum, and this beside them has.
    fn snapshot(lines: &[(&str, &str, &str)], total: &str, beside: &str) -> Value {
        let line = |(id, quantity, sum): &(&str, &str, &str)| {
            format!(
                "<Товар><Ид>{id}</Ид><Наименование>{id}</Наименование><Количество>{quantity}\
                 </Количество><Сумма>{sum}</Сумма></Товар>"
            )
        };
        let lines: String = lines.iter().map(line).collect();
        let file = format!(
            "<КоммерческаяИнформация><Документ><Номер>7</Номер><Сумма>{total}</Сумма>{beside}\
             <Товары>{lines}</Товары></Документ></КоммерческаяИнформация>"
        );
        let mut items = Items::new(file.as_bytes(), Bounds::default()).unwrap();
        let Some(Ok(Item::Document(document))) = items.next() else {
            panic!("{file}")
        };
        let contents = OneCContents::of(&document, &base()).unwrap();
        contents.snapshot("7")
    }

    #[test]
    fn what_1c_has_can_stand_for_what_the_shop_has_whatever_lines_it_has() {
        let off = |held: &str| {
            format!(
                "<Скидки><Скидка><Наименование>Акция</Наименование><Сумма>20</Сумма>\
                 <УчтеноВСумме>{held}</УчтеноВСумме></Скидка></Скидки>"
            )
        };
        let (tea, cup) = (("tea", "2", "100"), ("cup", "1", "50"));
        let none: &[&str] = &[];
        for (told, discounts) in [
            (snapshot(&[tea, cup], "150", ""), none),
            (snapshot(&[tea, ("cup", "0", "0")], "100", ""), none),
            (
                snapshot(&[tea, ("ORDER_DISCOUNT", "1", "-30")], "70", ""),
                &["30"][..],
            ),
            (snapshot(&[tea, cup], "130", &off("false")), &["20"][..]),
            (snapshot(&[tea, cup], "150", &off("true")), none),
            (snapshot(&[tea, cup], "150", &off("false")), none),
        ] {
            let event = json!({
                "specversion": "1.0", "type": "shop.order.saved.v1", "source": "x", "id": "1",
                "data": {"number": "7", "status": "N", "total": "1", "currency": "RUB",
                    "discounts": [{"name": "own", "amount": "5"}]},
            });
            let laid = overlaid(&event, &of_onec(&told, &event)).unwrap();
            let EventBody::Saved(order) = Event::parse(&laid, "7").unwrap().body else {
                panic!("{laid}")
            };
            let off: Vec<_> = order.discounts.iter().map(|one| text(one.amount)).collect();
            assert_eq!(off, discounts, "{told}");
            let goods: Decimal = order.items.iter().map(|one| one.price * one.quantity).sum();
            let off: Decimal = order.discounts.iter().map(|one| one.amount).sum();
            assert_eq!(goods - off, order.total, "{told}");
        }
    }

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
