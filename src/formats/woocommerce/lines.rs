//! The lines of an order: products, fees, refunds; tax included, so that they sum to the total.

use super::values::{as_it_came, decimal, decimal_or_none, id, list, text, told};
use crate::domain::Faults;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};

const NAME: usize = 500;
const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// What an order consists of.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) items: Vec<Value>,
    pub(super) discounts: Vec<Value>,
    /// The sum of the refunds.
    pub(super) refunded: Decimal,
    /// What items, discounts and shipping come to.
    pub(super) sum: Decimal,
    /// Shipping: what it is called, and what it costs.
    pub(super) methods: Vec<String>,
    pub(super) shipping: Cost,
}

/// What something costs, tax included, and its VAT in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) amount: Decimal,
    pub(super) rate: Option<Decimal>,
}

/// Reads products, shipping, fees and refunds. Coupons are in the products' totals already.
pub(super) fn lines(order: &Map<String, Value>, faults: &mut Faults) -> Lines {
    let rates = rates(order);
    let mut lines = Lines::default();
    for (place, line) in list(order, "line_items") {
        product(line, &place, &rates, &mut lines, faults);
    }
    for (place, line) in list(order, "shipping_lines") {
        let name = text(line, "method_title", 200);
        lines.methods.extend(name.clone());
        let Some(cost) = lines.cost(line, &place, &rates, faults) else {
            continue;
        };
        // One row holds one rate: shipping taxed by another is a row of its own.
        if lines.shipping.amount.is_zero() && cost.amount > Decimal::ZERO {
            lines.shipping = cost;
            lines.sum += cost.amount;
        } else if lines.shipping.rate == cost.rate && cost.amount > Decimal::ZERO {
            lines.shipping.amount += cost.amount;
            lines.sum += cost.amount;
        } else {
            lines.single(&name.unwrap_or_else(|| "Shipping".to_owned()), cost);
        }
    }
    for (place, fee) in list(order, "fee_lines") {
        let name = text(fee, "name", NAME).unwrap_or_else(|| "Fee".to_owned());
        if let Some(cost) = lines.cost(fee, &place, &rates, faults) {
            lines.single(&name, cost);
        }
    }
    for (place, refund) in list(order, "refunds") {
        let before = faults.len();
        let amount = decimal(refund, &place, "total", faults).abs();
        let name = match text(refund, "reason", NAME - 10) {
            Some(reason) => format!("Refund: {reason}"),
            None => "Refund".to_owned(),
        };
        if faults.len() > before {
            let amount = as_it_came(refund, "total");
            let unread = json!({ "name": name, "amount": amount });
            lines.discounts.push(unread);
        } else {
            lines.refund(&name, amount);
        }
    }
    lines
}

impl Lines {
    /// What a line without a quantity costs. One that cannot be read is kept as it came, for
    /// whoever mends it: none.
    fn cost(
        &mut self,
        line: &Map<String, Value>,
        place: &str,
        rates: &[(String, Decimal)],
        faults: &mut Faults,
    ) -> Option<Cost> {
        let before = faults.len();
        let amount = with_tax(line, place, "total", faults);
        if faults.len() > before {
            self.unread(line, "1");
            return None;
        }
        let rate = rate(line, rates);
        Some(Cost { amount, rate })
    }

    /// A line of which something cannot be read, as it came: its price is no number until somebody
    /// mends it.
    fn unread(&mut self, line: &Map<String, Value>, quantity: &str) {
        let name = ["name", "method_title"]
            .iter()
            .find_map(|name| text(line, name, NAME));
        let sum = ["total", "total_tax"].map(|name| as_it_came(line, name));
        self.items.push(json!({
            "name": name.unwrap_or_else(|| "?".to_owned()),
            "quantity": quantity,
            "price": format!("({}) / {quantity}", sum.join(" + ")),
        }));
    }

    /// Something without a quantity; below zero it is a discount.
    fn single(&mut self, name: &str, cost: Cost) {
        let Cost { amount, rate } = cost;
        let rate = rate.map(|rate| rate.to_string());
        self.sum += amount;
        if amount > Decimal::ZERO {
            self.items.push(json!({
                "name": name, "quantity": "1", "price": amount.to_string(), "vat_rate": rate
            }));
        } else if amount < Decimal::ZERO {
            let amount = amount.abs().to_string();
            self.discounts
                .push(json!({ "name": name, "amount": amount, "vat_rate": rate }));
        }
    }

    pub(super) fn refund(&mut self, name: &str, amount: Decimal) {
        self.refunded += amount;
        self.off(name, amount);
    }

    /// What is taken off the whole order.
    pub(super) fn off(&mut self, name: &str, amount: Decimal) {
        let rate = None;
        self.single(
            name,
            Cost {
                amount: -amount,
                rate,
            },
        );
    }
}

