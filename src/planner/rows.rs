//! Product rows: lines, delivery and discounts that sum to the order's total.

use crate::domain::{Item, ShopRules, Snapshot, money};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The rows of an order, and what they sum to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    pub(super) rows: Vec<Value>,
    pub(super) sum: Decimal,
}

/// Lines in the shop's order, then delivery, then discounts on the whole order as rows below zero.
pub(super) fn rows(snapshot: &Snapshot, rules: &ShopRules) -> Rows {
    let mut rows = Vec::new();
    let mut sum = Decimal::ZERO;
    for item in &snapshot.items {
        let (row, amount) = line(item);
        sum += amount;
        rows.push(row);
    }
    if let Some(delivery) = snapshot
        .delivery
        .as_ref()
        .filter(|delivery| !delivery.price.is_zero())
    {
        let name = match &delivery.method {
            Some(method) => format!("{}: {method}", rules.delivery_name),
            None => rules.delivery_name.clone(),
        };
        sum += money::round(delivery.price);
        rows.push(single(&name, delivery.price));
    }
    for discount in snapshot
        .discounts
        .iter()
        .filter(|discount| !discount.amount.is_zero())
    {
        sum -= money::round(discount.amount);
        rows.push(single(&discount.name, -discount.amount));
    }
    for (at, row) in rows.iter_mut().enumerate() {
        row.insert("SORT".to_owned(), json!((at + 1) * 10));
    }
    Rows {
        rows: rows.into_iter().map(Value::Object).collect(),
        sum,
    }
}

/// PRICE is what one unit costs in the end, tax included, so that the sum does not depend on how a portal adds the tax. DISCOUNT_SUM lies
/// between two prices without tax (PRICE_NETTO and PRICE_EXCLUSIVE), so it carries none.
fn line(item: &Item) -> (Map<String, Value>, Decimal) {
    let taxed = |amount: Decimal| match item.vat_rate {
        Some(rate) if !item.vat_included => money::with_tax(amount, rate),
        _ => amount,
    };
    let price = taxed(item.price);
    let mut row = Map::new();
    let name = match &item.sku {
        Some(sku) if !item.name.contains(sku.as_str()) => format!("{} [{sku}]", item.name),
        _ => item.name.clone(),
    };
    row.insert("PRODUCT_ID".to_owned(), json!(0));
    row.insert("PRODUCT_NAME".to_owned(), json!(cut(&name, 255)));
    row.insert("PRICE".to_owned(), json!(money::text(price)));
    row.insert(
        "QUANTITY".to_owned(),
        json!(item.quantity.normalize().to_string()),
    );
    if !item.discount.is_zero() {
        row.insert("DISCOUNT_TYPE_ID".to_owned(), json!(1));
        let net = match item.vat_rate {
            Some(rate) if item.vat_included => money::without_tax(item.discount, rate),
            _ => item.discount,
        };
        row.insert("DISCOUNT_SUM".to_owned(), json!(money::text(net)));
    }
    if let Some(rate) = item.vat_rate {
        row.insert("TAX_RATE".to_owned(), json!(rate.normalize().to_string()));
        row.insert(
            "TAX_INCLUDED".to_owned(),
            json!(if item.vat_included { "Y" } else { "N" }),
        );
    }
    if let Some((code, name)) = item.unit.as_deref().and_then(measure) {
        row.insert("MEASURE_CODE".to_owned(), json!(code));
        row.insert("MEASURE_NAME".to_owned(), json!(name));
    }
    (row, money::line(price, item.quantity))
}

fn single(name: &str, price: Decimal) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("PRODUCT_ID".to_owned(), json!(0));
    row.insert("PRODUCT_NAME".to_owned(), json!(cut(name, 255)));
    row.insert("PRICE".to_owned(), json!(money::text(price)));
    row.insert("QUANTITY".to_owned(), json!("1"));
    row
}

