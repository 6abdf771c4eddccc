use super::{order::Writing, *};
use crate::{
    domain::{Event, EventBody},
    formats::commerceml::write::{Order, Requisite},
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

pub(super) fn base() -> Base {
    let shop = ShopName::parse("main").unwrap();
    Base {
        name: BaseName::parse("trade").unwrap(),
        shops: vec![shop.clone()],
        encoding: Encoding::Windows1251,
        version_max: SchemaVersion::new(3, 10),
        push: None,
        time_zone: Tz::Europe__Moscow,
        zip: true,
        file_limit: 204_800,
        step: Duration::from_secs(30),
        max_upload: 1 << 28,
        session_ttl: Duration::from_hours(1),
        keep_files: Duration::from_hours(1),
        keep_files_bytes: 1 << 30,
        export: Export {
            prefixes: BTreeMap::from([(shop, "A-".to_owned())]),
            only_paid: false,
            only_delivery_allowed: false,
            since: Since::All,
            statuses: Vec::new(),
            from_status: None,
            id: IdKind::Id,
            discounts: Discounts::InPrice,
            currency: "RUB".to_owned(),
            currency_label: "руб".to_owned(),
            all_properties: true,
            implicit_success: true,
            receipts: true,
            requisites: BTreeMap::new(),
        },
        profiles: Profiles::default(),
        statuses: StatusTable::default(),
        import: Import::default(),
        catalogue: CatalogueExport::default(),
        masters: Vec::new(),
        rights: std::collections::BTreeMap::new(),
        pay_systems: Vec::new(),
        delivery_services: Vec::new(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "called with a literal")]
fn snapshot(data: Value) -> Snapshot {
    let event = json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "x", "id": "1", "data": data
    });
    match Event::parse(&event, "7").unwrap().body {
        EventBody::Saved(order) => *order,
        EventBody::Deleted { .. } => panic!("an order"),
    }
}

fn written(base: &Base, order: &Snapshot) -> Order {
    let shop = ShopName::parse("main").unwrap();
    let words = ShopWords {
        shop: "main".to_owned(),
        ..ShopWords::default()
    };
    let identity = order::identity(base, &shop, order);
    let with = Writing {
        base,
        shop: &words,
        version: SchemaVersion::new(2, 9),
        identity: &identity,
        onec_number: Some("ТД-1".to_owned()),
        number_of_version: "7".to_owned(),
        received_at: DateTime::UNIX_EPOCH,
        goods: &BTreeMap::new(),
    };
    order::write(&with, order).unwrap().order
}

fn plain() -> Value {
    json!({"number": "12", "id": 7, "status": "N", "currency": "RUB", "total": "1000.00",
        "items": [{"name": "Чай", "xml_id": "g1#g1", "quantity": 2, "price": "350"}],
        "discounts": [{"name": "Промо", "amount": "100"}],
        "delivery": {"method": "Курьер", "price": "400"}})
}

fn text<'a>(order: &'a Order, name: &str) -> Option<&'a str> {
    order
        .requisites
        .iter()
        .find_map(|(own, value)| match value {
            Requisite::Text(text) if own == name => Some(text.as_str()),
            _ => None,
        })
}

/// What each line comes to, in whole roubles.
fn sums(order: &Order) -> Vec<i64> {
    let whole = |sum: Decimal| i64::try_from(sum.normalize()).unwrap();
    order.lines.iter().map(|line| whole(line.sum)).collect()
}

#[test]
fn an_order_s_lines_come_to_its_total_with_the_delivery_as_it_is() {
    let order = written(&base(), &snapshot(plain()));
    assert_eq!((&*order.id, &*order.number), ("7", "A-12"));
    assert_eq!(order.currency, "руб");
    assert_eq!(sums(&order), [600, 400]);
    assert_eq!(order.lines[0].id, "g1");
    assert_eq!(order.lines[0].price, Decimal::from(300));
    assert_eq!(order.lines[1].id, "ORDER_DELIVERY");
    assert_eq!(order.discounts, [("Промо".to_owned(), Decimal::from(100))]);
    assert_eq!(text(&order, "Статуса заказа ИД"), Some("N"));
}

