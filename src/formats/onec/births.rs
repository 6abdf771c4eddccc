//! Orders and customers that were made in 1C, as a shop is told of them.

use super::{Base, Meaning, contents::OneCContents};
use crate::{
    domain::{Snapshot, happening::DocumentReason},
    formats::commerceml::{Contact, Counterparty, Document},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// An order that was made in 1C.
#[derive(Debug, Clone, PartialEq)]
pub struct Birth {
    /// `Ид`, else `Номер`: it is known again by this.
    pub id: String,
    /// `Номер`, else `Номер1С`: the number that people in 1C know it by.
    pub number: String,
    /// Its status, in the shop's words; none: 1C says none that the table has.
    pub status: Option<String>,
    /// 1C has cancelled it, or marked it as deleted.
    pub cancelled: bool,
    /// The order as 1C has it, in the shape of a snapshot.
    pub snapshot: Value,
}

/// Why a document of an unknown order makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBirth {
    /// It does not say what is in the order.
    NoLines,
    /// Its number is one that a site gave: the order is missing here, not there.
    OfSite,
}

impl NoBirth {
    /// Why its document is refused.
    pub fn reason(self) -> DocumentReason {
        match self {
            Self::NoLines => DocumentReason::NoSuchOrderNoLines,
            Self::OfSite => DocumentReason::NoSuchOrderOfSite,
        }
    }
}

/// The order that a document of an unknown one makes.
pub fn birth(document: &Document, base: &Base) -> Result<Birth, NoBirth> {
    let number = document.number.as_ref().or(document.onec_number.as_ref());
    let id = document.id.as_ref().or(number).ok_or(NoBirth::NoLines)?;
    let number = number.unwrap_or(id);
    if is_of_site(document, (id.as_str(), number.as_str()), base) {
        return Err(NoBirth::OfSite);
    }
    let contents = OneCContents::of(document, base).filter(|contents| contents.lines() > 0);
    let contents = contents.ok_or(NoBirth::NoLines)?;
    let status = status(document, base);
    let cancelled = document.deleted == Some(true) || document.cancelled() == Some(true);
    let paid_at = document.paid_at().map(|at| base.from_local(at.naive()));
    let paid = document.requisites.truth(&["Заказ оплачен", "Оплачен"]);
    let mut snapshot = contents.snapshot(number);
    let made = json!({
        "status": status, "cancelled": cancelled, "paid": paid_at.is_some() || paid == Some(true),
        "paid_at": paid_at, "comment": document.comment,
        "created_at": document.date.map(|at| base.from_local(at.naive())),
        "customer": buyer(document).map(customer),
        "payment": named(document, &["Метод оплаты"]),
        "origin": {"onec": id},
    });
    if let (Value::Object(all), Value::Object(made)) = (&mut snapshot, made) {
        all.extend(made.into_iter().filter(|(_, value)| !value.is_null()));
    }
    delivered(&mut snapshot, document, base);
    Ok(Birth {
        id: id.clone(),
        number: number.clone(),
        status,
        cancelled,
        snapshot,
    })
}

/// Whether a site numbered the order. What 1C numbers itself has one number there, and a GUID.
fn is_of_site(document: &Document, (id, number): (&str, &str), base: &Base) -> bool {
    let mut prefixes = base.export.prefixes.values();
    let prefixed = prefixes.any(|prefix| !prefix.is_empty() && number.starts_with(&**prefix));
    let own = document.onec_number.as_deref();
    let renumbered = own.is_some_and(|own| own != number);
    prefixed || renumbered && Uuid::try_parse(id).is_err()
}

fn status(document: &Document, base: &Base) -> Option<String> {
    let words = [document.status_id(), document.status_name()];
    let words: Vec<String> = words.into_iter().flatten().map(str::to_owned).collect();
    match base.statuses.meaning(&words) {
        Meaning::Status(status) => Some(status),
        Meaning::OneWay | Meaning::Unknown => None,
    }
}

/// Who buys. 1C names who sells beside, in whatever order.
fn buyer(document: &Document) -> Option<&Counterparty> {
    let all = &document.counterparties;
    let is = |who: &Counterparty, role: &str| {
        let own = who.role.as_deref();
        own.is_some_and(|own| own.to_lowercase() == role)
    };
    let named = all.iter().find(|who| is(who, "покупатель"));
    named
        .or_else(|| all.iter().find(|who| !is(who, "продавец")))
        .or_else(|| all.first())
}

fn named(document: &Document, names: &[&str]) -> Option<Value> {
    let name = document.requisites.get(names)?;
    Some(json!({ "method": name }))
}