/// The OKEI code and symbol of a unit, if it is known by its symbol or given as a code.
fn measure(unit: &str) -> Option<(u32, String)> {
    const KNOWN: &[(u32, &str, &[&str])] = &[
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
    let wanted = unit.trim().trim_end_matches('.').to_lowercase();
    if let Ok(code) = wanted.parse::<u32>() {
        let symbol = KNOWN
            .iter()
            .find(|(known, ..)| *known == code)
            .map_or(unit, |(_, symbol, _)| symbol);
        return Some((code, symbol.to_owned()));
    }
    KNOWN
        .iter()
        .find(|(.., names)| names.contains(&wanted.as_str()))
        .map(|(code, symbol, _)| (*code, (*symbol).to_owned()))
}

/// The first `max` characters.
pub(super) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{rules, snapshot};

    #[test]
    fn lines_delivery_and_discounts_sum_to_the_kopeck() {
        let order = snapshot(&json!({
            "total": "2470",
            "items": [
                {"name": "Чайник", "quantity": 1, "price": "1990", "vat_rate": 20},
                {"name": "Чай", "quantity": "2", "price": "140", "discount": "10", "unit": "шт."}
            ],
            "delivery": {"method": "Курьер", "price": 300},
            "discounts": [{"name": "Купон", "amount": "100"}]
        }));
        let rows = rows(&order, &rules());
        assert_eq!(rows.sum, Decimal::from(2470));
        let names: Vec<_> = rows
            .rows
            .iter()
            .map(|row| row["PRODUCT_NAME"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Чайник", "Чай", "Доставка: Курьер", "Купон"]);
        assert_eq!(rows.rows[1]["DISCOUNT_SUM"], "10.00");
        assert_eq!(rows.rows[1]["MEASURE_CODE"], 796);
        assert_eq!(rows.rows[3]["PRICE"], "-100.00");
    }

    #[test]
    fn a_tax_on_top_is_in_the_price_that_is_sent() {
        let order = snapshot(&json!({
            "total": "240",
            "items": [{"name": "A", "quantity": 2, "price": "100", "vat_rate": 20, "vat_included": false}]
        }));
        let rows = rows(&order, &rules());
        assert_eq!(
            (&rows.rows[0]["PRICE"], &rows.rows[0]["TAX_INCLUDED"]),
            (&json!("120.00"), &json!("N"))
        );
        assert_eq!(rows.sum, Decimal::from(240));
    }

    #[test]
    fn a_discount_is_sent_without_the_tax_so_that_the_price_before_it_is_the_shops() {
        let order = snapshot(&json!({
            "total": "242",
            "items": [
                {"name": "A", "quantity": 1, "price": "80", "discount": "20", "vat_rate": 20},
                {"name": "B", "quantity": 1, "price": "100", "discount": "10", "vat_rate": 20, "vat_included": false},
                {"name": "C", "quantity": 1, "price": "42", "discount": "8"}
            ]
        }));
        let rows = rows(&order, &rules()).rows;
        let before = |row: &Value| {
            let number = |name: &str| -> Decimal {
                row.get(name)
                    .and_then(Value::as_str)
                    .map_or(Decimal::ZERO, |text| text.parse().unwrap())
            };
            let rate = number("TAX_RATE") / Decimal::ONE_HUNDRED + Decimal::ONE;
            let exclusive = number("PRICE") / rate;
            ((exclusive + number("DISCOUNT_SUM")) * rate).round_dp(1)
        };
        assert_eq!(
            rows.iter().map(before).collect::<Vec<_>>(),
            [Decimal::from(100), Decimal::from(132), Decimal::from(50)]
        );
    }

    #[test]
    fn units_are_known_by_symbol_and_by_code() {
        assert_eq!(measure("КГ"), Some((166, "кг".to_owned())));
        assert_eq!(measure("796"), Some((796, "шт".to_owned())));
        assert_eq!(measure("парсек"), None);
    }
}
