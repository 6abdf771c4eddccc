use super::*;
use crate::domain::{Channel, CustomerKind, happening::Tell};
use proptest::prelude::*;
use serde_json::json;

fn sample() -> Value {
    json!({
        "specversion": "1.0", "type": SAVED, "source": "https://shop.example", "id": "e1",
        "data": {
            "number": "1001", "status": "N", "currency": "rub", "total": 2570.10,
            "updated_at": "2026-01-15T10:00:00+03:00",
            "customer": {
                "id": 77, "name": "Анна", "phones": [
                    "8 (916) 123-45-67", "+79161234567", "нет телефона"
                ],
                "emails": ["Anna@Example.com"]
            },
            "items": [{"name": "Чайник", "quantity": 1, "price": "1990.00", "vat_rate": 20}],
            "discounts": [{"amount": "1e2"}],
            "origin": {"channel": "one-click"},
            "properties": {"promo": "X"},
            "loyalty": {"card": 5}
        }
    })
}

fn parse(message: &Value) -> Result<Event, Faults> {
    Event::parse(message, "7")
}

fn snapshot(message: &Value) -> Snapshot {
    match parse(message).unwrap().body {
        EventBody::Saved(snapshot) => *snapshot,
        EventBody::Deleted { .. } => panic!("deleted"),
    }
}

fn pointers(message: &Value) -> Vec<String> {
    parse(message)
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.pointer)
        .collect()
}

#[test]
fn a_snapshot_is_read_with_exact_decimals_and_normalised_contacts() {
    let snapshot = snapshot(&sample());
    assert_eq!(snapshot.currency, "RUB");
    assert_eq!(snapshot.total.to_string(), "2570.1");
    assert_eq!(snapshot.discounts[0].amount.to_string(), "100");
    let customer = snapshot.customer.unwrap();
    assert_eq!(customer.kind, CustomerKind::Person);
    assert_eq!(customer.id.as_deref(), Some("77"));
    assert_eq!(customer.phones.len(), 1);
    assert_eq!(customer.emails, ["anna@example.com"]);
    assert_eq!(snapshot.left_out.len(), 1);
    assert_eq!(
        snapshot.origin.channel,
        Channel::Other("one-click".to_owned())
    );
    assert_eq!(snapshot.data["loyalty"]["card"], 5);
}

#[test]
fn every_fault_is_named_at_once_with_its_pointer() {
    let mut message = sample();
    message["specversion"] = json!("0.3");
    message["data"]["currency"] = json!("rubles");
    message["data"]["items"][0]["price"] = json!(-1);
    message["data"]["items"][0]["quantity"] = json!(0);
    message["data"]["updated_at"] = json!("yesterday");
    message["data"]["customer"]["kind"] = json!("robot");
    message["data"]["properties"] = json!("none");
    message["data"].as_object_mut().unwrap().remove("number");
    let mut found = pointers(&message);
    found.sort();
    assert_eq!(
        found,
        [
            "/data/currency",
            "/data/customer/kind",
            "/data/items/0/price",
            "/data/items/0/quantity",
            "/data/number",
            "/data/properties",
            "/data/updated_at",
            "/specversion",
        ]
    );
}

#[test]
fn a_deleted_order_needs_only_its_number() {
    let message = json!(
        {"specversion": "1.0", "type": DELETED, "source": "s", "id": "2", "data": {"number": 1001}}
    );
    let event = parse(&message).unwrap();
    assert_eq!(event.body.number().as_str(), "1001");
    assert_eq!(event.body.kind(), DELETED);
}

#[test]
fn an_unknown_type_is_a_fault_at_its_place() {
    let mut message = sample();
    message["type"] = json!("shop.order.eaten.v1");
    assert_eq!(pointers(&message), ["/type"]);
}

#[test]
fn what_postgres_cannot_store_is_refused_with_its_place() {
    let mut message = sample();
    message["data"]["comment"] = json!("a\u{0}b");
    assert_eq!(pointers(&message), ["/data/comment"]);
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    let mut message = sample();
    message["data"]["properties"]["deep"] = deep;
    assert_eq!(parse(&message).unwrap_err()[0].detail, "nested too deeply");
}

#[test]
fn a_wrong_taxpayer_number_is_left_out_and_noted_and_loses_no_order() {
    let mut message = sample();
    message["data"]["customer"]["company"] =
        json!({"title": "ООО «Ромашка»", "inn": "7707083894", "kpp": "770701001"});
    let snapshot = snapshot(&message);
    let company = snapshot.customer.unwrap().company.unwrap();
    assert_eq!(
        (company.inn, company.kpp.as_deref()),
        (None, Some("770701001"))
    );
    assert!(
        snapshot
            .left_out
            .iter()
            .any(|note| note.sentence().contains("7707083894"))
    );
}

#[test]
fn money_out_of_bounds_is_refused() {
    for wrong in [
        json!("1e30"),
        json!("1,5"),
        json!("NaN"),
        json!(true),
        json!("0.00000000001"),
        json!("1 000"),
    ] {
        let mut message = sample();
        message["data"]["total"] = wrong.clone();
        assert_eq!(pointers(&message), ["/data/total"], "{wrong}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics_and_every_pointer_leads_into_the_message(
        field in prop::sample::select(vec![
            "number", "status", "currency", "total", "customer", "items", "discounts", "delivery",
                "payment", "properties", "utm",
            "comment", "origin", "paid", "version", "updated_at",
        ]),
        value in any_json(),
    ) {
        let mut message = sample();
        message["data"][field] = value;
        if let Err(faults) = parse(&message) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(message.pointer(parent).is_some(), "{} leads nowhere", fault.pointer);
            }
        }
    }

    #[test]
    fn anything_at_all_is_read_or_refused(message in any_json()) {
        let _ = parse(&message);
    }
}
