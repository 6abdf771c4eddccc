use super::{
    write::{Form, Order, OrderLine, Orders, Payment, PaymentKind, Requisite, Unit},
    *,
};
use crate::domain::happening::FileFault;
use chrono::NaiveDateTime;
use proptest::prelude::*;
use rust_decimal::Decimal;

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/it/data/commerceml/", $name))
    };
}

mod customers;
mod prints;
mod values;

fn items(file: &[u8]) -> Vec<Result<Item, Fault>> {
    match Items::new(file, Bounds::default()) {
        Ok(items) => items.collect(),
        Err(fault) => vec![Err(fault)],
    }
}

fn good(file: &[u8]) -> Vec<Item> {
    items(file).into_iter().map(Result::unwrap).collect()
}

fn documents(file: &[u8]) -> Vec<Document> {
    let document = |item| match item {
        Item::Document(document) => *document,
        other => panic!("{other:?}"),
    };
    good(file).into_iter().map(document).collect()
}

fn offers(file: &[u8]) -> Vec<Offer> {
    let offer = |item| match item {
        Item::Offer(offer) => Some(*offer),
        _ => None,
    };
    good(file).into_iter().filter_map(offer).collect()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

#[test]
fn orders_that_a_trade_base_sends_back_are_read() {
    let orders = documents(sample!("documents-ut11-2.09.xml"));
    assert_eq!(orders.len(), 2);
    let [first, second] = orders.as_slice() else {
        panic!()
    };
    assert_eq!(first.number.as_deref(), Some("142"));
    assert_eq!(first.onec_number.as_deref(), Some("ТДЦУ-000001"));
    assert_eq!(first.version.as_deref(), Some("AAAAEAAAAAA="));
    assert_eq!(first.date.unwrap().naive(), at("2015-06-29T15:39:10"));
    assert!(first.operation.is_order());
    assert_eq!(first.deleted, Some(false));
    assert_eq!(first.status_id(), Some("P"));
    assert_eq!(first.paid_at().unwrap().naive(), at("2015-06-29T15:39:10"));
    assert_eq!(
        first.shipped_at().unwrap().naive(),
        at("2015-06-29T17:32:27")
    );
    assert_eq!(first.posted(), Some(true));
    assert!(first.counterparties[0].is_company());
    // The tax is not in the lines' sums here, and is there.
    assert_eq!(first.total, Some(dec("8186.84")));
    assert_eq!(first.sum_of_lines(), first.total);
    assert_eq!(second.total, Some(dec("4100")));
    assert_eq!(second.sum_of_lines(), second.total);
    let lines = second.lines.as_ref().unwrap();
    let delivery = lines.iter().find(|line| line.is_service).unwrap();
    assert_eq!(delivery.id.as_deref(), Some("ORDER_DELIVERY"));
    let shoes = &first.lines.as_ref().unwrap()[1];
    assert_eq!(shoes.price, Some(dec("3600")));
    assert_eq!(shoes.unit.as_deref(), Some("пар"));
    assert_eq!(shoes.unit_code.as_deref(), Some("715"));
    assert_eq!(shoes.taxes.len(), 1);
    // What stands at a line is no requisite of the document.
    assert_eq!(first.requisites.get(&["ТипНоменклатуры"]), None);
}

#[test]
fn a_site_s_answer_in_windows_1251_is_read_and_an_empty_one_has_no_items() {
    let file = sample!("query-2.05-cp1251.xml");
    let orders = documents(file);
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0].status_name(), Some("Принят, ожидается оплата"));
    assert_eq!(orders[0].total, Some(dec("231.74")));
    let line = &orders[0].lines.as_ref().unwrap()[0];
    assert_eq!(
        (line.unit.as_deref(), line.unit_code.as_deref()),
        (Some("шт"), Some("796"))
    );
    let head = Items::new(&file[..], Bounds::default())
        .unwrap()
        .head()
        .clone();
    assert_eq!(head.version, Some(SchemaVersion::new(2, 5)));
    assert_eq!(head.decimal, Some('.'));
    assert_eq!(head.formed_at.unwrap().naive(), at("2021-02-12T17:03:19"));
    assert_eq!(good(sample!("query-empty-2.05-cp1251.xml")), Vec::new());
}

