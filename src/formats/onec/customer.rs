//! The counterparty of an order, by the payer's profile.

use super::{Base, Given, at, text_of};
use crate::{
    domain::{Customer, CustomerKind, Snapshot},
    formats::commerceml::{Contact, Counterparty, Representative},
};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The parts of an address that CommerceML names, in its order. A profile gives one as `Адрес.`
/// with the part's name.
pub const ADDRESS_PARTS: [&str; 10] = [
    "Почтовый индекс",
    "Страна",
    "Регион",
    "Район",
    "Населенный пункт",
    "Город",
    "Улица",
    "Дом",
    "Корпус",
    "Квартира",
];

/// The part of an address that a profile's field names; none: it names none.
pub fn address_part(field: &str) -> Option<&str> {
    field.strip_prefix("Адрес.")
}

/// The counterparty, and the requisites that its profile names besides.
pub(super) fn of(
    base: &Base,
    shop: &str,
    order: &Snapshot,
) -> (Counterparty, Vec<(String, String)>) {
    let mut who = order
        .customer
        .as_ref()
        .map_or_else(Counterparty::default, plain);
    who.id = Some(identity(shop, order));
    let is_company = is_company(order.customer.as_ref());
    let mut further = Vec::new();
    for (name, value) in profile(base, is_company, order) {
        if let Some(value) = set(&mut who, &name, value) {
            further.push((name, value));
        }
    }
    if who.name.is_empty() {
        who.name = usual_name(&who);
    }
    if is_company && who.legal_name.is_none() {
        who.legal_name = Some(who.name.clone());
    }
    if !is_company {
        // What stands there makes a company of a person.
        who.legal_name = None;
        who.kpp = None;
        who.okpo = None;
        who.address = who.address.or_else(|| delivered_to(order));
    }
    if is_company {
        who.representatives
            .extend(representative(shop, order, &who));
    }
    let place = |part: &String| ADDRESS_PARTS.iter().position(|known| known == part);
    who.address_parts.sort_by_key(|(part, _)| place(part));
    if who.address.is_none() && !who.address_parts.is_empty() {
        let values: Vec<&str> = who
            .address_parts
            .iter()
            .map(|(_, value)| &**value)
            .collect();
        who.address = Some(values.join(", "));
    }
    (who, further)
}

fn is_company(customer: Option<&Customer>) -> bool {
    customer.is_some_and(|customer| {
        let company = customer.company.as_ref();
        customer.kind == CustomerKind::Company
            || company.is_some_and(|company| company.inn.is_some() && company.kpp.is_some())
    })
}

fn plain(customer: &Customer) -> Counterparty {
    let company = customer.company.as_ref();
    let phones = customer
        .phones
        .iter()
        .map(|phone| Contact::Phone(phone.to_string()));
    let emails = customer.emails.iter().cloned().map(Contact::Email);
    Counterparty {
        legal_name: company.and_then(|company| company.title.clone()),
        name: company
            .and_then(|company| company.title.clone())
            .unwrap_or_default(),
        inn: company.and_then(|company| company.inn.clone()),
        kpp: company.and_then(|company| company.kpp.clone()),
        address: company.and_then(|company| company.address.clone()),
        last_name: customer.last_name.clone(),
        first_name: customer.name.clone(),
        second_name: customer.second_name.clone(),
        contacts: phones.chain(emails).collect(),
        ..Counterparty::default()
    }
}

/// Where a natural person's order is delivered to; what is fetched from a store goes to no address
/// of the person's.
fn delivered_to(order: &Snapshot) -> Option<String> {
    let is_fetched = at(&order.data, "delivery.store")
        .and_then(text_of)
        .is_some();
    let delivery = order.delivery.as_ref().filter(|_| !is_fetched)?;
    delivery.address.clone()
}

