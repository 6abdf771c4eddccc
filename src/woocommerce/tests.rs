use super::*;
use crate::domain::{Channel, CustomerKind, Event, EventBody, Snapshot};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// An order as WooCommerce 9 sends it: taxed, with a coupon, a fee, a refund, made by a guest.
fn order() -> Value {
    serde_json::from_str(include_str!("sample.json")).unwrap()
}

fn parsed(topic: &str, body: &Value) -> Event {
    let Ok(Delivery::Event(event)) = read(topic, "d1", body) else {
        panic!("no event of {body}")
    };
    Event::parse(&event, "7").unwrap()
}

fn saved(body: &Value) -> Snapshot {
    match parsed("order.updated", body).body {
        EventBody::Saved(snapshot) => *snapshot,
        EventBody::Deleted { .. } => panic!("deleted"),
    }
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_order_comes_whole_and_its_lines_sum_to_what_is_left_to_pay() {
    let order = saved(&order());
    assert_eq!(order.number.as_str(), "727");
    assert_eq!(order.id.as_deref(), Some("A-1003"));
    assert_eq!(
        (order.status.as_str(), order.currency.as_str()),
        ("processing", "RUB")
    );
    assert_eq!(
        order.updated_at.unwrap().to_rfc3339(),
        "2026-01-15T07:05:00+00:00"
    );
    assert!(order.paid && order.paid_at.is_some() && !order.cancelled);
    let lines: Decimal = order
        .items
        .iter()
        .map(|item| item.price * item.quantity)
        .sum();
    let off: Decimal = order.discounts.iter().map(|discount| discount.amount).sum();
    let delivery = order.delivery.as_ref().unwrap();
    assert_eq!(delivery.price, amount("120"));
    assert_eq!(lines - off + delivery.price, order.total);
    assert_eq!(order.total, amount("187"));
    let tea: Vec<_> = order
        .items
        .iter()
        .filter(|item| item.name == "Чай")
        .map(|item| (item.quantity.to_string(), item.price.to_string()))
        .collect();
    let pair = |quantity: &str, price: &str| (quantity.to_owned(), price.to_owned());
    assert_eq!(tea, [pair("2", "3.33"), pair("1", "3.34")]);
    assert_eq!(order.items[0].vat_rate, Some(amount("20")));
    assert_eq!(order.items[0].discount, amount("0.80"));
    assert_eq!(order.items[0].product_id.as_deref(), Some("94"));
    assert_eq!(order.items[2].vat_rate, None);
    assert_eq!(order.items[3].name, "Упаковка");
    assert_eq!(order.discounts[0].name, "Refund: бой");
}

#[test]
fn people_campaigns_and_what_plugins_stored_come_along() {
    let order = saved(&order());
    let customer = order.customer.unwrap();
    assert_eq!((customer.id, customer.kind), (None, CustomerKind::Person));
    assert_eq!(customer.emails, ["anna@example.com"]);
    assert_eq!(customer.phones.len(), 1);
    let address = order.delivery.unwrap().address.unwrap();
    assert_eq!(address, "127055, RU, Москва, ул. Лесная, 5, кв. 7");
    assert_eq!(order.utm.source.as_deref(), Some("yandex"));
    assert_eq!(order.properties["promo"], "SPRING");
    assert_eq!(order.properties["coupons"], "summer10");
    assert_eq!(order.properties["refunded"], "5");
    assert_eq!(order.properties["_hidden"], json!({"a": [1]}));
    assert_eq!(order.comment.as_deref(), Some("<script>alert(1)</script>"));
    assert_eq!(order.origin.channel, Channel::Online);
}

#[test]
fn a_company_and_a_registered_customer_are_told_from_a_person_and_a_guest() {
    let mut body = order();
    body["customer_id"] = json!(77);
    body["billing"]["company"] = json!("ООО «Ромашка»");
    body["meta_data"] = json!([{"key": "_billing_inn", "value": "7707083893"}]);
    let customer = saved(&body).customer.unwrap();
    assert_eq!(
        (customer.id.as_deref(), customer.kind),
        (Some("77"), CustomerKind::Company)
    );
    let company = customer.company.unwrap();
    assert_eq!(company.title.as_deref(), Some("ООО «Ромашка»"));
    assert_eq!(company.inn.as_deref(), Some("7707083893"));
}

#[test]
fn a_deletion_is_told_by_the_body_and_not_by_the_topic_alone() {
    let event = parsed("order.deleted", &json!({"id": 727}));
    assert!(matches!(event.body, EventBody::Deleted { .. }));
    assert_eq!(event.body.number().as_str(), "727");
    let event = parsed("order.deleted", &order());
    assert!(matches!(event.body, EventBody::Saved(_)));
    assert!(read("order.updated", "d1", &json!({"id": 727})).is_err());
    let mut trashed = order();
    trashed["status"] = json!("trash");
    let event = parsed("order.updated", &trashed);
    assert!(matches!(event.body, EventBody::Deleted { .. }) && event.body.updated_at().is_some());
}

#[test]
fn the_same_state_is_the_same_event_and_another_state_is_another() {
    let id = |topic, body: &Value| parsed(topic, body).id;
    let first = order();
    let mut second = order();
    second["status"] = json!("completed");
    assert_eq!(id("order.created", &first), id("order.updated", &first));
    assert_ne!(id("order.updated", &first), id("order.updated", &second));
}

#[test]
fn what_is_no_order_is_ignored_and_what_is_broken_is_named() {
    assert!(matches!(
        read("product.updated", "d1", &json!({"id": 1})),
        Ok(Delivery::Ignored(_))
    ));
    let mut draft = order();
    draft["status"] = json!("checkout-draft");
    assert!(matches!(
        read("order.updated", "d1", &draft),
        Ok(Delivery::Ignored(_))
    ));
    let mut broken = order();
    broken["line_items"][1]["total"] = json!("ten");
    broken["total"] = json!([]);
    let faults = read("order.updated", "d1", &broken).unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert!(
        places.contains(&"/line_items/1/total") && places.contains(&"/total"),
        "{places:?}"
    );
}

#[test]
fn texts_that_are_too_long_are_cut_rather_than_the_order_refused() {
    let mut body = order();
    body["customer_note"] = json!("x".repeat(20_000));
    body["line_items"][0]["name"] = json!("я".repeat(2_000));
    body["meta_data"] = (0..500)
        .map(|i| json!({"key": format!("k{i}"), "value": "v".repeat(if i == 3 { 70_000 } else { 1 })}))
        .collect();
    let order = saved(&body);
    assert_eq!(order.comment.unwrap().len(), 10_000);
    assert!(!order.properties.contains_key("k3") && order.properties.len() <= 200);
}

#[test]
fn what_plugins_and_old_databases_leave_behind_does_not_cost_the_order() {
    let mut body = order();
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    body["meta_data"] = json!([
        {"key": "deep", "value": deep}, {"key": "nul", "value": {"a": "b\0c"}}, {"key": "kept\0", "value": "yes"},
        {"key": "", "value": 1}, "no object"
    ]);
    body["customer_note"] = json!("a\0b");
    body["date_created_gmt"] = json!("-0001-11-30T00:00:00");
    body["date_paid_gmt"] = json!("0000-00-00T00:00:00");
    body["date_modified_gmt"] = json!("");
    let order = saved(&body);
    assert_eq!(
        (order.created_at, order.updated_at, order.paid),
        (None, None, false)
    );
    assert_eq!(order.comment.as_deref(), Some("ab"));
    assert_eq!(order.properties["kept"], "yes");
    assert!(!order.properties.contains_key("deep") && !order.properties.contains_key("nul"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9.eE+-]{0,12}".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place of the sample order.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                pointers(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(elements) => {
            for (i, inner) in elements.iter().enumerate() {
                pointers(inner, &format!("{at}/{i}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn anything_is_a_named_fault_or_an_event(topic in "(order\\.(created|updated|deleted)|.{0,9})", body in any_json()) {
        if let Err(faults) = read(&topic, "d", &body) {
            prop_assert!(faults.iter().all(|fault| !fault.detail.is_empty()));
        }
    }

    #[test]
    fn an_order_with_anything_in_any_place_is_a_named_fault_or_an_event(
        place in any::<prop::sample::Index>(), value in any_json()
    ) {
        let mut body = order();
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        let place: &String = place.get(&places);
        *body.pointer_mut(place).unwrap() = value;
        match read("order.updated", "d", &body) {
            Ok(Delivery::Event(event)) => {
                if let Err(faults) = Event::parse(&event, "7") {
                    prop_assert!(faults.iter().all(|fault| !fault.detail.is_empty()));
                }
            }
            Ok(Delivery::Ignored(_)) => {}
            Err(faults) => prop_assert!(faults.iter().all(|fault| !fault.detail.is_empty())),
        }
    }

    #[test]
    fn units_always_sum_to_the_total(quantity in 1_u32..10_000, cents in 0_i64..1_000_000_000) {
        let mut body = order();
        body["line_items"] = json!([{
            "name": "x", "quantity": quantity, "total": Decimal::new(cents, 2).to_string(), "total_tax": "0"
        }]);
        let order = saved(&body);
        let sum: Decimal = order.items.iter().filter(|item| item.name == "x").map(|item| item.price * item.quantity).sum();
        prop_assert_eq!(sum, Decimal::new(cents, 2));
    }
}