#[test]
fn what_only_1c_has_a_use_for_goes_as_its_requisites() {
    let mut data = plain();
    data["paid"] = json!(true);
    data["payment"] = json!({"method": "Картой", "document": "PP-7"});
    data["delivery"]["allowed_at"] = json!("2026-11-20T09:00:00Z");
    data["delivery"]["tracking"] = json!("RB123");
    let order = written(&base(), &snapshot(data.clone()));
    assert_eq!(text(&order, "Номер платежного документа"), Some("PP-7"));
    let allowed = |order: &Order| {
        let mut dates = order.requisites.iter();
        dates.any(|(name, _)| name == "Дата разрешения доставки")
    };
    assert!(allowed(&order));
    let parcel = order.shipments[0]
        .requisites
        .iter()
        .find_map(|one| match one {
            (name, Requisite::Text(text)) if name == "Идентификатор отправления" => {
                Some(text)
            }
            _ => None,
        });
    assert_eq!(parcel.map(String::as_str), Some("RB123"));
    // What is not true says nothing.
    data["paid"] = json!(false);
    data["delivery"]["allowed"] = json!(false);
    let order = written(&base(), &snapshot(data));
    assert_eq!(text(&order, "Номер платежного документа"), None);
    assert!(!allowed(&order));
}

#[test]
fn a_discount_may_be_a_line_of_its_own() {
    let mut base = base();
    base.export.discounts = Discounts::Line;
    let order = written(&base, &snapshot(plain()));
    assert_eq!(sums(&order), [700, 400, -100]);
    assert!(order.discounts.is_empty());
}

#[test]
fn vat_on_top_stands_beside_the_lines_and_mixed_vat_in_them() {
    let mut data = plain();
    data["discounts"] = json!([]);
    data["delivery"] = Value::Null;
    data["total"] = json!("840");
    data["items"][0]["vat_rate"] = json!(20);
    data["items"][0]["vat_included"] = json!(false);
    let order = written(&base(), &snapshot(data.clone()));
    assert_eq!(order.lines[0].sum, Decimal::from(700));
    assert_eq!(order.taxes[0].sum, Some(Decimal::from(140)));
    assert_eq!(order.taxes[0].included, Some(false));
    let honey = json!({"name": "Мёд", "quantity": 1, "price": "120", "vat_rate": 20});
    data["items"] = json!([data["items"][0], honey]);
    data["total"] = json!("960");
    let order = written(&base(), &snapshot(data));
    assert_eq!(sums(&order), [840, 120]);
    assert_eq!(order.taxes[0].sum, Some(Decimal::from(160)));
    assert_eq!(order.taxes[0].included, Some(true));
}

#[test]
fn properties_marks_and_profiles_become_requisites_and_fields() {
    let mut base = base();
    let path = |path: &str| Given::Path(path.to_owned());
    base.profiles.default = BTreeMap::from([
        (
            "Организация".to_owned(),
            Given::Value("ООО Ромашка".to_owned()),
        ),
        ("Отчество".to_owned(), path("properties.father")),
    ]);
    base.export.requisites =
        BTreeMap::from([("Промокод".to_owned(), "properties.promo".to_owned())]);
    let mut data = plain();
    data["properties"] = json!({"promo": "ЛЕТО", "client_type": "опт", "father": "Ильич"});
    data["utm"] = json!({"source": "ya"});
    data["customer"] = json!({"kind": "person", "name": "Анна", "phones": ["+79160000001"]});
    let order = written(&base, &snapshot(data.clone()));
    for (name, value) in [
        ("Промокод", "ЛЕТО"),
        ("promo", "ЛЕТО"),
        ("client_type", "опт"),
        ("utm_source", "ya"),
        ("Организация", "ООО Ромашка"),
    ] {
        assert_eq!(text(&order, name), Some(value), "{name}");
    }
    assert_eq!(order.customer.second_name.as_deref(), Some("Ильич"));
    assert!(!order.customer.is_company());
    let first = order.customer.id;
    data["customer"]["name"] = json!("Мария");
    let order = written(&base, &snapshot(data.clone()));
    assert_eq!(order.customer.id, first, "a new name is no new customer");
    base.export.all_properties = false;
    let order = written(&base, &snapshot(data.clone()));
    assert_eq!(text(&order, "client_type"), None);
    data["customer"] = json!({"kind": "company",
        "company": {"title": "АО Луч", "inn": "7707083893", "kpp": "770701001"}});
    data["properties"]["okpo"] = json!("00032537");
    base.profiles.company = BTreeMap::from([("КодПоОКПО".to_owned(), path("properties.okpo"))]);
    let order = written(&base, &snapshot(data));
    assert_eq!(order.customer.legal_name.as_deref(), Some("АО Луч"));
    assert_eq!(order.customer.kpp.as_deref(), Some("770701001"));
    assert_eq!(order.customer.okpo.as_deref(), Some("00032537"));
    assert_eq!(text(&order, "КодПоОКПО"), None, "it is the company's");
}