/// Who speaks for a company: the person whom its order names.
fn representative(shop: &str, order: &Snapshot, who: &Counterparty) -> Option<Representative> {
    let name = full_name(who)?;
    let customer = order.customer.as_ref()?;
    let key = match &customer.id {
        Some(id) => format!("person/{id}"),
        None => format!("{}/{name}", who.id.as_deref().unwrap_or_default()),
    };
    Some(Representative {
        relation: "Контактное лицо".to_owned(),
        id: Some(uuid_of(shop, &key)),
        name,
    })
}

/// The name of a person; none: no part of it is known.
fn full_name(who: &Counterparty) -> Option<String> {
    let parts = [&who.last_name, &who.first_name, &who.second_name];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The name of a person, else what the person is reached by.
fn usual_name(who: &Counterparty) -> String {
    if let Some(name) = full_name(who) {
        return name;
    }
    let reached = who.contacts.iter().map(|contact| match contact {
        Contact::Phone(value) | Contact::Email(value) | Contact::Other(_, value) => value,
    });
    let reached = reached.into_iter().next().cloned();
    reached.unwrap_or_else(|| "Покупатель".to_owned())
}

/// An id that stays the same when the customer changes the name: made of the shop's own id, else
/// of what tells a customer from others.
fn identity(shop: &str, order: &Snapshot) -> String {
    let customer = order.customer.as_ref();
    let company = customer.and_then(|customer| customer.company.as_ref());
    let key = customer.and_then(|customer| {
        let own = customer.id.as_ref().map(|id| format!("id/{id}"));
        let inn = || {
            let company = company?;
            let kpp = company.kpp.as_deref().unwrap_or_default();
            company.inn.as_ref().map(|inn| format!("inn/{inn}/{kpp}"))
        };
        let (phones, emails) = (&customer.phones, &customer.emails);
        let phone = || phones.first().map(|phone| format!("phone/{phone}"));
        let email = || emails.first().map(|email| format!("email/{email}"));
        own.or_else(inn).or_else(phone).or_else(email)
    });
    let key = key.unwrap_or_else(|| format!("order/{}", order.number));
    uuid_of(shop, &key)
}

fn uuid_of(shop: &str, key: &str) -> String {
    let print = Sha256::digest(format!("{shop}/{key}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&print[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// The profile's values for this order.
fn profile(base: &Base, is_company: bool, order: &Snapshot) -> BTreeMap<String, String> {
    let own = if is_company {
        &base.profiles.company
    } else {
        &base.profiles.person
    };
    let mut values = BTreeMap::new();
    for (name, given) in base.profiles.default.iter().chain(own) {
        let value = match given {
            Given::Value(value) => Some(value.clone()),
            Given::Path(path) => at(&order.data, path).and_then(text_of),
        };
        if let Some(value) = value {
            values.insert(name.clone(), value);
        }
    }
    values
}

/// Puts a value into the field of this name; hands it back if there is none.
fn set(who: &mut Counterparty, name: &str, value: String) -> Option<String> {
    let field = match name {
        "Наименование" => {
            who.name = value;
            return None;
        }
        "Ид" => &mut who.id,
        "ПолноеНаименование" => &mut who.full_name,
        "ОфициальноеНаименование" => &mut who.legal_name,
        "ИНН" => &mut who.inn,
        "КПП" => &mut who.kpp,
        "КодПоОКПО" => &mut who.okpo,
        "Фамилия" => &mut who.last_name,
        "Имя" => &mut who.first_name,
        "Отчество" => &mut who.second_name,
        "АдресРегистрации" | "ЮридическийАдрес" | "Адрес" => {
            &mut who.address
        }
        part if address_part(part).is_some() => {
            let part = address_part(part).unwrap_or_default().to_owned();
            who.address_parts.push((part, value));
            return None;
        }
        "Телефон" => {
            who.contacts
                .retain(|contact| !matches!(contact, Contact::Phone(_)));
            who.contacts.insert(0, Contact::Phone(value));
            return None;
        }
        "Почта" => {
            who.contacts
                .retain(|contact| !matches!(contact, Contact::Email(_)));
            who.contacts.push(Contact::Email(value));
            return None;
        }
        _ => return Some(value),
    };
    *field = Some(value);
    None
}
