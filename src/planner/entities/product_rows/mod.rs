//! Product rows: lines, delivery and discounts that sum to the order's total.

use crate::{
    domain::{
        Item, ShopRules, Snapshot,
        happening::{ContentChanges, ContentLine, Note, Quoted},
        money,
    },
    planner::json::{decimal, id, text},
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The rows of an order, and what they sum to.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_field_names,
    reason = "`rows.rows` is what the portal's own parameter is called"
)]
pub(in crate::planner) struct Rows {
    pub(in crate::planner) rows: Vec<Value>,
    pub(in crate::planner) sum: Decimal,
    /// What is to be said of them, each in one sentence.
    pub(in crate::planner) notes: Vec<Note>,
}

/// What links a row to the portal's catalogue; 0: free text.
pub(super) const LINK: &str = "PRODUCT_ID";

/// Whether rows say the same, but for what links them to the catalogue.
pub(in crate::planner) fn same_but_links(ours: &[Value], theirs: &[Value]) -> bool {
    let plain = |row: &Value| {
        let mut row = row.clone();
        row.as_object_mut().map(|row| row.remove(LINK));
        row
    };
    ours.len() == theirs.len() && ours.iter().map(plain).eq(theirs.iter().map(plain))
}

/// What is other in these rows than in those that were written; none: nothing but links.
pub(in crate::planner) fn changes(written: &[Value], wanted: &[Value]) -> Option<ContentChanges> {
    let line = |row: &Value| {
        let name = text(row.get("PRODUCT_NAME"));
        let number = |field: &str| decimal(row.get(field)).unwrap_or_default();
        let quantity = number("QUANTITY");
        ContentLine {
            key: name.clone(),
            name,
            quantity,
            sum: money::round(number("PRICE").saturating_mul(quantity)),
        }
    };
    let [before, now] =
        [written, wanted].map(|rows| rows.iter().map(line).collect::<Vec<ContentLine>>());
    let sum = |lines: &[ContentLine]| {
        let sums = lines.iter().map(|line| line.sum);
        sums.fold(Decimal::ZERO, Decimal::saturating_add)
    };
    ContentChanges::between(&before, &now, (sum(&before), sum(&now)))
}

/// The product for which a row stands; 0: for none.
pub(super) fn link(row: &Value) -> u64 {
    row.get(LINK).and_then(id).unwrap_or_default()
}

/// Which rows were written as free text, and are to stand for a product by now.
pub(super) fn linkable<'a>(
    written: &'a [Value],
    wanted: &'a [Value],
) -> impl Iterator<Item = usize> + 'a {
    let pairs = written.iter().zip(wanted).enumerate();
    pairs.filter_map(|(at, (written, wanted))| {
        (link(written) == 0 && link(wanted) > 0).then_some(at)
    })
}

/// Whether a row of the portal says what we wrote into it, or what we may have linked it to since.
/// What the portal works out by itself, or shows in words of its own, tells nothing.
pub(super) fn is_as_written(theirs: &Map<String, Value>, ours: &Value, wanted: &Value) -> bool {
    let number = |value: Option<&Value>| decimal(value).unwrap_or_default().round_dp(4);
    let told = |field: &str| ours.get(field).is_some_and(|value| !value.is_null());
    let alike = |field: &str| number(theirs.get(field)) == number(ours.get(field));
    let name = |value: Option<&Value>| text(value).trim().to_owned();
    let stands_for = theirs.get(LINK).and_then(id).unwrap_or_default();
    name(theirs.get("PRODUCT_NAME")) == name(ours.get("PRODUCT_NAME"))
        && ["QUANTITY", "PRICE"].into_iter().all(alike)
        && (!told("TAX_RATE") || alike("TAX_RATE"))
        && [link(ours), link(wanted)].contains(&stands_for)
}

/// The longest name of a row, in characters.
const NAME: usize = 255;
const KOPECK: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// One line of an order on its way to a row, or to two.
#[derive(Debug, Clone)]
struct Line {
    row: Map<String, Value>,
    name: String,
    /// What the customer chose, to stand behind the name.
    options: String,
    unit: String,
    quantity: Decimal,
    /// Of one unit, tax included.
    price: Decimal,
    /// What the line comes to: the rows made of it sum to this.
    amount: Decimal,
    /// Whether the quantity goes into the name: no price of one unit comes to the amount.
    whole: bool,
}

