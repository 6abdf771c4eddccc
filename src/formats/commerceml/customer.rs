//! Counterparties: customers and partners, of documents and by themselves.

use super::{Element, value::folded};

/// A customer or a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counterparty {
    /// `Ид`: the id that its sender gave the counterparty.
    pub id: Option<String>,
    /// `Наименование`: the name that it is listed by.
    pub name: String,
    /// `ПолноеНаименование`: the whole name of a natural person.
    pub full_name: Option<String>,
    /// `ОфициальноеНаименование`: of a legal person.
    pub legal_name: Option<String>,
    /// `ИНН`: the taxpayer number.
    pub inn: Option<String>,
    /// `КПП`: the registration reason code of a legal person.
    pub kpp: Option<String>,
    /// `КодПоОКПО`: the number in the register of enterprises.
    pub okpo: Option<String>,
    /// `Фамилия`: the last name of a natural person.
    pub last_name: Option<String>,
    /// `Имя`: the first name of a natural person.
    pub first_name: Option<String>,
    /// `Отчество`: the patronymic of a natural person.
    pub second_name: Option<String>,
    /// `Роль`: what it is in the document, as `Покупатель`.
    pub role: Option<String>,
    /// The first address that says something.
    pub address: Option<String>,
    /// `АдресноеПоле` of that address: kind and value, in the file's order.
    pub address_parts: Vec<(String, String)>,
    /// `Представители`: the people who speak for a company.
    pub representatives: Vec<Representative>,
    /// `Контакты`: telephones and e-mail addresses.
    pub contacts: Vec<Contact>,
    /// `ПометкаУдаления`: whether 1C has marked it for deletion.
    pub deleted: Option<bool>,
}

impl Counterparty {
    /// Whether it is a legal person: it has an official name, or both taxpayer numbers.
    pub fn is_company(&self) -> bool {
        self.legal_name.is_some() || self.inn.is_some() && self.kpp.is_some()
    }
}

/// Somebody who speaks for a company.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Representative {
    /// `Отношение`: what the person is to the company, as `Контактное лицо`.
    pub relation: String,
    /// `Ид`: the id that its sender gave the person.
    pub id: Option<String>,
    /// `Наименование`: the person's name.
    pub name: String,
}

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// A phone, as it stands in the file.
    Phone(String),
    /// An e-mail address, as it stands in the file.
    Email(String),
    /// Another kind, with its name.
    Other(String, String),
}

/// Where an address may stand, the more telling first.
const ADDRESSES: [&str; 5] = [
    "АдресДоставки",
    "АдресРегистрации",
    "ЮридическийАдрес",
    "ФактическийАдрес",
    "Адрес",
];

pub(super) fn counterparty(element: &Element) -> Counterparty {
    let name = element.text_of("Наименование").to_owned();
    let id = element.given("Ид");
    let details = element
        .child("РеквизитыЮрЛица")
        .or_else(|| element.child("РеквизитыФизЛица"));
    let given = |name: &str| {
        let inner = details.and_then(|details| details.given(name));
        element.given(name).or(inner)
    };
    let (address, address_parts) = ADDRESSES
        .iter()
        .find_map(|name| address(element.child(name)?))
        .unzip();
    let representatives = element.list("Представители", "Представитель");
    let contacts = element.list("Контакты", "Контакт").filter_map(contact);
    Counterparty {
        id,
        full_name: given("ПолноеНаименование"),
        legal_name: given("ОфициальноеНаименование"),
        inn: given("ИНН"),
        kpp: given("КПП"),
        okpo: given("КодПоОКПО").or_else(|| given("ОКПО")),
        last_name: given("Фамилия"),
        first_name: given("Имя"),
        second_name: given("Отчество"),
        role: element.given("Роль"),
        address,
        address_parts: address_parts.unwrap_or_default(),
        representatives: representatives.map(representative).collect(),
        contacts: contacts.collect(),
        deleted: element.truth_of("ПометкаУдаления"),
        name,
    }
}

/// `Представление`, else the fields of the address one after the other; and these fields.
fn address(element: &Element) -> Option<(String, Vec<(String, String)>)> {
    let parts: Vec<(String, String)> = element
        .all("АдресноеПоле")
        .filter_map(|field| Some((field.text_of("Тип").to_owned(), field.given("Значение")?)))
        .collect();
    let whole = element.text_of("Представление");
    if folded(whole) != "адрес" && !whole.is_empty() {
        return Some((whole.to_owned(), parts));
    }
    let values: Vec<&str> = parts.iter().map(|(_, value)| value.as_str()).collect();
    (!values.is_empty()).then(|| (values.join(", "), parts.clone()))
}

/// Sites put a `Контрагент` around what 1C writes as it is.
fn representative(element: &Element) -> Representative {
    let inner = element.child("Контрагент").unwrap_or(element);
    Representative {
        relation: inner.text_of("Отношение").to_owned(),
        id: inner.given("Ид"),
        name: inner.text_of("Наименование").to_owned(),
    }
}

fn contact(element: &Element) -> Option<Contact> {
    let value = element.given("Значение")?;
    let kind = element.text_of("Тип");
    let folded = folded(kind);
    Some(if folded.contains("телефон") || folded.contains("факс") {
        Contact::Phone(value)
    } else if folded.contains("почта") || folded.contains("mail") {
        Contact::Email(value)
    } else {
        Contact::Other(kind.to_owned(), value)
    })
}
