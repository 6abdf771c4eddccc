//! The lines of an order: products, fees, refunds; tax included, so that they sum to the total.

use super::values::{decimal, id, list, text};
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
}

/// Reads products, fees and refunds. Coupons are in the products' totals already.
pub(super) fn lines(order: &Map<String, Value>, faults: &mut Faults) -> Lines {
    let rates = rates(order, faults);
    let mut lines = Lines::default();
    for (place, line) in list(order, "line_items") {
        product(line, &place, &rates, &mut lines, faults);
    }
    for (place, fee) in list(order, "fee_lines") {
        let name = text(fee, "name", NAME).unwrap_or_else(|| "Fee".to_owned());
        let amount = with_tax(fee, &place, "total", faults);
        lines.single(&name, amount);
    }
    for (place, refund) in list(order, "refunds") {
        let amount = decimal(refund, &place, "total", faults).abs();
        let name = match text(refund, "reason", NAME - 10) {
            Some(reason) => format!("Refund: {reason}"),
            None => "Refund".to_owned(),
        };
        lines.refunded += amount;
        lines.single(&name, -amount);
    }
    lines
}

impl Lines {
    /// Something without a quantity; below zero it is a discount.
    fn single(&mut self, name: &str, amount: Decimal) {
        if amount > Decimal::ZERO {
            self.items
                .push(json!({ "name": name, "quantity": "1", "price": amount.to_string() }));
        } else if amount < Decimal::ZERO {
            self.discounts
                .push(json!({ "name": name, "amount": amount.abs().to_string() }));
        }
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
    let total = with_tax(line, place, "total", faults);
    let full = with_tax(line, place, "subtotal", faults);
    let quantity = decimal(line, place, "quantity", faults);
    if total < Decimal::ZERO || quantity <= Decimal::ZERO {
        lines.single(&name, total);
        return;
    }
    let product = id(line, "variation_id").or_else(|| id(line, "product_id"));
    for (quantity, price) in units(quantity, total) {
        let discount = (full - total).max(Decimal::ZERO) / decimal(line, place, "quantity", faults);
        lines.items.push(json!({
            "product_id": product,
            "sku": text(line, "sku", 256),
            "name": name,
            "quantity": quantity.to_string(),
            "price": price.to_string(),
            "discount": round(discount).to_string(),
            "vat_rate": rate(line, place, rates, faults).map(|rate| rate.to_string()),
            "vat_included": true,
        }));
    }
}

/// Quantities with prices to the cent that sum to the total: 10.00 for three is two at 3.33 and one at 3.34.
fn units(quantity: Decimal, total: Decimal) -> Vec<(Decimal, Decimal)> {
    let exact = total / quantity;
    let low = exact.round_dp_with_strategy(2, RoundingStrategy::ToZero);
    let cents = (total - low * quantity) / CENT;
    if cents.is_zero() {
        return vec![(quantity, low)];
    }
    if !quantity.is_integer() || !cents.is_integer() || cents >= quantity {
        return vec![(quantity, round(exact))];
    }
    vec![(quantity - cents, low), (cents, low + CENT)]
}

/// The order's tax rates in percent, by id.
fn rates(order: &Map<String, Value>, faults: &mut Faults) -> Vec<(String, Decimal)> {
    list(order, "tax_lines")
        .filter(|(_, tax)| tax.get("rate_percent").is_some())
        .filter_map(|(place, tax)| {
            Some((
                id(tax, "rate_id")?,
                decimal(tax, &place, "rate_percent", faults),
            ))
        })
        .collect()
}

/// The VAT of a line in percent: the sum of the rates that it was taxed with, else what its tax comes to.
fn rate(
    line: &Map<String, Value>,
    place: &str,
    rates: &[(String, Decimal)],
    faults: &mut Faults,
) -> Option<Decimal> {
    let net = decimal(line, place, "total", faults);
    let tax = decimal(line, place, "total_tax", faults);
    let known: Decimal = list(line, "taxes")
        .filter(|(_, tax)| text(tax, "total", 40).is_some())
        .filter_map(|(_, tax)| {
            let wanted = id(tax, "id")?;
            rates
                .iter()
                .find(|(id, _)| *id == wanted)
                .map(|(_, rate)| *rate)
        })
        .sum();
    let rate = if known > Decimal::ZERO {
        known
    } else if tax > Decimal::ZERO && net > tax {
        (tax / net * Decimal::ONE_HUNDRED)
            .round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero)
    } else {
        return None;
    };
    (rate <= Decimal::ONE_HUNDRED).then(|| rate.normalize())
}

/// `total` and `total_tax`, or `subtotal` and `subtotal_tax`.
pub(super) fn with_tax(
    line: &Map<String, Value>,
    place: &str,
    name: &str,
    faults: &mut Faults,
) -> Decimal {
    decimal(line, place, name, faults) + decimal(line, place, &format!("{name}_tax"), faults)
}

fn round(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}
