use super::*;
use crate::{
    domain::Texts,
    formats::{
        commerceml::SchemaVersion,
        onec::{ShopWords, tests::base},
    },
};
use proptest::prelude::*;

fn told<'a>(data: &'a Value, goods: &'a BTreeMap<String, KnownGoods>) -> TillReceipt<'a> {
    TillReceipt {
        till: "centre",
        receipt: "R1",
        is_refund: data["kind"] == "refund",
        basis: None,
        store: Some("a"),
        closed_at: "2026-01-15T07:00:00Z".parse().unwrap(),
        data,
        goods,
    }
}

/// As it is written in this version.
fn in_version(told: &TillReceipt<'_>, version: SchemaVersion) -> Result<Order, String> {
    let base = base();
    let shop = ShopName::parse("main").unwrap();
    let words = ShopWords {
        shop: "main".to_owned(),
        ..ShopWords::default()
    };
    let identity = identity(&base, &shop, told.till, told.receipt);
    let with = Writing {
        base: &base,
        shop: &words,
        version,
        identity: &identity,
        onec_number: None,
        number_of_version: "7".to_owned(),
        received_at: DateTime::UNIX_EPOCH,
        goods: &BTreeMap::new(),
    };
    let reading = Reading {
        phone_country: "7",
        texts: Texts::default(),
    };
    if told.data["cancelled"] == true {
        return Ok(no_more(&with, told));
    }
    write(&with, told, reading)
}

fn written(told: &TillReceipt<'_>) -> Order {
    in_version(told, SchemaVersion::new(2, 10)).unwrap()
}

fn sale() -> Value {
    json!({
        "receipt": "R1", "kind": "sale", "shift": "12", "currency": "RUB", "total": "350.01",
        "lines": [
            { "line": "1", "product_id": "tea", "name": "Чай", "quantity": "0.333",
                "price": "300.33", "sum": "100.01", "vat_rate": 20, "unit": "кг" },
            { "line": "2", "barcode": "460", "quantity": 2, "price": "125" },
        ],
        "payments": [{ "kind": "CASH", "sum": "300" }, { "kind": "card", "sum": "100" }],
    })
}

fn requisite<'a>(order: &'a Order, name: &str) -> Option<&'a Requisite> {
    let mut found = order.requisites.iter();
    found.find(|(own, _)| own == name).map(|(_, value)| value)
}

fn text(value: &str) -> Requisite {
    Requisite::Text(value.to_owned())
}

#[test]
fn a_sale_is_an_order_that_is_paid_and_shipped_with_its_till_and_shift() {
    let (data, none) = (sale(), BTreeMap::new());
    let order = written(&told(&data, &none));
    assert_eq!(order.trade, Trade::Sale);
    assert_eq!(order.total, Decimal::new(35_001, 2));
    let lines: Vec<_> = order
        .lines
        .iter()
        .map(|line| (&*line.id, line.sum))
        .collect();
    let sums = [Decimal::new(10_001, 2), Decimal::new(25_000, 2)];
    assert_eq!(lines, [("tea", sums[0]), ("460", sums[1])]);
    let tax = order.lines[0].tax.as_ref().unwrap();
    assert_eq!(tax.sum, Some(Decimal::new(1_667, 2)), "in the price");
    assert_eq!(order.warehouse, Some(("a".to_owned(), "a".to_owned())));
    for (name, value) in [
        ("Касса", text("centre")),
        ("Номер смены", text("12")),
        ("Номер чека", text("R1")),
        ("Заказ оплачен", Requisite::Truth(true)),
        ("Отменен", Requisite::Truth(false)),
        ("Метод оплаты", text("Наличные, Банковская карта")),
    ] {
        assert_eq!(requisite(&order, name), Some(&value), "{name}");
    }
    assert_eq!(requisite(&order, "Статуса заказа ИД"), None, "it has none");
    assert_eq!(order.shipments.len(), 1);
    assert_eq!(order.shipments[0].lines.len(), 2);
}

#[test]
fn payments_go_by_their_kinds_and_the_change_is_no_payment() {
    let (mut data, none) = (sale(), BTreeMap::new());
    let sums = |data: &Value| {
        let order = written(&told(data, &none));
        let of = |one: &Payment| (one.kind, one.sum.to_string());
        order.payments.iter().map(of).collect::<Vec<_>>()
    };
    let (cash, card) = (PaymentKind::Cash, PaymentKind::Acquiring);
    let paid = |kind, sum: &str| (kind, sum.to_owned());
    assert_eq!(sums(&data), [paid(cash, "250.01"), paid(card, "100")]);
    data["payments"] = json!([{ "kind": "ELECTRON", "sum": "1" }]);
    assert_eq!(sums(&data), [paid(card, "350.01")], "one stands for all");
    data["payments"] = json!([]);
    assert!(
        sums(&data).is_empty(),
        "what the till does not say is not made up"
    );
}

#[test]
fn a_refund_is_a_return_of_the_goods_of_its_sale() {
    let (mut data, none) = (sale(), BTreeMap::new());
    data["kind"] = json!("refund");
    data["of"] = json!("R0");
    let refund = TillReceipt {
        basis: Some("sale-id".to_owned()),
        ..told(&data, &none)
    };
    let order = written(&refund);
    let of = Some("sale-id".to_owned());
    assert_eq!(order.trade, Trade::Return { of });
    assert_eq!(requisite(&order, "Чек продажи"), Some(&text("R0")));
    assert_eq!(requisite(&order, "Заказ оплачен"), None);
    assert!(order.shipments.is_empty());
    let back = ("Признак возврата".to_owned(), Requisite::Truth(true));
    assert!(order.payments[0].requisites.contains(&back));
}

