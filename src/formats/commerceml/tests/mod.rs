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

use written::{form, order, written};

mod customers;
mod prints;
mod values;
mod written;

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
    // Without a declaration it would be taken for windows-1251.
    let declared = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    let other = wrapped("<Документ><Номер>жар</Номер></Документ>");
    let mut other = format!("{declared}{other}").into_bytes();
    let at = other.windows(2).position(|two| two == "ж".as_bytes());
    other[at.unwrap()] = 0xFF;
    let read = items(&other);
    let fault = read.last().unwrap().as_ref().unwrap_err();
    assert_eq!(
        (fault.kind, &fault.detail),
        (FaultKind::Encoding, &FileFault::OtherEncoding)
    );
}