/// Lines in the shop's order, then delivery, then discounts on the whole order as rows below zero.
///
/// The rows sum to the lines' amounts to the kopeck, whether a portal rounds each row or only the
/// sum: a line whose price has more than two digits, or was rounded by the shop, becomes two rows.
pub(in crate::planner) fn rows(snapshot: &Snapshot, rules: &ShopRules) -> Rows {
    let mut lines: Vec<Line> = snapshot.items.iter().map(line).collect();
    if let Some(delivery) = snapshot
        .delivery
        .as_ref()
        .filter(|delivery| !delivery.price.is_zero())
    {
        let name = match &delivery.method {
            Some(method) => format!("{}: {method}", rules.delivery_name),
            None => rules.delivery_name.clone(),
        };
        let vat = (delivery.vat_rate, delivery.vat_included);
        lines.push(single(&name, delivery.price, vat));
    }
    for discount in snapshot
        .discounts
        .iter()
        .filter(|discount| !discount.amount.is_zero())
    {
        let vat = (discount.vat_rate, discount.vat_included);
        lines.push(single(&discount.name, -discount.amount, vat));
    }
    let mut notes = Vec::new();
    notes.extend(carry(&mut lines, money::round(snapshot.total)));
    make_whole(&mut lines);
    let sum = lines.iter().map(|line| line.amount).sum();
    let mut rows = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let (name, cut_off) = line.named();
        if cut_off {
            notes.push(Note::RowNameShortened {
                row: at + 1,
                characters: NAME,
            });
        }
        for (quantity, price) in line.parts() {
            let mut row = line.row.clone();
            row.insert("PRODUCT_NAME".to_owned(), json!(name));
            row.insert("PRICE".to_owned(), json!(money::text(price)));
            let quantity = quantity.normalize().to_string();
            row.insert("QUANTITY".to_owned(), json!(quantity));
            row.insert("SORT".to_owned(), json!((rows.len() + 1) * 10));
            rows.push(Value::Object(row));
        }
    }
    Rows { rows, sum, notes }
}

impl Line {
    /// Quantities with prices to the kopeck that come to the amount: 10.00 for three is two at 3.33
    /// and one at 3.34.
    fn parts(&self) -> Vec<(Decimal, Decimal)> {
        if self.whole {
            return vec![(Decimal::ONE, self.amount)];
        }
        let price = self.price.normalize();
        if price.scale() <= 2 && money::line(price, self.quantity) == self.amount {
            return vec![(self.quantity, price)];
        }
        let each = self.amount / self.quantity;
        if !self.quantity.is_integer() {
            return vec![(self.quantity, money::round(each))];
        }
        let low = each.round_dp_with_strategy(2, RoundingStrategy::ToZero);
        let more = ((self.amount - low * self.quantity) / KOPECK).abs();
        let step = if self.amount.is_sign_negative() {
            -KOPECK
        } else {
            KOPECK
        };
        let parts = [(self.quantity - more, low), (more, low + step)];
        parts
            .into_iter()
            .filter(|(quantity, _)| !quantity.is_zero())
            .collect()
    }

    /// Whether the rows come to the amount wherever it is rounded.
    fn exact(&self) -> bool {
        let product: Decimal = self
            .parts()
            .iter()
            .map(|(quantity, price)| quantity * price)
            .sum();
        product == self.amount
    }

    /// The name of its rows, and whether it had to be shortened.
    fn named(&self) -> (String, bool) {
        let mut tail = self.options.clone();
        if self.whole {
            let quantity = format!("{} {}", self.quantity.normalize(), self.unit);
            let price = money::text(self.price);
            let _ = write!(tail, " ({} × {price})", quantity.trim_end());
        }
        let room = NAME.saturating_sub(tail.chars().count());
        let name = cut(&self.name, room);
        let long = name.len() < self.name.len() || tail.chars().count() > NAME;
        (cut(&format!("{name}{tail}"), NAME), long)
    }
}

/// Gives a line what prices of one unit, rounded by the shop, lack of the total: three at 33.33
/// were 100.00. Only as much as rounding can make.
fn carry(lines: &mut [Line], total: Decimal) -> Option<Note> {
    let sum: Decimal = lines.iter().map(|line| line.amount).sum();
    let missing = total - sum;
    let room = |line: &Line| line.quantity.abs() * KOPECK / Decimal::TWO;
    let all: Decimal = lines.iter().map(room).sum();
    if missing.is_zero() || missing.abs() > all {
        return None;
    }
    let line = lines
        .iter_mut()
        .max_by_key(|line| room(line).min(line.amount.abs()))?;
    if line.quantity <= Decimal::ONE || line.amount + missing < Decimal::ZERO {
        return None;
    }
    line.amount += missing;
    Some(Note::RowCarries {
        sum: money::text(sum),
        difference: money::text(missing.abs()),
        row: Quoted(cut(&line.name, 100)),
    })
}

/// Writes quantities that are no whole numbers into the name, from the last line on, where the rows
/// would sum to something else: one row to another is rounded away, several are not.
fn make_whole(lines: &mut [Line]) {
    for line in lines.iter_mut() {
        let written: Decimal = line.parts().iter().map(|(q, p)| money::line(*p, *q)).sum();
        line.whole = written != line.amount;
    }
    let sum: Decimal = lines.iter().map(|line| line.amount).sum();
    for at in (0..lines.len()).rev() {
        let parts = lines.iter().flat_map(Line::parts);
        let product: Decimal = parts.map(|(quantity, price)| quantity * price).sum();
        if money::round(product) == sum {
            return;
        }
        lines[at].whole |= !lines[at].exact();
    }
}

