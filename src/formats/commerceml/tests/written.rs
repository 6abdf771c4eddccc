//! What is written is read again.

use super::*;

pub(super) fn order(number: &str, comment: &str) -> Order {
    let line = |id: &str, name: &str, sum: &str, is_service| OrderLine {
        id: id.to_owned(),
        catalogue: None,
        sku: None,
        name: name.to_owned(),
        unit: Unit::default(),
        price: dec(sum),
        quantity: Decimal::ONE,
        sum: dec(sum),
        discount: Some(dec("10")),
        tax: Some(Tax {
            name: "НДС".to_owned(),
            included: Some(true),
            sum: Some(dec("15.00")),
            rate: Some(dec("20")),
        }),
        is_service,
        requisites: Vec::new(),
    };
    Order {
        id: "77".to_owned(),
        number: number.to_owned(),
        onec_number: Some("ТД-1".to_owned()),
        version: "3".to_owned(),
        deleted: false,
        trade: super::write::Trade::Sale,
        placed_at: at("2026-01-15T10:00:00"),
        currency: "руб".to_owned(),
        total: dec("390.00"),
        customer: Counterparty {
            id: Some("main/77".to_owned()),
            name: "Анна Петрова".to_owned(),
            last_name: Some("Петрова".to_owned()),
            contacts: vec![
                Contact::Phone("+79161234567".to_owned()),
                Contact::Email("anna@example.com".to_owned()),
            ],
            ..Counterparty::default()
        },
        comment: comment.to_owned(),
        taxes: Vec::new(),
        discounts: vec![("Купон".to_owned(), dec("10"))],
        warehouse: None,
        lines: vec![
            line("3f2c#9a", "Чайник", "90.00", false),
            line("ORDER_DELIVERY", "Доставка", "300.00", true),
        ],
        requisites: vec![
            (
                "Статуса заказа ИД".to_owned(),
                Requisite::Text("N".to_owned()),
            ),
            ("Отменен".to_owned(), Requisite::Truth(false)),
            (
                "Дата изменения статуса".to_owned(),
                Requisite::Date(at("2026-01-15T11:12:13")),
            ),
        ],
        payments: vec![Payment {
            id: "p1".to_owned(),
            number: "1".to_owned(),
            version: "1".to_owned(),
            at: at("2026-01-15T12:00:00"),
            kind: PaymentKind::Acquiring,
            sum: dec("390"),
            requisites: vec![("Оплачено".to_owned(), Requisite::Truth(true))],
        }],
        shipments: Vec::new(),
    }
}

pub(super) fn written(form: Form, orders: &[Order]) -> Vec<u8> {
    let mut file = Orders::begin(Vec::new(), form).unwrap();
    for order in orders {
        file.order(order).unwrap();
    }
    file.end().unwrap()
}

pub(super) fn form(version: SchemaVersion, encoding: Encoding) -> Form {
    Form {
        version,
        encoding,
        subordinate: false,
        formed_at: at("2026-01-15T13:00:00"),
    }
}

#[test]
fn what_is_written_is_read_again_in_every_version_and_encoding() {
    let comment = "«Позвоните» & <приезжайте> 😀 в 18:00";
    for version in ["2.03", "2.05", "2.08", "2.10", "3.1"] {
        for encoding in [Encoding::Utf8, Encoding::Utf8Bom, Encoding::Windows1251] {
            let version = SchemaVersion::parse(version).unwrap();
            let file = written(form(version, encoding), &[order("A-1", comment)]);
            let documents = match good(&file).remove(0) {
                Item::Package(package) => package.documents,
                Item::Document(document) => vec![*document],
                other => panic!("{other:?}"),
            };
            let read = &documents[0];
            assert_eq!(read.number.as_deref(), Some("A-1"));
            assert_eq!(
                read.comment.as_deref(),
                Some(comment),
                "{version} {encoding:?}"
            );
            assert_eq!(read.sum_of_lines(), read.total);
            assert_eq!(read.status_id(), Some("N"));
            assert_eq!(read.cancelled(), Some(false));
            let changed = read.requisites.moment(&["Дата изменения статуса"]);
            assert_eq!(changed.unwrap().naive(), at("2026-01-15T11:12:13"));
            assert_eq!(read.counterparties[0].contacts.len(), 2);
            let is_container = version >= SchemaVersion::new(3, 0);
            assert_eq!(documents.len(), if is_container { 2 } else { 1 });
        }
    }
}

