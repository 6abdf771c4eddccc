//! Product rows: their arithmetic and their rules.

use crate::sandbox::protocol::{
    decode::{elements, int, text},
    envelope::Fail,
};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) product: u64,
    pub(crate) name: String,
    pub(crate) price: Decimal,
    pub(crate) exclusive: Decimal,
    pub(crate) netto: Decimal,
    pub(crate) brutto: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) absolute: bool,
    pub(crate) rate: Decimal,
    pub(crate) sum: Decimal,
    pub(crate) tax: Option<Decimal>,
    pub(crate) tax_included: bool,
    pub(crate) measure_code: u64,
    pub(crate) measure_name: String,
    pub(crate) sort: i64,
}

/// The field of a row by its classic name, in whichever family it was sent.
fn given<'v>(row: &'v Value, classic: &str) -> Option<&'v Value> {
    let camel = match classic {
        "PRODUCT_ID" => "productId",
        "PRODUCT_NAME" => "productName",
        "PRICE" => "price",
        "QUANTITY" => "quantity",
        "DISCOUNT_TYPE_ID" => "discountTypeId",
        "DISCOUNT_RATE" => "discountRate",
        "DISCOUNT_SUM" => "discountSum",
        "TAX_RATE" => "taxRate",
        "TAX_INCLUDED" => "taxIncluded",
        "MEASURE_CODE" => "measureCode",
        "MEASURE_NAME" => "measureName",
        "SORT" => "sort",
        _ => return row.get(classic),
    };
    row.get(classic).or_else(|| row.get(camel))
}

pub(crate) fn decimal(value: Option<&Value>) -> Option<Decimal> {
    let text = value.map(text)?;
    let number: Option<Decimal> = text
        .trim()
        .parse()
        .ok()
        .or_else(|| Decimal::from_scientific(text.trim()).ok());
    // Beyond this no shop's number goes, and products of two still fit.
    number.filter(|n| n.abs() < Decimal::from(10_000_000_000_000_i64))
}

