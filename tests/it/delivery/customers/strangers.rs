//! What is no proof of anybody: values that many use, placeholders, recipients, other shops'
//! customers.

use super::world::{World, numbers, person};
use serde_json::{Value, json};

/// Four people whose names contradict.
const PEOPLE: [(&str, &str); 4] = [
    ("Анна", "Петрова"),
    ("Борис", "Сидоров"),
    ("Вера", "Кузнецова"),
    ("Глеб", "Орлов"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_several_use_identify_nobody_in_the_end() {
    let mut world = World::new().await;
    for (at, (name, last)) in PEOPLE.into_iter().enumerate() {
        // The operator's own account, the house's address, the shop's telephone.
        let own = format!("+7916100000{at}");
        let mut customer = person("1", name, last, &own, "operator@shop.example");
        customer["phones"] = json!([own, "+74951000000"]);
        world.order(&format!("B{at}"), &customer).await;
    }
    for (at, (_, last)) in PEOPLE.into_iter().enumerate() {
        let card = world.contact_of(&format!("B{at}"));
        assert_eq!(card["LAST_NAME"], last);
        assert!(numbers(&card).contains(&format!("+7916100000{at}").as_str()));
    }
    assert_eq!(world.portal.contacts().len(), 4);
    let last = world.contact_of("B3");
    assert_eq!(numbers(&last), ["+79161000003"], "{last}");
    // Each of them is found again by what is his own.
    for (at, (name, last)) in PEOPLE.into_iter().enumerate() {
        let own = format!("+7916100000{at}");
        let customer = person("1", name, last, &own, "operator@shop.example");
        world.order(&format!("C{at}"), &customer).await;
        assert_eq!(world.contact_of(&format!("C{at}"))["LAST_NAME"], last);
    }
    assert_eq!(world.portal.contacts().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shops_placeholders_and_the_usual_ones_join_nobody_and_are_readable_in_the_deal() {
    let mut world = World::new().await;
    let customers = [
        person("9", "Зоя", "Лис", "+79161000009", "kassa@shop.example"),
        person("0", "Розница", "", "+79161000008", "kassa@shop.example"),
        person("-", "нет", "-", "+79161000007", "deleted@site.invalid"),
        person("guest", "Гость", "", "+79161000006", "noreply@shop.example"),
        person("", "-", "-", "+70000000000", "-"),
    ];
    for (at, customer) in customers.iter().enumerate() {
        world.order(&format!("D{at}"), customer).await;
    }
    let cards: Vec<Value> = (0..4)
        .map(|at| world.contact_of(&format!("D{at}")))
        .collect();
    for (at, card) in cards.iter().enumerate() {
        assert_eq!(numbers(card), [format!("+7916100000{}", 9 - at)], "{card}");
    }
    assert_eq!(world.portal.contacts().len(), 4, "the last is nobody");
    for (number, told) in [
        ("D0", "kassa@shop.example"),
        ("D2", "deleted@site.invalid"),
        ("D4", "-"),
    ] {
        let deal = world.deal(number);
        assert!(deal["COMMENTS"].as_str().unwrap().contains(told), "{deal}");
    }
    // The eraser comes later: the card stays as it is.
    let erased = person("9", "[deleted]", "[deleted]", "", "deleted@site.invalid");
    world.order("D0", &erased).await;
    assert_eq!(world.contact_of("D0"), cards[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_only_named_for_the_delivery_is_not_the_customer() {
    let mut world = World::new().await;
    let ilya = person("6", "Илья", "Именинник", "+79097778899", "");
    world.order("E1", &ilya).await;
    let gift = json!({
        "customer": person("", "Мария", "Озёрная", "+79091002030", "maria@example.com"),
        "delivery": {
            "address": "Псков, ул. Новая, 2", "recipient": {
                "name": "Илья Именинник", "phone": "+7 909 777-88-99"
            }
        },
    });
    world.order_of("main", "E2", gift).await;
    let mut order: Value = serde_json::from_str(include_str!(
        "../../incoming/intake/written/woocommerce.json"
    ))
    .unwrap();
    order["id"] = json!(8102);
    order["number"] = json!("8102");
    order["customer_id"] = json!(0);
    order["billing"]["first_name"] = json!("Мария");
    order["billing"]["last_name"] = json!("Озёрная");
    order["billing"]["email"] = json!("maria@example.com");
    order["billing"]["phone"] = json!("+7 909 100-20-30");
    order["shipping"] = json!({
        "first_name": "Илья", "last_name": "Именинник", "address_1": "ул. Новая, 2", "city":
            "Псков", "phone": "+7 909 777-88-99"
    });
    world.woocommerce(&order).await;
    for number in ["E2", "8102"] {
        let card = world.contact_of(number);
        assert_eq!(card["LAST_NAME"], "Озёрная", "{number}");
        assert_eq!(numbers(&card), ["+79091002030", "maria@example.com"]);
        let deal = world.deal(number);
        let told = deal["COMMENTS"].as_str().unwrap();
        assert!(
            told.contains("Илья Именинник") && told.contains("777-88-99"),
            "{told}"
        );
    }
    assert_eq!(world.contact_of("E2")["ID"], world.contact_of("8102")["ID"]);
    assert_eq!(numbers(&world.contact_of("E1")), ["+79097778899"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_shops_of_one_portal_have_customer_ids_of_their_own_and_share_who_is_the_same() {
    let mut world = World::new().await;
    let anna = person("5", "Анна", "Петрова", "+79161000001", "");
    let boris = person("5", "Борис", "Сидоров", "+79161000002", "");
    world.order("F1", &anna).await;
    world
        .order_of("second", "F2", json!({ "customer": boris }))
        .await;
    assert_eq!(world.contact_of("F1")["LAST_NAME"], "Петрова");
    assert_eq!(world.contact_of("F2")["LAST_NAME"], "Сидоров");
    let before = world.links().await;
    assert_eq!(before.len(), 2);
    // Anna orders in the second shop, under the id that she has there.
    let there = person("77", "Петрова Анна", "", "8 916 100 00 01", "");
    world
        .order_of("second", "F3", json!({ "customer": there }))
        .await;
    assert_eq!(world.contact_of("F3")["ID"], world.contact_of("F1")["ID"]);
    // Boris has her phone in the second shop: he is himself.
    let mut both = boris;
    both["phones"] = json!(["+79161000002", "+79161000001"]);
    world
        .order_of("second", "F4", json!({ "customer": both }))
        .await;
    assert_eq!(world.contact_of("F4")["ID"], world.contact_of("F2")["ID"]);
    assert_eq!(numbers(&world.contact_of("F1")), ["+79161000001"]);
    let after = world.links().await;
    assert!(before.iter().all(|link| after.contains(link)), "{after:?}");
    assert_eq!(world.portal.contacts().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_whose_name_contradicts_is_passed_over_and_that_is_told() {
    let mut world = World::new().await;
    let card = json!({"fields": {
        "NAME": "Борис", "LAST_NAME": "Сидоров", "PHONE": [
            {"VALUE": "89161000001", "VALUE_TYPE": "WORK"}
        ]
    }});
    world.call("crm.contact.add", &card).await;
    world
        .order("G1", &person("", "Анна", "Петрова", "+79161000001", ""))
        .await;
    assert_eq!(world.contact_of("G1")["LAST_NAME"], "Петрова");
    let view = world.view("G1").await;
    let recognised = &view["recognised"]["contact"];
    assert_eq!(recognised["evidence"], json!(["made"]));
    assert_eq!(recognised["passed"][0]["because"], "name");
    assert_eq!(recognised["passed"][0]["who"], "Борис Сидоров");
    // Nobody was told who ordered: the phone is all there is, and what it found is explained.
    world
        .order("G2", &person("", "", "", "+79161000001", ""))
        .await;
    let view = world.view("G2").await;
    let recognised = &view["recognised"]["contact"];
    assert_eq!(recognised["evidence"][0], "phone");
    assert_eq!(recognised["values"], json!(["+79161000001"]));
}
