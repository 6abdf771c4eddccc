//! Reading a snapshot: every fault is told with its pointer, and lists are bounded. What a person
//! wrote never costs the order: a text that is too long is shortened, what cannot be a phone, an
//! address or a taxpayer number is left out, and both are said.

use super::{
    Channel, Company, Customer, CustomerKind, Delivery, Discount, Item, Origin, Payment, Readable,
    Reading, Snapshot, Utm,
};
use crate::domain::{
    Faults, OrderNumber, Phone,
    contacts::{email, tax_id},
    happening::{Note, Quoted},
    input::json_reader::Reader,
    money,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

const ITEMS: usize = 1_000;
const DISCOUNTS: usize = 100;
const CONTACTS: usize = 20;
const OPTIONS: usize = 50;
const NOTES: usize = 50;
const PROPERTIES: usize = 200;
const NAME: usize = 500;
const ADDRESS: usize = 1_000;
const COMMENT: usize = 10_000;
/// As much of something that was left out is told of, in characters.
const TOLD: usize = 300;
const PROPERTY_BYTES: usize = 64 * 1024;

/// How the texts of a snapshot are read, and what becomes of those that cannot be used as they are.
struct Texts<'a> {
    rules: Reading<'a>,
    left_out: Vec<Note>,
    readable: Vec<Readable>,
}

impl Texts<'_> {
    /// A text for people of at most `max` characters; a longer one is shortened.
    fn read(
        &mut self,
        of: &Reader<'_>,
        name: &str,
        max: usize,
        faults: &mut Faults,
    ) -> Option<String> {
        let text = of.whole(name, faults)?;
        let text = self.rules.texts.read(&text);
        let text = text.trim();
        if text.chars().count() <= max {
            return (!text.is_empty()).then(|| text.to_owned());
        }
        let place = of.at(name);
        let place = place.strip_prefix("/data/").unwrap_or(&place);
        self.left_out.push(Note::TextShortened {
            place: place.to_owned(),
            characters: max,
        });
        Some(text.chars().take(max).collect())
    }

    /// Phones: all that can be dialled; what was written, too, where it says more.
    fn phones(&mut self, customer: &Reader<'_>, faults: &mut Faults) -> Vec<Phone> {
        let mut phones: Vec<Phone> = Vec::new();
        for text in customer.texts("phones", CONTACTS, faults) {
            let written = Phone::read(&text, self.rules.phone_country);
            let extended = written.numbers.iter().any(|one| one.extension.is_some());
            if written.numbers.is_empty() {
                let phone = Quoted(few(&text));
                self.left_out.push(Note::PhoneLeftOut { phone });
            }
            if written.more || extended || written.numbers.is_empty() {
                self.readable.push(Readable::Phone(few(&text)));
            }
            for one in written.numbers {
                if !phones.contains(&one.phone) {
                    phones.push(one.phone);
                }
            }
        }
        phones
    }

    /// E-mail addresses: all that a portal takes; what was written, too, where it says more.
    fn emails(&mut self, customer: &Reader<'_>, faults: &mut Faults) -> Vec<String> {
        let mut emails: Vec<String> = Vec::new();
        for text in customer.texts("emails", CONTACTS, faults) {
            let written = email::read(&self.rules.texts.read(&text));
            if written.more || written.addresses.is_empty() {
                let text = few(&text);
                let email = Quoted(text.clone());
                self.left_out.push(Note::EmailLeftOut { email });
                self.readable.push(Readable::Email(text));
            }
            for address in written.addresses {
                if !emails.contains(&address) {
                    emails.push(address);
                }
            }
        }
        emails
    }
}

/// As much of a text as is told of.
fn few(text: &str) -> String {
    text.chars().take(TOLD).collect()
}