pub(crate) fn cents(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The parts of a price, worked out from the final one.
struct Parts {
    exclusive: Decimal,
    netto: Decimal,
    brutto: Decimal,
    rate: Decimal,
    sum: Decimal,
}

fn parts(price: Decimal, tax: Decimal, absolute: bool, rate: Decimal, sum: Decimal) -> Parts {
    let hundred = Decimal::ONE_HUNDRED;
    let exclusive = cents(price / (Decimal::ONE + tax / hundred));
    let (netto, rate) = if absolute {
        let netto = exclusive + sum;
        let rate = if netto.is_zero() {
            Decimal::ZERO
        } else {
            cents(sum / netto * hundred)
        };
        (netto, rate)
    } else if rate == hundred {
        (exclusive + sum, rate)
    } else {
        (cents(exclusive / (Decimal::ONE - rate / hundred)), rate)
    };
    let brutto = cents(netto * (Decimal::ONE + tax / hundred));
    Parts {
        exclusive,
        netto,
        brutto,
        rate,
        sum: netto - exclusive,
    }
}

/// Reads one row as sent. `at` is its place in the list.
pub(crate) fn read(row: &Value, id: u64, at: usize) -> Result<Row, Fail> {
    let kind = given(row, "DISCOUNT_TYPE_ID").and_then(int);
    let rate = decimal(given(row, "DISCOUNT_RATE"));
    let sum = decimal(given(row, "DISCOUNT_SUM"));
    let core = |text: &str| Err(Fail::bad("ERROR_CORE", text));
    match (kind, rate, sum) {
        (Some(1), _, None) => {
            return core(
                "Discount Sum (DISCOUNT_SUM) is required if Monetary Discount Type \
                 (DISCOUNT_TYPE_ID) is defined.<br>",
            );
        }
        (Some(2), None, _) => {
            return core(
                "Discount Rate (DISCOUNT_RATE) is required if Percentage Discount Type \
                 (DISCOUNT_TYPE_ID) is defined.<br>",
            );
        }
        (Some(2) | None, Some(rate), None) if rate == Decimal::ONE_HUNDRED => {
            return core(
                "Discount Sum (DISCOUNT_SUM) is required if Percentage Discount Type is defined \
                 and Discount Rate is 100%.<br>",
            );
        }
        _ => {}
    }
    let absolute = kind == Some(1);
    let price = decimal(given(row, "PRICE")).unwrap_or_default();
    let tax = decimal(given(row, "TAX_RATE")).filter(|rate| !rate.is_sign_negative());
    let worked = parts(
        price,
        tax.unwrap_or_default(),
        absolute,
        rate.unwrap_or_default(),
        sum.unwrap_or_default(),
    );
    let name = given(row, "PRODUCT_NAME")
        .map(text)
        .filter(|n| !n.is_empty());
    let whole = |name: &str| {
        given(row, name)
            .and_then(int)
            .and_then(|n| u64::try_from(n).ok())
    };
    Ok(Row {
        id,
        product: whole("PRODUCT_ID").unwrap_or(0),
        name: name.map_or_else(|| format!("[{id}]"), |n| n.chars().take(255).collect()),
        price,
        exclusive: decimal(row.get("PRICE_EXCLUSIVE")).unwrap_or(worked.exclusive),
        netto: decimal(row.get("PRICE_NETTO")).unwrap_or(worked.netto),
        brutto: decimal(row.get("PRICE_BRUTTO")).unwrap_or(worked.brutto),
        quantity: decimal(given(row, "QUANTITY")).unwrap_or(Decimal::ONE),
        absolute,
        rate: worked.rate,
        sum: sum.unwrap_or(worked.sum),
        tax,
        tax_included: given(row, "TAX_INCLUDED").map(text).as_deref() == Some("Y"),
        measure_code: whole("MEASURE_CODE").unwrap_or(796),
        measure_name: given(row, "MEASURE_NAME")
            .map(text)
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| "шт".to_owned()),
        sort: given(row, "SORT").and_then(int).unwrap_or_else(|| {
            i64::try_from(at)
                .unwrap_or(0)
                .saturating_add(1)
                .saturating_mul(10)
        }),
    })
}

/// Reads a whole list of rows; elements that are no rows are passed over.
pub(crate) fn read_all(list: &Value, last_id: &mut u64) -> Result<Vec<Row>, Fail> {
    let mut rows = Vec::new();
    for (at, row) in elements(list)
        .into_iter()
        .filter(|row| row.is_object())
        .enumerate()
    {
        *last_id += 1;
        rows.push(read(row, *last_id, at)?);
    }
    Ok(rows)
}

/// The sum of a list of rows, and the tax in it.
pub(crate) fn totals(rows: &[Row]) -> (Decimal, Decimal) {
    let sum = rows.iter().map(|row| row.price * row.quantity).sum();
    let tax = rows
        .iter()
        .map(|row| (row.price - row.exclusive) * row.quantity)
        .sum();
    (cents(sum), cents(tax))
}

/// A written number as JSON shows it; null where it is none.
pub(crate) fn number_of(text: &str) -> Value {
    text.parse().map_or(Value::Null, number)
}

/// A number as JSON shows it: whole numbers without a point.
pub(crate) fn number(value: Decimal) -> Value {
    let value = value.normalize();
    if value.is_integer()
        && let Some(whole) = value.to_i64()
    {
        return whole.into();
    }
    value.to_f64().into()
}

