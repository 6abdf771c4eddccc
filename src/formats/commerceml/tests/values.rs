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
        assert!(fault.to_string().contains(value), "{fault:?}");
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

#[test]
fn of_prices_by_quantity_that_of_one_piece_is_told_and_no_price_costs_nobody_the_stock() {
    let price = |value: &str, from: &str| {
        format!(
            "<Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу>{from}</Цена>"
        )
    };
    let told = |prices: &str| {
        let offer = format!(
            "<Предложение><Ид>1</Ид><Цены>{prices}</Цены><Количество>7</Количество></Предложение>"
        );
        let file = wrapped(&format!(
            "<ПакетПредложений><Предложения>{offer}</Предложения></ПакетПредложений>"
        ));
        let offer = offers(file.as_bytes()).remove(0);
        assert_eq!(offer.rests[0].quantity, dec("7"));
        let all = offer.prices.iter();
        all.map(|one| one.price).collect::<Vec<_>>()
    };
    let ten = price("8", "<МинКоличество>10</МинКоличество>");
    let some = price(
        "9",
        "<КоличествоОт>2</КоличествоОт><КоличествоДо>9</КоличествоДо>",
    );
    let one = price("10", "<МинКоличество>1</МинКоличество>");
    for all in [
        format!("{}{ten}", price("10", "")),
        format!("{ten}{some}{one}"),
    ] {
        assert_eq!(told(&all), [dec("10")], "{all}");
    }
    assert_eq!(told(&format!("{}{one}", price("9", ""))), [dec("9")]);
    let unsaid = "<Цена><ИдТипаЦены>t</ИдТипаЦены></Цена>".to_owned();
    for none in [price("", ""), unsaid] {
        assert!(told(&none).is_empty(), "{none}");
    }
    let silent = "</Цены><Склад ИдСклада=\"s\" КоличествоНаСкладе=\"\"/><Цены>";
    assert_eq!(told(&format!("{silent}{one}")), [dec("10")]);
}