impl Snapshot {
    /// Reads the `data` of a `shop.order.saved.v1`, all but what it keeps of it as it stands: the
    /// caller has that. Adds every fault to `faults`.
    pub(in crate::domain) fn read(
        data: &Reader<'_>,
        rules: Reading<'_>,
        faults: &mut Faults,
    ) -> Option<Self> {
        let before = faults.len();
        let mut texts = Texts {
            rules,
            left_out: Vec::new(),
            readable: Vec::new(),
        };
        let number = OrderNumber::read(data, faults);
        let status = data
            .require("status", faults)
            .then(|| data.id("status", 100, faults))
            .flatten();
        if status.is_none() && faults.len() == before {
            data.fault("status", "`status` must not be empty", faults);
        }
        let currency = currency(data, faults);
        let total = data
            .require("total", faults)
            .then(|| data.amount("total", faults))
            .flatten();
        let snapshot = Self {
            number: number.clone().unwrap_or_else(OrderNumber::unread),
            id: data.id("id", 256, faults),
            version: data.integer("version", faults),
            status: status.clone().unwrap_or_default(),
            status_changed_at: data.moment("status_changed_at", faults),
            created_at: data.moment("created_at", faults),
            updated_at: data.moment("updated_at", faults),
            currency: currency.unwrap_or_default(),
            total: total.unwrap_or_default(),
            paid: data.boolean("paid", faults).unwrap_or_default(),
            paid_at: data.moment("paid_at", faults),
            completed_at: data.moment("completed_at", faults),
            cancelled: data.boolean("cancelled", faults).unwrap_or_default(),
            cancel_reason: texts.read(data, "cancel_reason", COMMENT, faults),
            customer: data
                .object("customer", faults)
                .map(|customer| Customer::read(&customer, &mut texts, faults)),
            items: data
                .objects("items", ITEMS, faults)
                .iter()
                .map(|item| Item::read(item, &mut texts, faults))
                .collect(),
            discounts: data
                .objects("discounts", DISCOUNTS, faults)
                .iter()
                .map(|discount| Discount::read(discount, &mut texts, faults))
                .collect(),
            delivery: data
                .object("delivery", faults)
                .map(|delivery| Delivery::read(&delivery, &mut texts, faults)),
            payment: data.object("payment", faults).map(|payment| Payment {
                method: texts.read(&payment, "method", NAME, faults),
            }),
            properties: properties(data, faults),
            utm: data
                .object("utm", faults)
                .map(|utm| Utm::read(&utm, &mut texts, faults))
                .unwrap_or_default(),
            comment: texts.read(data, "comment", COMMENT, faults),
            notes: notes(data, &mut texts, faults),
            origin: data
                .object("origin", faults)
                .map(|origin| Origin::read(&origin, faults))
                .unwrap_or_default(),
            left_out: texts.left_out,
            readable: texts.readable,
            data: Map::new(),
        };
        (faults.len() == before).then_some(snapshot)
    }
}

/// ISO 4217 by shape; whether it exists is the portal's to judge.
fn currency(data: &Reader<'_>, faults: &mut Faults) -> Option<String> {
    if !data.require("currency", faults) {
        return None;
    }
    let code = data.text("currency", 10, faults)?.to_ascii_uppercase();
    if !money::is_currency(&code) {
        data.fault(
            "currency",
            "`currency` must be three letters (ISO 4217), such as \"RUB\"",
            faults,
        );
        return None;
    }
    Some(code)
}

/// A list, as PHP writes a map whose codes are 0, 1 and so on, is a map.
fn properties(data: &Reader<'_>, faults: &mut Faults) -> Map<String, Value> {
    if let Some(Value::Array(elements)) = data.member("properties")
        && elements.len() <= PROPERTIES
    {
        let codes = elements.iter().enumerate();
        return codes
            .map(|(code, value)| (code.to_string(), value.clone()))
            .collect();
    }
    let Some(properties) = data.object("properties", faults) else {
        return Map::new();
    };
    let members = properties.members();
    if members.len() > PROPERTIES {
        data.fault(
            "properties",
            format!("at most {PROPERTIES} properties are taken"),
            faults,
        );
    }
    for (code, value) in members {
        if value.to_string().len() > PROPERTY_BYTES {
            properties.fault(
                code,
                format!("a property may hold {PROPERTY_BYTES} bytes"),
                faults,
            );
        }
    }
    members.clone()
}