/// Adds how the order is delivered: as the document says, else by the base's usual service.
fn delivered(snapshot: &mut Value, document: &Document, base: &Base) {
    let service = |id: &str| {
        let mut known = base.delivery_services.iter();
        let found = known.find(|one| one.id == id)?;
        Some(found.name.clone())
    };
    let requisites = &document.requisites;
    let name = requisites.get(&["Метод доставки", "Способ доставки"]);
    let method = requisites
        .get(&["Метод доставки ИД"])
        .and_then(service)
        .or_else(|| name.map(str::to_owned))
        .or_else(|| service(base.import.delivery_service.as_deref()?));
    let address = requisites.get(&["Адрес доставки"]);
    if let Some(method) = method {
        snapshot["delivery"]["method"] = method.into();
    }
    if let Some(address) = address {
        snapshot["delivery"]["address"] = address.into();
    }
}

/// A counterparty, in the shape of a snapshot's customer.
pub fn customer(who: &Counterparty) -> Value {
    let is_company = who.is_company();
    let contacts = who.contacts.iter();
    let phone = |contact: &Contact| match contact {
        Contact::Phone(value) => Some(value.clone()),
        Contact::Email(_) | Contact::Other(..) => None,
    };
    let phones: Vec<String> = contacts.clone().filter_map(phone).collect();
    let email = |contact: &Contact| match contact {
        Contact::Email(value) => Some(value.clone()),
        Contact::Phone(_) | Contact::Other(..) => None,
    };
    let emails: Vec<String> = contacts.filter_map(email).collect();
    let whole = Some(&who.name).filter(|name| !name.is_empty() && !is_company);
    let mut data = json!({
        "id": who.id, "kind": if is_company { "company" } else { "person" },
        "name": who.first_name.as_ref().or(whole), "last_name": who.last_name,
        "second_name": who.second_name,
        "phones": phones, "emails": emails,
    });
    if is_company {
        let title = who.legal_name.as_ref().or(who.full_name.as_ref());
        data["company"] = json!({
            "title": title.unwrap_or(&who.name), "inn": who.inn, "kpp": who.kpp,
            "address": who.address,
        });
    }
    data
}

/// A counterparty's identity: `Ид`, else its taxpayer numbers, else its name.
pub fn customer_id(who: &Counterparty) -> String {
    let kpp = who.kpp.as_deref().unwrap_or_default();
    let inn = || who.inn.as_ref().map(|inn| format!("{inn}/{kpp}"));
    let id = who.id.clone().or_else(inn);
    id.unwrap_or_else(|| who.name.clone())
}

/// Whether the shop has taken the order as 1C had it: 1C need not be sent it.
pub fn is_as_told(told: &Value, taken: &Snapshot) -> bool {
    let status = told["status"].as_str();
    if status.is_some_and(|status| status != taken.status)
        || decimal(&told["total"]) != Some(taken.total)
        || told["currency"].as_str() != Some(taken.currency.as_str())
        || told["cancelled"] == true && !taken.cancelled
    {
        return false;
    }
    let items = told["items"].as_array().map(Vec::as_slice);
    let items = items.unwrap_or_default();
    let mut open: Vec<_> = taken.items.iter().collect();
    items.len() == open.len()
        && items.iter().all(|item| {
            let name = item["name"].as_str().unwrap_or_default();
            let place = open.iter().position(|own| {
                own.name.trim() == name.trim() && decimal(&item["quantity"]) == Some(own.quantity)
            });
            place.map(|place| open.swap_remove(place)).is_some()
        })
}

fn decimal(text: &Value) -> Option<Decimal> {
    text.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{
        commerceml::{Bounds, Item, Items},
        onec::tests::base,
    };

    #[test]
    fn the_customer_of_an_order_made_in_1c_is_who_buys_and_not_who_sells() {
        let who = |name: &str, role: &str| {
            format!(
                "<Контрагент><Ид>{name}</Ид><Наименование>{name}</Наименование><Роль>{role}</Роль>\
                 </Контрагент>"
            )
        };
        let (we, she) = (who("ООО Ромашка", "Продавец"), who("Анна", "Покупатель"));
        let unsaid = who("Анна", "");
        for (all, buyer) in [
            (format!("{we}{she}"), "Анна"),
            (format!("{she}{we}"), "Анна"),
            (format!("{we}{unsaid}"), "Анна"),
            (we.clone(), "ООО Ромашка"),
        ] {
            let file = format!(
                "<КоммерческаяИнформация><Документ><Ид>7</Ид><Номер>7</Номер><Сумма>1</Сумма>\
                 <Контрагенты>{all}</Контрагенты><Товары><Товар><Ид>g</Ид><Наименование>Чай\
                 </Наименование><Количество>1</Количество><Сумма>1</Сумма></Товар></Товары>\
                 </Документ></КоммерческаяИнформация>"
            );
            let mut items = Items::new(file.as_bytes(), Bounds::default()).unwrap();
            let Some(Ok(Item::Document(document))) = items.next() else {
                panic!("{file}")
            };
            let born = birth(&document, &base()).unwrap();
            assert_eq!(born.snapshot["customer"]["id"], buyer, "{all}");
        }
    }
}