#[test]
fn a_company_s_person_an_address_and_a_catalogue_go_where_1c_looks_for_them() {
    let mut base = base();
    let mut data = plain();
    data["items"][0]["catalog_xml_id"] = json!("bd72d8f9");
    data["delivery"]["address"] = json!("Москва, ул. Лесная, 5");
    data["customer"] = json!({"id": "77", "name": "Анна", "last_name": "Петрова"});
    data["properties"] = json!({"zip": "125047", "house": "5"});
    let path = |path: &str| Given::Path(path.to_owned());
    base.profiles.default = BTreeMap::from([
        ("Адрес.Дом".to_owned(), path("properties.house")),
        ("Адрес.Почтовый индекс".to_owned(), path("properties.zip")),
    ]);
    let order = written(&base, &snapshot(data.clone()));
    assert_eq!(order.onec_number.as_deref(), Some("ТД-1"));
    assert_eq!(order.lines[0].catalogue.as_deref(), Some("bd72d8f9"));
    assert_eq!(order.lines[1].catalogue, None, "the delivery is of none");
    let person = order.customer;
    assert_eq!(person.address.as_deref(), Some("Москва, ул. Лесная, 5"));
    let parts = [("Почтовый индекс", "125047"), ("Дом", "5")];
    let parts = parts.map(|(kind, value)| (kind.to_owned(), value.to_owned()));
    assert_eq!(person.address_parts, parts);
    assert_eq!(person.representatives, []);
    // What is fetched from a store goes to no address of the person's.
    data["delivery"]["store"] = json!("4");
    let order = written(&base, &snapshot(data.clone()));
    assert_eq!(order.customer.address.as_deref(), Some("125047, 5"));
    data["customer"]["company"] = json!({"title": "АО Луч", "inn": "7707083893",
        "kpp": "770701001", "address": "Тула"});
    let order = written(&base, &snapshot(data.clone()));
    assert_eq!(order.customer.address.as_deref(), Some("Тула"));
    let speaker = order.customer.representatives[0].clone();
    assert_eq!(speaker.relation, "Контактное лицо");
    assert_eq!(speaker.name, "Петрова Анна");
    assert_ne!(speaker.id, order.customer.id);
    data["customer"]["last_name"] = json!("Иванова");
    let order = written(&base, &snapshot(data));
    assert_eq!(order.customer.representatives[0].id, speaker.id);
}

#[test]
fn what_cannot_be_read_of_a_delivery_is_never_taken_as_absent() {
    let shop = ShopName::parse("main").unwrap();
    for (path, value) in [
        ("allowed_at", json!("вчера")),
        ("allowed_at", json!(20_261_120)),
        ("allowed", json!("N")),
    ] {
        let mut data = plain();
        data["delivery"][path] = value;
        let (base, order) = (base(), snapshot(data));
        let with = Writing {
            base: &base,
            shop: &ShopWords::default(),
            version: SchemaVersion::new(2, 9),
            identity: &order::identity(&base, &shop, &order),
            onec_number: None,
            number_of_version: "7".to_owned(),
            received_at: DateTime::UNIX_EPOCH,
            goods: &BTreeMap::new(),
        };
        let why = order::write(&with, &order).unwrap_err().to_string();
        assert!(
            why.starts_with(&format!("`delivery.{path}` is no t")),
            "{why}"
        );
    }
}

