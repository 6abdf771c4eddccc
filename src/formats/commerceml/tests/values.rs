use super::*;

/// A document with one requisite.
fn with(name: &str, value: &str) -> Result<Item, Fault> {
    let inner = format!(
        "<Документ><Номер>1</Номер><ЗначенияРеквизитов><ЗначениеРеквизита>\
         <Наименование>{name}</Наименование><Значение>{value}</Значение></ЗначениеРеквизита>\
         </ЗначенияРеквизитов></Документ>"
    );
    items(wrapped(&inner).as_bytes()).remove(0)
}

#[test]
fn what_cannot_be_read_is_a_fault_of_its_document_and_is_never_taken_as_absent() {
    for (name, value) in [
        ("Отменен", "может быть"),
        ("Оплачено", "частично"),
        ("ПометкаУдаления", "2"),
        ("Дата оплаты по 1С", "вчера"),
        ("Дата оплаты", "today"),
        ("ДатаОтгрузки", "31.31.2026"),
    ] {
        let fault = with(name, value).unwrap_err();
        assert!(fault.is_of_one_item(), "{fault:?}");
        assert!(fault.detail.contains(value), "{fault:?}");
    }
    let element = wrapped("<Документ><Номер>1</Номер><Дата>soon</Дата></Документ>");
    assert!(items(element.as_bytes()).remove(0).is_err());
}

#[test]
fn what_says_nothing_and_what_nobody_acts_upon_is_no_fault() {
    for (name, value) in [
        ("Отменен", ""),
        ("Дата оплаты по 1С", "T"),
        ("Дата отгрузки по 1С", "0001-01-01T00:00:00"),
        ("Дата оплаты", "01.01.0001 0:00:00"),
        ("Дата рождения", "весной"),
    ] {
        assert!(with(name, value).is_ok(), "{name}: {value}");
    }
}
