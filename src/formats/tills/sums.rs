//! Payments, taxes and buyers of receipts, read from the words of Evotor and MoySklad.

use super::card::{amount, plain};
use crate::stock;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// How an Evotor receipt was paid: by its payments, its transactions, or by one word for all.
pub(super) fn evotor_payments(
    document: &Object,
    body: Option<&Object>,
    total: Option<Decimal>,
) -> Option<Value> {
    let list = |of: Option<&Object>| {
        let listed = of?.get("payments")?.as_array()?;
        let payments: Vec<Value> = listed.iter().filter_map(payment).collect();
        (!payments.is_empty()).then_some(payments)
    };
    let extras = document.get("extras").and_then(Value::as_object);
    let transactions = || {
        let all = document.get("transactions")?.as_array()?;
        let of_money = all
            .iter()
            .filter(|one| one.get("type").is_some_and(|kind| kind == "PAYMENT"));
        let payments: Vec<Value> = of_money.filter_map(payment).collect();
        (!payments.is_empty()).then_some(payments)
    };
    let source = || {
        let kind = document.get("paymentSource").and_then(plain)?;
        let sum = stock::text(total?.abs());
        Some(vec![json!({ "kind": kind, "sum": sum })])
    };
    let found = list(Some(document))
        .or_else(|| list(body))
        .or_else(|| list(extras))
        .or_else(transactions)
        .or_else(source);
    found.map(Value::Array)
}

/// A member of a list, out of the wrapper in which the vendor's papers show it:
/// `{"position": {…}}`.
pub(super) fn bare(row: &Value) -> &Value {
    let mut members = row.as_object().into_iter().flat_map(Map::values);
    match (members.next(), members.next()) {
        (Some(inner), None) if inner.is_object() => inner,
        _ => row,
    }
}

/// One payment; the change that was given is none of it.
fn payment(told: &Value) -> Option<Value> {
    let told = bare(told);
    // Of a transaction `type` is what it is about.
    let kinds = ["paymentType", "payment_type", "type", "kind"];
    let mut words = kinds
        .iter()
        .filter_map(|name| told.get(*name).and_then(plain));
    let kind = words.find(|word| word != "PAYMENT")?;
    let parts = told.get("parts").and_then(Value::as_array);
    let part = |part: &Value| {
        let part = bare(part);
        let sum = part.get("part_sum").and_then(amount)?;
        sum.checked_sub(part.get("change").and_then(amount).unwrap_or_default())
    };
    let by_parts = parts.filter(|parts| !parts.is_empty()).and_then(|parts| {
        let mut all = Decimal::ZERO;
        for one in parts {
            all = all.checked_add(part(one)?)?;
        }
        Some(all)
    });
    let sum = by_parts.or_else(|| told.get("sum").and_then(amount))?;
    Some(json!({ "kind": kind, "sum": stock::text(sum.abs()) }))
}

/// The rate of the VAT in a row of Evotor's, in percent; none: there is none, or it is not said.
pub(super) fn evotor_rate(row: &Object) -> Option<Decimal> {
    let percent = row.get("taxPercent").and_then(amount);
    let word = row
        .get("tax")
        .and_then(|tax| tax.get("type"))
        .and_then(plain);
    let by_word = word.and_then(|word| {
        // VAT_20, VAT_20_120, NO_VAT.
        let rest = word.strip_prefix("VAT_")?;
        rest.split('_').next()?.parse::<Decimal>().ok()
    });
    percent.or(by_word).filter(|rate| !rate.is_zero())
}

/// Who bought, where an Evotor receipt was sent to somebody.
pub(super) fn evotor_customer(document: &Object, body: Option<&Object>) -> Option<Value> {
    let found = |names: [&str; 2]| {
        let of = |object: &Object| {
            names
                .iter()
                .find_map(|name| object.get(*name).and_then(plain))
        };
        of(document).or_else(|| of(body?))
    };
    let phone = found(["customer_phone", "customerPhone"]);
    let email = found(["customer_email", "customerEmail"]);
    (phone.is_some() || email.is_some()).then(|| json!({ "phone": phone, "email": email }))
}

/// How a retail document of MoySklad was paid: its sums are in kopecks.
pub(super) fn moysklad_payments(row: &Value) -> Option<Value> {
    let kinds = [
        ("cash", ["cashSum", "prepaymentCashSum"]),
        ("card", ["noCashSum", "prepaymentNoCashSum"]),
        ("qr", ["qrSum", "prepaymentQrSum"]),
    ];
    let paid = kinds.iter().filter_map(|(kind, names)| {
        let kopecks = names
            .iter()
            .filter_map(|name| row.get(*name).and_then(amount));
        let kopecks = kopecks.fold(Decimal::ZERO, Decimal::saturating_add);
        let sum = stock::text(kopecks / Decimal::ONE_HUNDRED);
        (!kopecks.is_zero()).then(|| json!({ "kind": kind, "sum": sum }))
    });
    let paid: Vec<Value> = paid.collect();
    (!paid.is_empty()).then_some(Value::Array(paid))
}

/// What a position of MoySklad comes to, its discount (in percent) taken off, in roubles.
pub(super) fn moysklad_sum(position: &Value) -> Option<String> {
    let number = |name: &str| position.get(name).and_then(amount);
    let left = Decimal::ONE_HUNDRED.checked_sub(number("discount").unwrap_or_default())?;
    let kopecks = number("price")?.checked_mul(number("quantity")?)?;
    let kopecks = kopecks
        .checked_mul(left)?
        .checked_div(Decimal::ONE_HUNDRED)?;
    Some(stock::text((kopecks / Decimal::ONE_HUNDRED).round_dp(2)))
}