#[test]
fn customers_without_orders_are_read() {
    let all = good(sample!("contractors-2.09.xml"));
    let named = all.iter().map(|item| match item {
        Item::Counterparty(who) => who.name.as_str(),
        other => panic!("{other:?}"),
    });
    assert!(named.into_iter().any(|name| name == "Апряд ТОО"));
}

#[test]
fn stock_is_read_in_every_shape_of_the_field() {
    let by_attribute = offers(sample!("offers-2.07.xml"));
    assert_eq!(by_attribute[0].rests.len(), 1);
    assert_eq!(by_attribute[0].rests[0].quantity, dec("20"));
    assert!(
        by_attribute[0].rests[0]
            .warehouse
            .as_deref()
            .unwrap()
            .starts_with("b6112590")
    );
    assert!(!by_attribute[0].prices.is_empty());
    let tree = offers(sample!("rests-warehouses-3.1.xml"));
    assert!(tree[0].rests.len() > 4);
    assert_eq!(tree[0].rests[4].quantity, dec("4"));
    let together = offers(sample!("rests-3.1.xml"));
    assert_eq!(
        together[0].rests,
        [Rest {
            warehouse: None,
            quantity: dec("0")
        }]
    );
    assert_eq!(
        together[1].rests,
        [Rest {
            warehouse: None,
            quantity: dec("2")
        }]
    );
    // Prices alone say nothing of stock.
    let prices = offers(sample!("prices-3.1.xml"));
    assert!(prices.iter().all(|offer| offer.rests.is_empty()));
    assert_eq!(prices[0].prices[0].price, dec("14240"));
    assert!(!offers(sample!("offers-2.08-crlf.xml")).is_empty());
}

#[test]
fn a_package_says_whether_it_holds_changes_only() {
    let head = |file: &[u8]| match good(file).into_iter().find_map(|item| match item {
        Item::PackageHead(head) => Some(head.only_changes),
        _ => None,
    }) {
        Some(only) => only,
        None => panic!("no package"),
    };
    assert_eq!(head(sample!("rests-3.1.xml")), Some(true));
    assert_eq!(head(sample!("offers-2.07.xml")), Some(false));
}

fn wrapped(inner: &str) -> String {
    format!("<КоммерческаяИнформация ВерсияСхемы=\"2.09\">{inner}</КоммерческаяИнформация>")
}

#[test]
fn a_bare_number_is_a_rest_and_no_quantity_is_none() {
    let file = |rest: &str| {
        let offer = format!("<Предложение><Ид>1</Ид>{rest}</Предложение>");
        let all = format!("<Предложения>{offer}</Предложения>");
        let file = wrapped(&format!("<ПакетПредложений>{all}</ПакетПредложений>"));
        offers(file.as_bytes()).remove(0).rests
    };
    let bare = file("<Остатки><Остаток> 1 200,5 </Остаток></Остатки>");
    assert_eq!(
        bare,
        [Rest {
            warehouse: None,
            quantity: dec("1200.5")
        }]
    );
    assert_eq!(file(""), []);
    assert_eq!(file("<Количество/>"), []);
}

#[test]
fn one_bad_item_is_a_fault_of_its_own_and_the_others_are_read() {
    let order = |number: &str, total: &str| {
        format!("<Документ><Номер>{number}</Номер><Сумма>{total}</Сумма></Документ>")
    };
    let inner = [order("1", "10"), order("2", "ten"), order("3", "30")].concat();
    let read = items(wrapped(&inner).as_bytes());
    assert_eq!(read.len(), 3);
    assert!(read[0].is_ok() && read[2].is_ok());
    let fault = read[1].as_ref().unwrap_err();
    assert!(
        fault.is_of_one_item() && fault.to_string().contains("Документ 2: Сумма"),
        "{fault}"
    );
}

#[test]
fn names_of_requisites_are_found_however_they_are_written() {
    for name in [
        "Статус заказа",
        "СтатусЗаказа",
        "статус  заказа",
        "СТАТУС ЗАКАЗА",
    ] {
        let one = format!("<Наименование>{name}</Наименование><Значение>[P] Оплачён</Значение>");
        let one = format!("<ЗначениеРеквизита>{one}</ЗначениеРеквизита>");
        let file = wrapped(&format!(
            "<Документ><Ид>1</Ид><ЗначенияРеквизитов>{one}</ЗначенияРеквизитов></Документ>"
        ));
        assert_eq!(
            documents(file.as_bytes())[0].status_name(),
            Some("Оплачён"),
            "{name}"
        );
    }
}