impl Row {
    pub(crate) fn classic(&self, letter: &str, owner: u64) -> Value {
        json!({
            "ID": self.id.to_string(), "OWNER_ID": owner.to_string(), "OWNER_TYPE": letter,
            "PRODUCT_ID": self.product, "PRODUCT_NAME": self.name,
            "ORIGINAL_PRODUCT_NAME": if self.product > 0 { self.name.as_str() } else { "" },
            "PRODUCT_DESCRIPTION": null,
            "PRICE": number(self.price), "PRICE_EXCLUSIVE": number(self.exclusive),
            "PRICE_NETTO": number(self.netto), "PRICE_BRUTTO": number(self.brutto),
            "PRICE_ACCOUNT": format!("{:.8}", self.price), "QUANTITY": number(self.quantity),
            "DISCOUNT_TYPE_ID": if self.absolute { 1 } else { 2 },
            "DISCOUNT_RATE": number(self.rate), "DISCOUNT_SUM": number(self.sum),
            "TAX_RATE": self.tax.map(number), "TAX_INCLUDED": flag(self.tax_included),
            "CUSTOMIZED": "Y", "MEASURE_CODE": self.measure_code, "MEASURE_NAME": self.measure_name,
            "SORT": self.sort, "XML_ID": "", "TYPE": 1, "STORE_ID": null, "RESERVE_ID": null,
            "DATE_RESERVE_END": null, "RESERVE_QUANTITY": null,
        })
    }

    pub(crate) fn universal(&self, letter: &str, owner: u64) -> Value {
        json!({
            "id": self.id, "ownerId": owner, "ownerType": letter, "productId": self.product,
            "productName": self.name, "price": number(self.price),
            "priceAccount": number(self.price), "priceExclusive": number(self.exclusive),
            "priceNetto": number(self.netto), "priceBrutto": number(self.brutto),
            "quantity": number(self.quantity), "discountTypeId": if self.absolute { 1 } else { 2 },
            "discountRate": number(self.rate), "discountSum": number(self.sum),
            "taxRate": self.tax.map(number), "taxIncluded": flag(self.tax_included),
            "customized": "Y", "measureCode": self.measure_code, "measureName": self.measure_name,
            "sort": self.sort, "xmlId": "", "type": 1, "storeId": null,
        })
    }
}

fn flag(on: bool) -> &'static str {
    if on { "Y" } else { "N" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: &Value) -> Row {
        read(value, 7, 0).unwrap()
    }

    fn prices(row: &Row) -> [String; 4] {
        [row.exclusive, row.netto, row.brutto, row.sum].map(|d| d.normalize().to_string())
    }

    #[test]
    fn the_documented_examples_come_out_to_the_cent() {
        let first = row(&json!(
            {
                "price": 80000, "quantity": 2, "discountRate": 20, "taxRate": 20, "taxIncluded":
                    "Y"
            }
        ));
        assert_eq!(
            prices(&first),
            ["66666.67", "83333.34", "100000.01", "16666.67"]
        );
        let second =
            row(&json!({"price": 90000, "discountRate": 10, "taxRate": 10, "taxIncluded": "Y"}));
        assert_eq!(
            prices(&second),
            ["81818.18", "90909.09", "100000", "9090.91"]
        );
        let third = row(&json!({"PRICE": "22175.328", "DISCOUNT_RATE": 40, "TAX_RATE": 12}));
        assert_eq!(prices(&third), ["19799.4", "32999", "36958.88", "13199.6"]);
    }

    #[test]
    fn discounts_need_what_their_type_says() {
        for bad in [
            json!({"PRICE": 1, "DISCOUNT_TYPE_ID": 2}),
            json!({"PRICE": 1, "DISCOUNT_TYPE_ID": 1}),
            json!({"PRICE": 1, "DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 100}),
        ] {
            assert_eq!(read(&bad, 1, 0).unwrap_err().code, json!("ERROR_CORE"));
        }
        assert_eq!(
            row(&json!({"PRICE": 90, "DISCOUNT_TYPE_ID": 1, "DISCOUNT_SUM": 10})).brutto,
            Decimal::ONE_HUNDRED
        );
        assert_eq!(row(&json!({})).name, "[7]");
    }

    #[test]
    fn the_sum_counts_quantities() {
        let rows = [
            row(&json!({"PRICE": "10.005", "QUANTITY": 3})),
            row(&json!({"PRICE": 1})),
        ];
        assert_eq!(totals(&rows).0.to_string(), "31.02");
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        let odd =
            row(&json!({"PRICE": "1e3", "QUANTITY": "x", "TAX_RATE": -100, "PRODUCT_ID": -5}));
        assert_eq!(odd.price, Decimal::from(1000));
    }
}