#[test]
fn a_shipment_s_document_takes_the_place_of_as_much_as_the_order_itself_told_of() {
    let lines = |tea: &str, honey: &str| {
        json!([{"xml_id": "g1", "name": "Чай", "quantity": tea},
            {"xml_id": null, "name": "Мёд", "quantity": honey}])
    };
    let told = json!({"id": "shipped-7", "tracking": null, "lines": lines("2", "1")});
    let left = |lines: Value, tracking: Value| {
        let document = facts::OneCFact {
            kind: facts::FactKind::Shipment,
            id: "S-1".to_owned(),
            basis: None,
            holds: true,
            since: None,
            sum: None,
            data: json!({"lines": lines, "tracking": tracking}),
            what: crate::domain::happening::GoodsEvent::OnecSameContents,
        };
        let left = facts::left_of(&told, &document).unwrap().unwrap();
        (
            left.data.map(|data| data["lines"].clone()),
            left.is_all_known,
        )
    };
    assert_eq!(left(lines("2", "1"), Value::Null), (None, true));
    let some = json!([{"xml_id": "g1", "name": "Чай", "quantity": "1"}]);
    assert_eq!(left(lines("1", "1"), Value::Null), (Some(some), true));
    assert_eq!(left(json!([]), Value::Null), (None, true), "it is of all");
    assert_eq!(
        left(lines("3", "1"), Value::Null),
        (None, false),
        "it tells of more"
    );
    assert_eq!(
        left(lines("2", "1"), json!("RB1")),
        (None, false),
        "the parcel is news"
    );
}

#[test]
fn a_cancellation_stands_with_its_date_and_reason_in_the_order_and_its_shipment() {
    let mut data = plain();
    data["cancelled"] = json!(true);
    data["cancel_reason"] = json!("Передумал");
    data["status_changed_at"] = json!("2026-01-15T08:00:00Z");
    let order = written(&base(), &snapshot(data.clone()));
    assert_eq!(text(&order, "Причина отмены"), Some("Передумал"));
    let said = |order: &Order, name: &str| {
        let mut all = order.shipments[0].requisites.iter();
        let (_, value) = all.find(|(known, _)| known == name)?;
        Some(value.clone())
    };
    let reason = Requisite::Text("Передумал".to_owned());
    assert_eq!(said(&order, "Причина отмены"), Some(reason));
    let date = said(&order, "Дата отмены").unwrap();
    assert!(matches!(date, Requisite::Date(_)), "{date:?}");
    // What was shipped before is not taken back by it.
    data["completed_at"] = json!("2026-01-14T08:00:00Z");
    let order = written(&base(), &snapshot(data));
    assert_eq!(said(&order, "Отменен"), Some(Requisite::Truth(false)));
    assert_eq!(said(&order, "Причина отмены"), None);
}

#[test]
fn a_status_that_has_no_row_is_not_written() {
    let mut base = base();
    base.statuses = StatusTable::new(vec![OneCStatus {
        status: "P".to_owned(),
        id: "paid".to_owned(),
        names: Vec::new(),
        way: Way::Both,
        reverse: false,
    }]);
    let order = written(&base, &snapshot(plain()));
    assert_eq!(text(&order, "Статуса заказа ИД"), None);
    assert_eq!(text(&order, "Статус заказа"), None);
    let mut data = plain();
    data["status"] = json!("P");
    let order = written(&base, &snapshot(data));
    assert_eq!(text(&order, "Статуса заказа ИД"), Some("paid"));
    assert_eq!(text(&order, "Статус заказа"), Some("[paid] P"));
}