/// The rate of the VAT in a position of MoySklad's; none: there is none, or it is not said.
pub(super) fn moysklad_rate(position: &Value) -> Option<Decimal> {
    let counts = position.get("vatEnabled").and_then(Value::as_bool) != Some(false);
    let rate = position.get("vat").and_then(amount);
    rate.filter(|rate| counts && !rate.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::TillName, formats::tills::evotor::EvotorReceipts};

    fn object(value: &Value) -> &Object {
        value.as_object().unwrap()
    }

    #[test]
    fn an_evotor_receipt_tells_its_payments_in_four_ways_and_the_change_is_none() {
        let parts = json!({ "payments": [{ "type": "CASH", "sum": 500,
            "parts": [{ "part_sum": 500, "change": 189.5 }] }] });
        let extras = json!({ "extras": { "payments": [{ "sum": 310.5, "type": "card" }] } });
        let turns = json!({ "transactions": [
            { "type": "REGISTER_POSITION", "sum": 310.5 },
            { "type": "PAYMENT", "paymentType": "ELECTRON", "sum": -310.5 }] });
        let source = json!({ "paymentSource": "PAY_CARD" });
        let total = Some(Decimal::new(3_105, 1));
        for (told, kind) in [
            (&parts, "CASH"),
            (&extras, "card"),
            (&turns, "ELECTRON"),
            (&source, "PAY_CARD"),
        ] {
            let paid = evotor_payments(object(told), None, total);
            assert_eq!(paid, Some(json!([{ "kind": kind, "sum": "310.5" }])));
        }
        let empty = json!({});
        let paid = evotor_payments(object(&empty), Some(object(&parts)), None);
        assert_eq!(paid.unwrap()[0]["kind"], "CASH");
        assert_eq!(evotor_payments(object(&empty), None, total), None);
    }

    #[test]
    fn vat_is_said_by_its_percent_or_its_word() {
        let rate = |row: Value| evotor_rate(object(&row)).map(|rate| rate.to_string());
        assert_eq!(rate(json!({ "taxPercent": 20 })), Some("20".to_owned()));
        let word = |word: &str| json!({ "tax": { "type": word } });
        assert_eq!(rate(word("VAT_10")), Some("10".to_owned()));
        assert_eq!(rate(word("VAT_20_120")), Some("20".to_owned()));
        assert_eq!(rate(word("NO_VAT")), None);
        assert_eq!(rate(json!({ "tax": 0, "taxPercent": 0 })), None);
    }

    #[test]
    fn a_sale_of_moysklad_is_paid_in_kopecks_and_its_discount_is_in_percent() {
        let row = json!({ "cashSum": 10_000.0, "noCashSum": 21_050, "qrSum": 0 });
        let paid = json!([{ "kind": "cash", "sum": "100" }, { "kind": "card", "sum": "210.5" }]);
        assert_eq!(moysklad_payments(&row), Some(paid));
        assert_eq!(moysklad_payments(&json!({})), None);
        let position = json!({ "price": 15_000.0, "quantity": 2.0, "discount": 10.0, "vat": 20,
            "vatEnabled": true });
        assert_eq!(moysklad_sum(&position).as_deref(), Some("270"));
        assert_eq!(moysklad_rate(&position), Some(Decimal::from(20)));
        let exempt = json!({ "vat": 20, "vatEnabled": false });
        assert_eq!(moysklad_rate(&exempt), None);
    }

    #[test]
    fn who_got_an_evotor_receipt_bought() {
        let body = json!({ "customer_phone": "+79160000001" });
        let empty = json!({});
        let who = evotor_customer(object(&empty), Some(object(&body)));
        assert_eq!(who.unwrap()["phone"], "+79160000001");
        assert_eq!(evotor_customer(object(&empty), None), None);
    }

    #[test]
    fn a_page_of_documents_is_read_also_where_every_member_is_wrapped() {
        let position = json!({ "product_id": "p-1", "quantity": 2, "result_sum": 90 });
        let payment = |part: Value| json!({ "type": "CASH", "sum": 100, "parts": [part] });
        let part = json!({ "part_sum": 100, "change": 10 });
        let document = |position: Value, payment: Value| {
            json!({ "id": "D-9", "type": "SELL", "close_date": "2026-03-01T09:15:00.000+0000",
                "body": { "positions": [position], "payments": [payment], "result_sum": 90 } })
        };
        let bare = document(position.clone(), payment(part.clone()));
        let payment = payment(json!({ "part": part }));
        let wrapped = document(
            json!({ "position": position }),
            json!({ "payment": payment }),
        );
        let till = TillName::parse("centre").unwrap();
        let read = EvotorReceipts::read(&till, "", &bare);
        let data = &read.events[0]["data"];
        assert_eq!(data["lines"][0]["product_id"], "p-1");
        assert_eq!(data["payments"][0]["sum"], "90");
        for items in [
            json!([bare]),
            json!([wrapped]),
            json!([{ "document": wrapped }]),
        ] {
            let page = json!({ "items": items, "paging": {} });
            assert_eq!(EvotorReceipts::read(&till, "", &page), read, "{page}");
        }
    }
}