/// PRICE is what one unit costs in the end, tax included, so that the sum does not depend on how a
/// portal adds the tax. DISCOUNT_SUM lies between two prices without tax (PRICE_NETTO and
/// PRICE_EXCLUSIVE), so it carries none.
fn line(item: &Item) -> Line {
    let price = taxed(item.price, (item.vat_rate, item.vat_included));
    let mut row = row((item.vat_rate, item.vat_included));
    if let Some(id) = item.catalogue_id {
        row.insert(LINK.to_owned(), json!(id));
    }
    let name = match &item.sku {
        Some(sku) if !item.name.contains(sku.as_str()) => format!("{} [{sku}]", item.name),
        _ => item.name.clone(),
    };
    if !item.discount.is_zero() {
        row.insert("DISCOUNT_TYPE_ID".to_owned(), json!(1));
        let net = match item.vat_rate {
            Some(rate) if item.vat_included => money::without_tax(item.discount, rate),
            _ => item.discount,
        };
        row.insert("DISCOUNT_SUM".to_owned(), json!(money::text(net)));
    }
    if let Some((code, name)) = item.unit.as_deref().and_then(measure) {
        row.insert("MEASURE_CODE".to_owned(), json!(code));
        row.insert("MEASURE_NAME".to_owned(), json!(name));
    }
    // A variation is mostly called after what was chosen.
    let chosen = item
        .options
        .iter()
        .filter(|(_, value)| !item.name.contains(value.as_str()));
    let chosen: Vec<String> = chosen
        .map(|(name, value)| {
            if name.is_empty() {
                value.clone()
            } else {
                format!("{name}: {value}")
            }
        })
        .collect();
    let options = if chosen.is_empty() {
        String::new()
    } else {
        let chosen = chosen.join(", ");
        format!(
            " ({})",
            chosen.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    };
    Line {
        row,
        name,
        options,
        unit: item.unit.clone().unwrap_or_default(),
        quantity: item.quantity,
        price,
        amount: money::line(price, item.quantity),
        whole: false,
    }
}

/// VAT in percent, and whether the amount includes it.
type Vat = (Option<Decimal>, bool);

/// The amount with its tax.
fn taxed(amount: Decimal, vat: Vat) -> Decimal {
    match vat {
        (Some(rate), false) => money::with_tax(amount, rate),
        _ => amount,
    }
}

/// What every row says, but for its name, price and quantity.
fn row((rate, included): Vat) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert(LINK.to_owned(), json!(0));
    if let Some(rate) = rate {
        row.insert("TAX_RATE".to_owned(), json!(rate.normalize().to_string()));
        let included = if included { "Y" } else { "N" };
        row.insert("TAX_INCLUDED".to_owned(), json!(included));
    }
    row
}

/// Something without a quantity.
fn single(name: &str, amount: Decimal, vat: Vat) -> Line {
    let price = money::round(taxed(amount, vat));
    Line {
        row: row(vat),
        name: name.to_owned(),
        options: String::new(),
        unit: String::new(),
        quantity: Decimal::ONE,
        price,
        amount: price,
        whole: false,
    }
}

/// Units: the OKEI code, the symbol, and the words that mean it. `bridge.unit_code` knows the same.
const UNITS: &[(u32, &str, &[&str])] = &[
    (
        796,
        "шт",
        &["шт", "штука", "штук", "pcs", "pc", "pce", "piece", "ea"],
    ),
    (166, "кг", &["кг", "килограмм", "kg"]),
    (163, "г", &["г", "гр", "грамм", "g"]),
    (168, "т", &["т", "тонна"]),
    (112, "л", &["л", "литр", "l"]),
    (111, "мл", &["мл", "ml"]),
    (6, "м", &["м", "метр", "m"]),
    (18, "пог. м", &["пог. м", "пог.м", "п.м", "пм"]),
    (55, "м2", &["м2", "м²", "кв.м", "m2"]),
    (113, "м3", &["м3", "м³", "куб.м", "m3"]),
    (778, "упак", &["упак", "уп", "упаковка", "pack"]),
    (839, "компл", &["компл", "комплект", "set"]),
    (715, "пар", &["пар", "пара", "pair"]),
    (356, "ч", &["ч", "час", "h", "hour"]),
    (362, "мес", &["мес", "месяц", "month"]),
    (876, "усл. ед", &["усл", "усл. ед", "усл.ед", "услуга"]),
];

/// The OKEI code and symbol of a unit, if it is known by its symbol or given as a code.
pub(in crate::planner) fn measure(unit: &str) -> Option<(u32, String)> {
    let wanted = unit.trim().trim_end_matches('.').to_lowercase();
    if let Ok(code) = wanted.parse::<u32>() {
        let symbol = UNITS
            .iter()
            .find(|(known, ..)| *known == code)
            .map_or(unit, |(_, symbol, _)| symbol);
        return Some((code, symbol.to_owned()));
    }
    UNITS
        .iter()
        .find(|(.., names)| names.contains(&wanted.as_str()))
        .map(|(code, symbol, _)| (*code, (*symbol).to_owned()))
}

/// The first `max` characters.
pub(in crate::planner) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests;
