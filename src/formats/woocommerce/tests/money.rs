//! Money of an order: what it costs, and what is left to pay.

use super::*;

#[test]
fn shipping_and_fees_carry_their_tax() {
    let mut body = order();
    body["fee_lines"].as_array_mut().unwrap().push(json!({
        "id": 400, "name": "Скидка за опт", "total": "-10.00", "total_tax": "-2.00", "taxes": [
            {"id": 75, "total": "-2"}
        ]
    }));
    body["shipping_lines"].as_array_mut().unwrap().push(json!({
        "id": 401, "method_title": "Подъём", "method_id": "other", "total": "50.00", "total_tax":
            "0.00"
    }));
    body["total"] = json!("230.00");
    let order = saved(&body);
    let twenty = Some(amount("20"));
    let delivery = order.delivery.as_ref().unwrap();
    assert_eq!((delivery.price, delivery.vat_rate), (amount("120"), twenty));
    let packing = order
        .items
        .iter()
        .find(|item| item.name == "Упаковка")
        .unwrap();
    assert_eq!(packing.vat_rate, twenty);
    let lift = order
        .items
        .iter()
        .find(|item| item.name == "Подъём")
        .unwrap();
    assert_eq!((lift.price, lift.vat_rate), (amount("50"), None));
    let off = order
        .discounts
        .iter()
        .find(|one| one.name == "Скидка за опт")
        .unwrap();
    assert_eq!((off.amount, off.vat_rate), (amount("12"), twenty));
}

#[test]
fn what_the_customer_chose_comes_with_the_line() {
    let mut body = order();
    body["line_items"][1]["meta_data"] = json!([
        {
            "id": 1, "key": "pa_size", "value": "42", "display_key": "Размер", "display_value":
                "<p>42</p>"
        },
        {
            "id": 2, "key": "_reduced_stock", "value": "1", "display_key": "_reduced_stock",
                "display_value": "1"
        },
        {"id": 3, "key": "Гравировка", "value": "Для &quot;мамы&quot;"},
        {"id": 4, "key": "addons", "value": [{"name": "x"}]}
    ]);
    let order = saved(&body);
    let book = order
        .items
        .iter()
        .find(|item| item.name == "Книга")
        .unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        book.options,
        [pair("Размер", "42"), pair("Гравировка", "Для \"мамы\"")]
    );
}

#[test]
fn what_is_fetched_or_downloaded_has_no_address_of_delivery() {
    let mut body = order();
    for method in ["local_pickup", "pickup_location", "yandex_pickup"] {
        body["shipping_lines"][0]["method_id"] = json!(method);
        assert_eq!(saved(&body).delivery.unwrap().address, None, "{method}");
    }
    body["shipping_lines"][0]["meta_data"] =
        json!([{"key": "pickup_address", "value": "ул. Складская, 1"}]);
    assert!(
        saved(&body)
            .notes
            .iter()
            .any(|note| note.contains("Складская"))
    );
    body["shipping_lines"] = json!([]);
    body["shipping"] = body["billing"].clone();
    body["total"] = json!("72");
    assert_eq!(saved(&body).delivery, None);
    body["created_via"] = json!("admin");
    assert!(saved(&body).delivery.unwrap().address.is_some());
}

fn rest(order: &Snapshot) -> Decimal {
    let lines: Decimal = order
        .items
        .iter()
        .map(|item| item.price * item.quantity)
        .sum();
    let off: Decimal = order.discounts.iter().map(|discount| discount.amount).sum();
    lines - off
        + order
            .delivery
            .as_ref()
            .map_or(Decimal::ZERO, |delivery| delivery.price)
}

#[test]
fn an_order_refunded_by_its_status_alone_has_nothing_left_to_pay() {
    let mut body = order();
    body["status"] = json!("refunded");
    let refunded = saved(&body);
    assert_eq!(
        (refunded.total, rest(&refunded)),
        (Decimal::ZERO, Decimal::ZERO)
    );
    body["refunds"] = json!([]);
    let refunded = saved(&body);
    assert_eq!(
        (refunded.total, rest(&refunded)),
        (Decimal::ZERO, Decimal::ZERO)
    );
    assert_eq!(refunded.properties["refunded"], "192");
}

#[test]
fn gift_cards_are_rows_that_explain_the_total_and_coupons_are_readable() {
    for (name, used) in [
        (
            "gift_cards",
            json!([{"id": 1, "code": "GIFT-1", "amount": "50.00"}]),
        ),
        ("pw_gift_cards", json!([{"number": "GIFT-1", "amount": 50}])),
        (
            "meta_data",
            json!([{"key": "_ywgc_applied_gift_cards", "value": {"GIFT-1": "50"}}]),
        ),
        (
            "coupon_lines",
            json!([{"id": 1, "code": "GIFT-1", "discount": "50", "discount_tax": "0"}]),
        ),
    ] {
        let mut body = order();
        body[name] = used;
        body["total"] = json!("142.00");
        let order = saved(&body);
        assert!(
            order
                .discounts
                .iter()
                .any(|one| one.name.contains("GIFT-1")),
            "{name}"
        );
        assert_eq!(rest(&order), order.total, "{name}");
    }
    let notes = saved(&order()).notes;
    assert_eq!(notes, ["Купон: summer10, скидка 2.40"]);
}
