use super::*;

#[test]
fn a_representative_an_address_in_parts_and_a_catalogue_stand_as_sites_write_them() {
    let mut order = order("A-1", "");
    order.lines[0].catalogue = Some("bd72d8f9".to_owned());
    let who = &mut order.customer;
    who.legal_name = Some("АО Луч".to_owned());
    who.address = Some("125047, Тула".to_owned());
    who.address_parts = vec![("Город".to_owned(), "Тула".to_owned())];
    who.representatives = vec![Representative {
        relation: "Контактное лицо".to_owned(),
        id: Some("ab73".to_owned()),
        name: "Пётр".to_owned(),
    }];
    for (major, minor) in [(2, 3), (2, 9), (3, 10)] {
        let form = form(SchemaVersion::new(major, minor), Encoding::Utf8);
        let file = written(form, std::slice::from_ref(&order));
        let flat = String::from_utf8(file.clone()).unwrap().replace('\n', "");
        for part in [
            "<Ид>3f2c#9a</Ид><ИдКаталога>bd72d8f9</ИдКаталога>",
            "<ЮридическийАдрес><Представление>125047, Тула</Представление><АдресноеПоле>\
             <Тип>Город</Тип><Значение>Тула</Значение></АдресноеПоле></ЮридическийАдрес>",
            "</Контакты><Представители><Представитель><Контрагент>\
             <Отношение>Контактное лицо</Отношение><Ид>ab73</Ид><Наименование>Пётр</Наименование>\
             </Контрагент></Представитель></Представители><Роль>",
        ] {
            assert!(flat.contains(part), "{part} is not in {flat}");
        }
        let read = match good(&file).remove(0) {
            Item::Package(package) => package.documents[0].counterparties[0].clone(),
            Item::Document(document) => document.counterparties[0].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(read.representatives, order.customer.representatives);
        assert_eq!(read.address_parts, order.customer.address_parts);
    }
    // 1C writes it without the site's `Контрагент` around it.
    let orders = documents(sample!("documents-ut11-2.09.xml"));
    let speaker = &orders[0].counterparties[0].representatives[0];
    assert_eq!(speaker.relation, "Контактное лицо");
    assert!(speaker.id.as_deref().unwrap().starts_with("5018186c"));
}