#[test]
fn whoever_is_not_named_is_the_one_retail_buyer_of_the_shop() {
    let (mut data, none) = (sale(), BTreeMap::new());
    let one = written(&told(&data, &none)).customer;
    let two = TillReceipt {
        receipt: "R2",
        ..told(&data, &none)
    };
    let two = written(&two).customer;
    assert_eq!((&*one.name, one.first_name), ("Розничный покупатель", None));
    assert_eq!(one.id, two.id);
    data["customer"] = json!({ "name": "Анна", "phone": "+79160000001" });
    let anna = written(&told(&data, &none)).customer;
    assert_eq!(anna.name, "Анна");
    assert_ne!(anna.id, one.id);
}

#[test]
fn goods_are_named_as_in_the_orders_of_the_shop() {
    let data = sale();
    let known = KnownGoods {
        product: Some("17".to_owned()),
        xml_id: Some("1c-guid".to_owned()),
        sku: None,
    };
    let only_product = KnownGoods {
        xml_id: None,
        ..known.clone()
    };
    let goods = BTreeMap::from([("1".to_owned(), known), ("2".to_owned(), only_product)]);
    let order = written(&told(&data, &goods));
    let ids: Vec<_> = order.lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["1c-guid", "17"]);
}

#[test]
fn an_annulled_receipt_is_marked_for_deletion_and_needs_no_contents() {
    let (data, none) = (
        json!({ "kind": "sale", "cancelled": true }),
        BTreeMap::new(),
    );
    let order = written(&told(&data, &none));
    assert!(order.deleted);
    assert_eq!(requisite(&order, "Отменен"), Some(&Requisite::Truth(true)));
    assert_eq!(requisite(&order, "Номер чека"), Some(&text("R1")));
}

#[test]
fn what_is_forgotten_of_a_receipt_cannot_be_written() {
    let (data, none) = (json!({}), BTreeMap::new());
    let why = in_version(&told(&data, &none), SchemaVersion::new(2, 5));
    assert_eq!(why.unwrap_err(), "what it said is kept no longer");
}

#[test]
fn two_receipts_are_never_one_and_the_same_is_always_the_same() {
    let base = base();
    let shop = ShopName::parse("main").unwrap();
    let of = |till: &str, receipt: &str| identity(&base, &shop, till, receipt);
    assert_eq!(of("centre", "R1"), of("centre", "R1"));
    let uuid = "20170222-D58C-40E0-8051-B53ADFF38860";
    let all = [
        ("centre", "R1"),
        ("centre/2", "1"),
        ("centre", "2/1"),
        ("north", "R1"),
        ("centre", uuid),
    ];
    let ids: std::collections::BTreeSet<_> = all.map(|(t, r)| of(t, r).id).into();
    let numbers: std::collections::BTreeSet<_> = all.map(|(t, r)| of(t, r).number).into();
    let keys: std::collections::BTreeSet<_> = all.map(|(t, r)| key(t, r)).into();
    assert_eq!((ids.len(), numbers.len(), keys.len()), (5, 5, 5));
    assert!(of("centre", "R1").number.starts_with("A-ЧЕК-R1-"));
    assert!(!of("centre", uuid).number.contains(uuid));
}

#[test]
fn what_becomes_of_a_receipt_is_said_by_how_it_stands() {
    let goes = Standing {
        goes: true,
        named: false,
        annulled: false,
        older: false,
        pick_up: None,
    };
    assert_eq!(goes.fate(), Fate::Goes);
    let known = Standing {
        named: true,
        ..goes
    };
    let held = |standing: Standing| matches!(standing.fate(), Fate::Held(_));
    assert!(held(Standing {
        goes: false,
        ..known
    }));
    assert!(held(Standing {
        older: true,
        ..goes
    }));
    assert_eq!(
        Standing {
            older: true,
            ..known
        }
        .fate(),
        Fate::Goes
    );
    for gone in [
        Standing {
            annulled: true,
            ..goes
        },
        Standing {
            pick_up: Some(true),
            ..goes
        },
    ] {
        assert!(held(gone), "it never was there");
        assert_eq!(
            Standing {
                named: true,
                ..gone
            }
            .fate(),
            Fate::IsNoMore
        );
    }
    let unknown = Standing {
        pick_up: Some(false),
        ..goes
    };
    assert!(matches!(unknown.fate(), Fate::Refused(_)));
}

proptest! {
    #[test]
    fn lines_and_payments_come_to_the_total_to_the_kopeck(
        lines in proptest::collection::vec((1_i64..2_000_000, 1_i64..10_000_000), 1..20),
        off in 0_i64..50,
    ) {
        let sum: i64 = lines.iter().map(|(_, kopecks)| kopecks).sum();
        let total = Decimal::new(sum.saturating_sub(off).max(0), 2);
        let line = |(thousandths, kopecks): &(i64, i64)| json!({
            "sku": "A", "quantity": Decimal::new(*thousandths, 3).to_string(),
            "sum": Decimal::new(*kopecks, 2).to_string(), "vat_rate": 10,
        });
        let data = json!({
            "kind": "sale", "total": total.to_string(),
            "lines": lines.iter().map(line).collect::<Vec<_>>(),
            "payments": [{ "kind": "cash", "sum": Decimal::new(sum, 2).to_string() }],
        });
        let none = BTreeMap::new();
        let order = written(&told(&data, &none));
        prop_assert_eq!(order.lines.iter().map(|line| line.sum).sum::<Decimal>(), total);
        prop_assert_eq!(order.payments.iter().map(|one| one.sum).sum::<Decimal>(), total);
        if off == 0 {
            for (line, (_, kopecks)) in order.lines.iter().zip(&lines) {
                prop_assert_eq!(line.sum, Decimal::new(*kopecks, 2));
            }
        }
    }
}