#[test]
fn a_company_is_read_with_all_its_numbers_as_it_was_written() {
    let mut sent = order("A-1", "");
    sent.customer.legal_name = Some("АО Луч".to_owned());
    sent.customer.inn = Some("7707083893".to_owned());
    sent.customer.kpp = Some("770701001".to_owned());
    sent.customer.okpo = Some("00032537".to_owned());
    let file = written(form(SchemaVersion::new(2, 9), Encoding::Utf8), &[sent]);
    let who = documents(&file).remove(0).counterparties.remove(0);
    assert!(who.is_company());
    assert_eq!(who.inn.as_deref(), Some("7707083893"));
    assert_eq!(who.kpp.as_deref(), Some("770701001"));
    assert_eq!(who.okpo.as_deref(), Some("00032537"));
}

#[test]
fn nothing_to_send_is_a_root_without_children() {
    let file = written(form(SchemaVersion::new(2, 5), Encoding::Windows1251), &[]);
    assert_eq!(good(&file), Vec::new());
    assert!(!file.is_empty());
}

#[test]
fn payments_stand_inside_their_order_where_that_is_asked_for() {
    let inside = Form {
        subordinate: true,
        ..form(SchemaVersion::new(2, 10), Encoding::Utf8)
    };
    let orders = documents(&written(inside, &[order("1", "")]));
    assert_eq!(orders.len(), 1);
    assert!(orders[0].subordinates[0].operation.is_payment());
    assert_eq!(orders[0].subordinates[0].basis.as_deref(), Some("77"));
}

proptest! {
    #[test]
    fn any_text_of_an_order_comes_back(number in "[^\\p{C}\\s]{1,20}", comment in "\\PC{0,60}") {
        let file = written(
            form(SchemaVersion::new(2, 9), Encoding::Windows1251),
            &[order(&number, &comment)],
        );
        let read = documents(&file).remove(0);
        prop_assert_eq!(read.number.as_deref().unwrap_or_default(), value::trimmed(&number));
        prop_assert_eq!(read.comment.as_deref().unwrap_or_default(), value::trimmed(&comment));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = items(&bytes);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        place in 0_usize..20_000, byte in any::<u8>(), cut in 0_usize..20_000,
    ) {
        let mut file = sample!("documents-ut11-2.09.xml").to_vec();
        let place = place % file.len();
        file[place] = byte;
        file.truncate(file.len() - cut % file.len());
        let _ = items(&file);
    }
}

#[test]
fn a_status_that_stands_in_an_element_of_its_own_counts_where_no_requisite_tells_one() {
    let own = "<Статус><Ид>P</Ид><Наименование>Оплачен</Наименование></Статус>";
    let told = "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Статус заказа\
                </Наименование><Значение>[N] Принят</Значение></ЗначениеРеквизита>\
                </ЗначенияРеквизитов>";
    let document = |inner: &str| format!("<Документ><Ид>1</Ид>{inner}</Документ>");
    let both = format!("{own}{told}");
    for (inner, id, name) in [
        (own, Some("P"), Some("Оплачен")),
        (&*both, None, Some("Принят")),
        ("<Статус>Оплачен</Статус>", None, Some("Оплачен")),
        ("", None, None),
    ] {
        let file = wrapped(&document(inner));
        let read = &documents(file.as_bytes())[0];
        assert_eq!(
            (read.status_id(), read.status_name()),
            (id, name),
            "{inner}"
        );
    }
}
