mod money;

use super::*;
use crate::domain::{Channel, CustomerKind, Event, EventBody, Marketplace, Snapshot};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// An order as WooCommerce 9 sends it: taxed, with a coupon, a fee, a refund, made by a guest.
fn order() -> Value {
    serde_json::from_str(include_str!("../sample.json")).unwrap()
}

fn read(topic: &str, delivery: &str, body: &Value) -> Result<Delivery, Faults> {
    let read = super::read(Marketplace::Parents, topic, delivery, body);
    read.map_err(|broken| broken.faults)
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
fn whoever_is_only_named_for_the_delivery_is_not_the_customer() {
    let mut body = order();
    body["billing"]["first_name"] = json!("Мария");
    body["billing"]["phone"] = json!("+7 909 100-20-30");
    body["shipping"] =
        json!({"first_name": "Илья", "last_name": "Именинник", "phone": "+7 909 777-88-99"});
    let told = saved(&body);
    let customer = told.customer.unwrap();
    assert_eq!(customer.name.as_deref(), Some("Мария"));
    assert_eq!(customer.phones.len(), 1);
    assert_eq!(customer.phones[0].as_str(), "+79091002030");
    let recipient = told.delivery.unwrap().recipient;
    assert_eq!(recipient, ["Илья Именинник", "+7 909 777-88-99"]);
    body["shipping"] = body["billing"].clone();
    assert!(saved(&body).delivery.unwrap().recipient.is_empty());
    body["billing"] = json!({"first_name": "", "email": "", "phone": ""});
    assert_eq!(
        saved(&body).customer.unwrap().name.as_deref(),
        Some("Мария")
    );
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
fn a_broken_order_stays_broken_until_somebody_mends_what_is_named() {
    for (place, value) in [
        ("/total", json!("many")),
        ("/line_items/1/total", json!("ten")),
        ("/line_items/1/total_tax", json!({})),
        ("/line_items/1/quantity", json!("two")),
        ("/shipping_lines/0/total", json!("?")),
        ("/fee_lines/0/total", json!("1,990")),
        ("/refunds/0/total", json!("x")),
        ("/status", json!(null)),
        ("/id", json!("?")),
    ] {
        let mut body = order();
        *body.pointer_mut(place).unwrap() = value;
        let read = super::read(Marketplace::Parents, "order.updated", "d1", &body);
        let broken = read.unwrap_err();
        assert_eq!(broken.faults[0].pointer, place);
        let again = Event::parse(&broken.event, "7").unwrap_err();
        assert!(
            again
                .iter()
                .all(|fault| fault.pointer.starts_with("/data/"))
        );
    }
    // What is only told beside the rows costs nobody the order.
    for place in [
        "/coupon_lines/0/discount",
        "/tax_lines/0/rate_percent",
        "/line_items/0/subtotal",
    ] {
        let mut body = order();
        *body.pointer_mut(place).unwrap() = json!("x");
        saved(&body);
    }
}

#[test]
fn texts_that_are_too_long_are_cut_rather_than_the_order_refused() {
    let mut body = order();
    body["customer_note"] = json!("x".repeat(20_000));
    body["line_items"][0]["name"] = json!("я".repeat(2_000));
    body["meta_data"] = (0..500)
        .map(|i| {
            json!(
                {"key": format!("k{i}"), "value": "v".repeat(if i == 3 { 70_000 } else { 1 })}
            )
        })
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
        {
            "key": "deep", "value": deep
        } , {
            "key": "nul", "value": {"a": "b\0c"}
        } , {
            "key": "kept\0", "value": "yes"
        },
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

#[test]
fn texts_of_wordpress_are_texts() {
    let mut body = order();
    body["line_items"][0]["name"] = json!("Плед &quot;Уют&quot; 130&#215;170");
    body["billing"]["first_name"] = json!("Anna &amp;quot;A&amp;quot;");
    body["shipping_lines"][0]["method_title"] = json!("Курьер &ndash; <b>завтра</b>");
    body["customer_note"] = json!("Позвоните<br />до 6");
    body["meta_data"][0]["value"] = json!("SPRING &amp; SUMMER");
    let order = saved(&body);
    assert_eq!(order.items[0].name, "Плед \"Уют\" 130×170");
    assert_eq!(order.customer.unwrap().name.as_deref(), Some("Anna \"A\""));
    assert_eq!(
        order.delivery.unwrap().method.as_deref(),
        Some("Курьер – завтра")
    );
    assert_eq!(order.comment.as_deref(), Some("Позвоните\nдо 6"));
    assert_eq!(order.properties["promo"], "SPRING & SUMMER");
}

#[test]
fn a_marketplaces_order_is_taken_once() {
    let mut parent = order();
    parent["meta_data"] = json!([{"key": "has_sub_order", "value": "1"}]);
    let mut part = order();
    part["parent_id"] = json!(700);
    let taken = |marketplace, body: &Value| {
        matches!(
            super::read(marketplace, "order.updated", "d", body),
            Ok(Delivery::Event(_))
        )
    };
    for (marketplace, wanted) in [
        (Marketplace::Parents, (true, false)),
        (Marketplace::SubOrders, (false, true)),
        (Marketplace::Both, (true, true)),
    ] {
        assert_eq!(
            (taken(marketplace, &parent), taken(marketplace, &part)),
            wanted
        );
        assert!(taken(marketplace, &order()));
    }
}

#[test]
fn what_comes_in_place_of_an_order_is_told_and_no_fault() {
    let told = |body: Value| match read("order.updated", "d", &body) {
        Ok(Delivery::Notice { code, words }) => (code, words),
        other => panic!("{other:?}"),
    };
    let denied = json!({
        "code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot view this resource.",
            "data": {
            "status": 401
        }
    });
    let (code, words) = told(denied);
    assert_eq!(code, ErrorCode::WebhookOwner);
    assert!(words.contains("cannot view this resource"));
    let gone = json!({"code": "rest_no_route", "message": "No route", "data": {"status": 404}});
    assert_eq!(told(gone).0, ErrorCode::NotAnOrder);
    for other in [
        json!([]),
        json!(null),
        json!("x"),
        json!({}),
        json!({"webhook_id": 5}),
    ] {
        assert_eq!(told(other).0, ErrorCode::NotAnOrder);
    }
    assert!(read("order.updated", "d", &json!({"id": 5})).is_err());
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
    fn
        anything_is_a_named_fault_or_an_event(
            topic in "(order\\.(created|updated|deleted)|.{0,9})", body in any_json(),
        )
        {
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
            Ok(_) => {}
            Err(faults) => prop_assert!(faults.iter().all(|fault| !fault.detail.is_empty())),
        }
    }

    #[test]
    fn units_always_sum_to_the_total(quantity in 1_u32..10_000, cents in 0_i64..1_000_000_000) {
        let mut body = order();
        body["line_items"] = json!([{
            "name": "x", "quantity": quantity, "total": Decimal::new(cents, 2).to_string(),
                "total_tax": "0"
        }]);
        let order = saved(&body);
        let sum: Decimal = order.items.iter().filter(|item| item.name == "x").map(
            |item| item.price * item.quantity
        ).sum();
        prop_assert_eq!(sum, Decimal::new(cents, 2));
    }
}