#[test]
fn a_short_form_says_nothing_of_lines_and_an_empty_list_says_that_there_are_none() {
    let short = wrapped("<Документ><Номер>7</Номер></Документ>");
    assert_eq!(documents(short.as_bytes())[0].lines, None);
    let emptied = wrapped("<Документ><Номер>7</Номер><Товары/></Документ>");
    assert_eq!(documents(emptied.as_bytes())[0].lines, Some(Vec::new()));
}

#[test]
fn hostile_files_are_refused_with_a_sentence() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\">]>\
                <КоммерческаяИнформация>&a;</КоммерческаяИнформация>";
    let deep = wrapped(&format!("<Документ>{}", "<а>".repeat(100)));
    let wide = wrapped(&format!("<Документ>{}</Документ>", "<а/>".repeat(200_000)));
    let long = wrapped(&format!(
        "<Документ><Ид>{}</Ид></Документ>",
        "я".repeat(1_000_000)
    ));
    let tag = format!("<{}", "я".repeat(2_000_000));
    let entity = wrapped("<Документ><Ид>&boom;</Ид></Документ>");
    for (file, kind) in [
        (bomb, FaultKind::NotXml),
        ("", FaultKind::NotXml),
        ("это не XML", FaultKind::NotXml),
        ("<html><body>502</body></html>", FaultKind::NotCommerceMl),
        (
            "<КоммерческаяИнформация ВерсияСхемы=\"1.0\"/>",
            FaultKind::NotCommerceMl,
        ),
        (
            "<?xml version=\"1.0\" encoding=\"ebcdic\"?><a/>",
            FaultKind::Encoding,
        ),
        (&*deep, FaultKind::TooLarge),
        (&*wide, FaultKind::TooLarge),
        (&*long, FaultKind::TooLarge),
        (&*tag, FaultKind::TooLarge),
        (&*entity, FaultKind::NotXml),
    ] {
        let fault = items(file.as_bytes()).pop().unwrap().unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}: {file:.60}");
    }
}

#[test]
fn a_file_cut_anywhere_is_a_fault_and_never_a_whole_one() {
    let file = sample!("rests-3.1.xml");
    let whole = good(file);
    let end = file.iter().rposition(|byte| *byte == b'>').unwrap();
    for cut in 0..=end {
        let read = items(&file[..cut]);
        let fault = read.last().unwrap().as_ref().unwrap_err();
        // A byte order mark alone is three bytes.
        let told = if [0, 3].contains(&cut) {
            FileFault::Empty
        } else {
            FileFault::Cut
        };
        assert_eq!(fault.detail, told, "cut at {cut}");
        let before: Vec<_> = read.into_iter().filter_map(Result::ok).collect();
        assert_eq!(before, whole[..before.len()], "cut at {cut}");
    }
}

#[test]
fn a_file_cut_inside_a_character_is_cut_and_not_of_another_encoding() {
    let text = "<КоммерческаяИнформация><Документ><Номер>жар";
    let utf16 = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    for whole in [text.as_bytes(), &utf16] {
        for many in [1, 3] {
            let read = items(&whole[..whole.len() - many]);
            let fault = read.last().unwrap().as_ref().unwrap_err();
            assert_eq!(
                (fault.kind, &fault.detail),
                (FaultKind::NotXml, &FileFault::Cut)
            );
        }
    }
    let mut other = wrapped("<Документ><Номер>жар</Номер></Документ>").into_bytes();
    let at = other.windows(2).position(|two| two == "ж".as_bytes());
    other[at.unwrap()] = 0xFF;
    let read = items(&other);
    let fault = read.last().unwrap().as_ref().unwrap_err();
    assert_eq!(
        (fault.kind, &fault.detail),
        (FaultKind::Encoding, &FileFault::OtherEncoding)
    );
}

fn order(number: &str, comment: &str) -> Order {
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

fn written(form: Form, orders: &[Order]) -> Vec<u8> {
    let mut file = Orders::begin(Vec::new(), form).unwrap();
    for order in orders {
        file.order(order).unwrap();
    }
    file.end().unwrap()
}

fn form(version: SchemaVersion, encoding: Encoding) -> Form {
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