impl Customer {
    fn read(customer: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Self {
        let company = customer
            .object("company", faults)
            .and_then(|company| Company::read(&company, texts, faults));
        let usual = if company.is_some() {
            "company"
        } else {
            "person"
        };
        let kind = customer
            .text("kind", 20, faults)
            .unwrap_or_else(|| usual.to_owned());
        let kind = match kind.as_str() {
            "person" => CustomerKind::Person,
            "company" => CustomerKind::Company,
            other => {
                let detail = format!("`kind` must be \"person\" or \"company\", not {other:?}");
                customer.fault("kind", detail, faults);
                CustomerKind::Person
            }
        };
        Self {
            id: customer.id("id", 200, faults),
            kind,
            name: texts.read(customer, "name", NAME, faults),
            last_name: texts.read(customer, "last_name", NAME, faults),
            second_name: texts.read(customer, "second_name", NAME, faults),
            phones: texts.phones(customer, faults),
            emails: texts.emails(customer, faults),
            company,
        }
    }
}

impl Company {
    /// None where nothing is told of it.
    fn read(company: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Option<Self> {
        let mut checked = |name: &str, holds: fn(&str) -> bool, faults: &mut Faults| {
            let text = company.whole(name, faults)?;
            if holds(&text) {
                return Some(text.into_owned());
            }
            let text = few(&text);
            texts.left_out.push(Note::CompanyFieldLeftOut {
                field: name.to_owned(),
                value: Quoted(text),
            });
            None
        };
        let (inn, kpp) = (
            checked("inn", tax_id::is_inn, faults),
            checked("kpp", tax_id::is_kpp, faults),
        );
        let read = Self {
            inn,
            kpp,
            title: texts.read(company, "title", NAME, faults),
            address: texts.read(company, "address", ADDRESS, faults),
        };
        let told = [&read.inn, &read.kpp, &read.title, &read.address];
        let told = told.into_iter().any(Option::is_some);
        told.then_some(read)
    }
}

impl Item {
    fn read(item: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Self {
        let required = |name: &str, faults: &mut Faults| {
            item.require(name, faults)
                .then(|| item.amount(name, faults))
                .flatten()
        };
        let before = faults.len();
        let name = item
            .require("name", faults)
            .then(|| texts.read(item, "name", NAME, faults))
            .flatten();
        if name.is_none() && faults.len() == before {
            item.fault("name", "`name` must not be empty", faults);
        }
        let quantity = required("quantity", faults);
        if quantity.is_some_and(|quantity| quantity.is_zero()) {
            item.fault("quantity", "`quantity` must be more than zero", faults);
        }
        let (vat_rate, vat_included) = vat(item, faults);
        Self {
            catalogue_id: None,
            product_id: item.id("product_id", 256, faults),
            // It only helps to find the product: no order is refused for it.
            xml_id: item.id("xml_id", 256, &mut Faults::new()),
            sku: item.id("sku", 256, faults),
            name: name.unwrap_or_default(),
            quantity: quantity.unwrap_or_default(),
            unit: item.id("unit", 50, faults),
            price: required("price", faults).unwrap_or_default(),
            discount: item.amount("discount", faults).unwrap_or_default(),
            vat_rate,
            vat_included,
            options: options(item, texts, faults),
        }
    }
}

/// The VAT of something that costs, and whether the cost includes it.
fn vat(of: &Reader<'_>, faults: &mut Faults) -> (Option<Decimal>, bool) {
    let rate = of.amount("vat_rate", faults);
    if rate.is_some_and(|rate| rate > Decimal::ONE_HUNDRED) {
        of.fault("vat_rate", "`vat_rate` is in percent: 0 to 100", faults);
    }
    let included = of.boolean("vat_included", faults).unwrap_or(true);
    (rate, included)
}

/// What the customer chose: an object of names and values, or a list of `{name, value}`.
fn options(item: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Vec<(String, String)> {
    if let Some(Value::Object(members)) = item.member("options") {
        let Some(options) = item.object("options", faults) else {
            return Vec::new();
        };
        let names = members.keys().take(OPTIONS);
        return names
            .filter_map(|name| {
                let value = texts.read(&options, name, NAME, faults)?;
                Some((name.trim().to_owned(), value))
            })
            .collect();
    }
    let options = item.objects("options", OPTIONS, faults);
    let read = options.iter().filter_map(|option| {
        let name = texts.read(option, "name", NAME, faults);
        let value = texts.read(option, "value", NAME, faults)?;
        Some((name.unwrap_or_default(), value))
    });
    read.collect()
}

fn notes(data: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Vec<String> {
    let mut notes = data.texts("notes", NOTES, faults);
    for note in &mut notes {
        *note = texts.rules.texts.read(note).into_owned();
        if note.chars().count() > ADDRESS {
            texts.left_out.push(Note::TextShortened {
                place: "notes".to_owned(),
                characters: ADDRESS,
            });
            *note = note.chars().take(ADDRESS).collect();
        }
    }
    notes
}

impl Delivery {
    fn read(delivery: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Self {
        let (vat_rate, vat_included) = vat(delivery, faults);
        Self {
            method: texts.read(delivery, "method", NAME, faults),
            price: delivery.amount("price", faults).unwrap_or_default(),
            vat_rate,
            vat_included,
            address: texts.read(delivery, "address", ADDRESS, faults),
            recipient: recipient(delivery, texts, faults),
        }
    }
}

/// Name and phone of whoever takes the delivery.
fn recipient(delivery: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Vec<String> {
    let Some(recipient) = delivery.object("recipient", faults) else {
        return Vec::new();
    };
    ["name", "phone"]
        .into_iter()
        .filter_map(|part| texts.read(&recipient, part, NAME, faults))
        .collect()
}

impl Discount {
    fn read(discount: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Self {
        let amount = discount
            .require("amount", faults)
            .then(|| discount.amount("amount", faults))
            .flatten();
        let (vat_rate, vat_included) = vat(discount, faults);
        Self {
            name: texts
                .read(discount, "name", NAME, faults)
                .unwrap_or_else(|| "Скидка".to_owned()),
            amount: amount.unwrap_or_default(),
            vat_rate,
            vat_included,
        }
    }
}

impl Utm {
    fn read(utm: &Reader<'_>, texts: &mut Texts<'_>, faults: &mut Faults) -> Self {
        let mut text = |name| texts.read(utm, name, 500, faults);
        Self {
            source: text("source"),
            medium: text("medium"),
            campaign: text("campaign"),
            content: text("content"),
            term: text("term"),
        }
    }
}

impl Origin {
    fn read(origin: &Reader<'_>, faults: &mut Faults) -> Self {
        let channel = match origin.text("channel", 50, faults).as_deref() {
            None | Some("online") => Channel::Online,
            Some("pos") => Channel::Pos,
            Some("operator") => Channel::Operator,
            Some(other) => Channel::Other(other.to_owned()),
        };
        Self {
            channel,
            store_id: origin.id("store_id", 256, faults),
            receipt: origin.id("receipt", 256, faults),
        }
    }
}