#[test]
fn what_does_not_go_is_held_with_its_reason() {
    let mut base = base();
    let order = snapshot(plain());
    let held = |base: &Base, order: &Snapshot| {
        let now = DateTime::UNIX_EPOCH;
        base.export.holds(&base.statuses, order, now, None)
    };
    assert_eq!(held(&base, &order), None);
    base.export.only_paid = true;
    assert_eq!(held(&base, &order), Some(Hold::Unpaid));
    base.export.only_paid = false;
    base.export.statuses = vec!["P".to_owned()];
    assert_eq!(held(&base, &order), Some(Hold::Status));
    base.export.statuses.clear();
    base.export.only_delivery_allowed = true;
    let mut data = plain();
    data["delivery"]["allowed"] = json!(false);
    assert_eq!(held(&base, &snapshot(data)), Some(Hold::Delivery));
    assert_eq!(held(&base, &order), None, "what is not said is allowed");
    let since = Some(DateTime::UNIX_EPOCH + Duration::from_secs(1));
    let older = base
        .export
        .holds(&base.statuses, &order, DateTime::UNIX_EPOCH, since);
    assert_eq!(older, Some(Hold::Older));
}

#[test]
fn a_reason_is_read_from_the_sentence_that_is_stored_and_any_other_is_a_fault() {
    for hold in Hold::ALL {
        let stored = hold.as_str().to_owned();
        assert_eq!(HeldWhy::of(stored), HeldWhy::Hold(*hold));
    }
    let odd = "its lines do not come to its total".to_owned();
    assert_eq!(HeldWhy::of(odd.clone()), HeldWhy::Fault(odd));
}

proptest! {
    #[test]
    fn lines_and_taxes_always_come_to_the_total(
        items in prop::collection::vec(
            (0_i64..100_000, 1_i64..20, 0_usize..3, any::<bool>()), 0..8
        ),
        delivery in prop::option::of(0_i64..50_000),
        discount in 0_i64..30_000,
        off in -500_i64..500,
        line in any::<bool>(),
    ) {
        let mut base = base();
        if line {
            base.export.discounts = Discounts::Line;
        }
        let kopecks = |sum: i64| Decimal::new(sum, 2).to_string();
        let own: i64 = items.iter().map(|(price, many, ..)| price * many).sum();
        let total = (own + delivery.unwrap_or(0) - discount + off).max(0);
        let items: Vec<Value> = items.iter().map(|(price, many, rate, included)| json!({
            "name": "Чай", "quantity": many, "price": kopecks(*price),
            "vat_rate": (*rate > 0).then_some(rate * 10), "vat_included": included,
        })).collect();
        let mut data = json!({"number": "1", "status": "N", "currency": "RUB",
            "total": kopecks(total), "items": items,
            "discounts": [{"name": "x", "amount": kopecks(discount)}]});
        if let Some(price) = delivery {
            data["delivery"] = json!({"method": "Курьер", "price": kopecks(price)});
        }
        let order = written(&base, &snapshot(data));
        let mut sum: Decimal = order.lines.iter().map(|line| line.sum).sum();
        for tax in order.taxes.iter().filter(|tax| tax.included == Some(false)) {
            sum += tax.sum.unwrap();
        }
        prop_assert_eq!(sum, Decimal::new(total, 2));
        prop_assert_eq!(order.total, Decimal::new(total, 2));
    }
}

#[test]
fn a_file_of_a_day_is_as_new_as_it_can_be_and_none_was_made_after_it_came() {
    let base = base();
    let came: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for (said, made) in [
        ("2026-11-20T14:30:00", "2026-11-20T11:30:00Z"),
        ("2026-11-20T16:00:00", "2026-11-20T12:00:00Z"),
        ("2026-11-20", "2026-11-20T12:00:00Z"),
        ("2026-11-19", "2026-11-19T21:00:00Z"),
        ("9999-12-31", "2026-11-20T12:00:00Z"),
        ("", "2026-11-20T12:00:00Z"),
    ] {
        let said_at = Moment::parse(said);
        let made: DateTime<Utc> = made.parse().unwrap();
        assert_eq!(base.formed_at(said_at, came), made, "{said}");
    }
}