fn product(
    line: &Map<String, Value>,
    place: &str,
    rates: &[(String, Decimal)],
    lines: &mut Lines,
    faults: &mut Faults,
) {
    let name = text(line, "name", NAME).unwrap_or_else(|| "?".to_owned());
    let before = faults.len();
    let total = with_tax(line, place, "total", faults);
    let quantity = decimal(line, place, "quantity", faults);
    if faults.len() > before {
        lines.unread(line, &as_it_came(line, "quantity"));
        return;
    }
    // What it was before discounts is only told beside it.
    let full = decimal_or_none(line, "subtotal") + decimal_or_none(line, "subtotal_tax");
    let rate = rate(line, rates);
    if total < Decimal::ZERO || quantity <= Decimal::ZERO {
        let amount = total;
        lines.single(&name, Cost { amount, rate });
        return;
    }
    lines.sum += total;
    let options = options(line);
    let whole = quantity;
    let product = id(line, "variation_id").or_else(|| id(line, "product_id"));
    for (quantity, price) in units(quantity, total) {
        let discount = (full - total).max(Decimal::ZERO) / whole;
        lines.items.push(json!({
            "product_id": product,
            "sku": text(line, "sku", 256),
            "name": name,
            "quantity": quantity.to_string(),
            "price": price.to_string(),
            "discount": round(discount).to_string(),
            "vat_rate": rate.map(|rate| rate.to_string()),
            "vat_included": true,
            "options": options,
        }));
    }
}

/// What the customer chose of a product: the values that WooCommerce shows with it. Keys that begin
/// with a line below are the shop's own.
fn options(line: &Map<String, Value>) -> Vec<Value> {
    let shown = list(line, "meta_data").filter_map(|(_, entry)| {
        let key = text(entry, "key", 200).unwrap_or_default();
        let name = text(entry, "display_key", 200).unwrap_or_else(|| key.clone());
        let value = ["display_value", "value"];
        let value = value.iter().find_map(|name| chosen(entry.get(*name)?))?;
        let own = key.starts_with('_') || name.starts_with('_');
        (!own).then(|| json!({ "name": name, "value": value }))
    });
    shown.take(50).collect()
}

/// A value that was chosen, or several of them.
fn chosen(value: &Value) -> Option<String> {
    match value {
        Value::Array(several) => {
            let several: Vec<String> = several.iter().filter_map(|one| told(one, NAME)).collect();
            (!several.is_empty()).then(|| several.join(", "))
        }
        one => told(one, NAME),
    }
}

/// Quantities with prices to the cent that sum to the total: 10.00 for three is two at 3.33 and one
/// at 3.34.
fn units(quantity: Decimal, total: Decimal) -> Vec<(Decimal, Decimal)> {
    let exact = total / quantity;
    let low = exact.round_dp_with_strategy(2, RoundingStrategy::ToZero);
    let cents = (total - low * quantity) / CENT;
    if cents.is_zero() {
        return vec![(quantity, low)];
    }
    if !quantity.is_integer() || !cents.is_integer() || cents >= quantity {
        return vec![(quantity, exact.round_dp(10))];
    }
    vec![(quantity - cents, low), (cents, low + CENT)]
}

/// The order's tax rates in percent, by id.
fn rates(order: &Map<String, Value>) -> Vec<(String, Decimal)> {
    list(order, "tax_lines")
        .filter(|(_, tax)| tax.get("rate_percent").is_some())
        .filter_map(|(_, tax)| {
            let percent = decimal_or_none(tax, "rate_percent");
            Some((id(tax, "rate_id")?, percent))
        })
        .collect()
}

/// The VAT of a line in percent: the sum of the rates that it was taxed with, else what its tax
/// comes to.
fn rate(line: &Map<String, Value>, rates: &[(String, Decimal)]) -> Option<Decimal> {
    let net = decimal_or_none(line, "total").abs();
    let tax = decimal_or_none(line, "total_tax").abs();
    let known: Vec<Decimal> = list(line, "taxes")
        .filter(|(_, tax)| text(tax, "total", 40).is_some())
        .filter_map(|(_, tax)| {
            let wanted = id(tax, "id")?;
            rates
                .iter()
                .find(|(id, _)| *id == wanted)
                .map(|(_, rate)| *rate)
        })
        .collect();
    let sum: Decimal = known.iter().sum();
    let rate = if !tax.is_zero() && sum > Decimal::ZERO {
        sum
    } else if !tax.is_zero() && net > tax {
        (tax / net * Decimal::ONE_HUNDRED)
            .round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero)
    } else if !known.is_empty() && sum.is_zero() {
        sum
    } else {
        return None;
    };
    (rate <= Decimal::ONE_HUNDRED).then(|| rate.normalize())
}

/// `total` and `total_tax`, or `subtotal` and `subtotal_tax`.
fn with_tax(line: &Map<String, Value>, place: &str, name: &str, faults: &mut Faults) -> Decimal {
    decimal(line, place, name, faults) + decimal(line, place, &format!("{name}_tax"), faults)
}

fn round(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}
