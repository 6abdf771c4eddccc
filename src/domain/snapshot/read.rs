//! Reading a snapshot: every fault is told with its pointer, every text and list is bounded, and what cannot be a phone or a
//! taxpayer number is left out and said.

use super::{
    Channel, Company, Customer, CustomerKind, Delivery, Discount, Item, Origin, Payment, Snapshot,
    Utm,
};
use crate::domain::{Faults, OrderNumber, Phone, inn, reader::Reader};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

const ITEMS: usize = 1_000;
const DISCOUNTS: usize = 100;
const CONTACTS: usize = 20;
const PROPERTIES: usize = 200;
const NAME: usize = 500;
const ADDRESS: usize = 1_000;
const COMMENT: usize = 10_000;
const PROPERTY_BYTES: usize = 64 * 1024;

impl Snapshot {
    /// Reads the `data` of a `shop.order.saved.v1`; adds every fault to `faults`.
    pub(in crate::domain) fn read(
        data: &Reader<'_>,
        phone_country: &str,
        faults: &mut Faults,
    ) -> Option<Self> {
        let before = faults.len();
        let mut left_out = Vec::new();
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
            cancelled: data.boolean("cancelled", faults).unwrap_or_default(),
            cancel_reason: data.text("cancel_reason", COMMENT, faults),
            customer: data
                .object("customer", faults)
                .map(|customer| Customer::read(&customer, phone_country, &mut left_out, faults)),
            items: data
                .objects("items", ITEMS, faults)
                .iter()
                .map(|item| Item::read(item, faults))
                .collect(),
            discounts: data
                .objects("discounts", DISCOUNTS, faults)
                .iter()
                .map(|discount| Discount::read(discount, faults))
                .collect(),
            delivery: data.object("delivery", faults).map(|delivery| Delivery {
                method: delivery.text("method", NAME, faults),
                price: delivery.amount("price", faults).unwrap_or_default(),
                address: delivery.text("address", ADDRESS, faults),
            }),
            payment: data.object("payment", faults).map(|payment| Payment {
                method: payment.text("method", NAME, faults),
            }),
            properties: properties(data, faults),
            utm: data
                .object("utm", faults)
                .map(|utm| Utm::read(&utm, faults))
                .unwrap_or_default(),
            comment: data.text("comment", COMMENT, faults),
            origin: data
                .object("origin", faults)
                .map(|origin| Origin::read(&origin, faults))
                .unwrap_or_default(),
            left_out,
            data: data.members().clone(),
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
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        data.fault(
            "currency",
            "`currency` must be three letters (ISO 4217), such as \"RUB\"",
            faults,
        );
        return None;
    }
    Some(code)
}

fn properties(data: &Reader<'_>, faults: &mut Faults) -> Map<String, Value> {
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
    fn read(
        customer: &Reader<'_>,
        phone_country: &str,
        left_out: &mut Vec<String>,
        faults: &mut Faults,
    ) -> Self {
        let company = customer
            .object("company", faults)
            .map(|company| Company::read(&company, left_out, faults));
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
        let mut phones: Vec<Phone> = Vec::new();
        for text in customer.texts("phones", CONTACTS, 100, faults) {
            match Phone::parse(&text, phone_country) {
                Some(phone) if !phones.contains(&phone) => phones.push(phone),
                Some(_) => {}
                None => left_out.push(format!(
                    "the phone {text:?} cannot be a phone number and was left out"
                )),
            }
        }
        let mut emails: Vec<String> = Vec::new();
        for email in customer.texts("emails", CONTACTS, 320, faults) {
            let email = email.to_lowercase();
            if !emails.contains(&email) {
                emails.push(email);
            }
        }
        Self {
            id: customer.id("id", 200, faults),
            kind,
            name: customer.text("name", NAME, faults),
            last_name: customer.text("last_name", NAME, faults),
            second_name: customer.text("second_name", NAME, faults),
            phones,
            emails,
            company,
        }
    }
}

impl Company {
    fn read(company: &Reader<'_>, left_out: &mut Vec<String>, faults: &mut Faults) -> Self {
        let mut checked = |name: &str, holds: fn(&str) -> bool, faults: &mut Faults| {
            let text = company.id(name, 100, faults)?;
            if holds(&text) {
                return Some(text);
            }
            left_out.push(format!(
                "the company's {name} {text:?} cannot be one and was left out"
            ));
            None
        };
        Self {
            inn: checked("inn", inn::is_inn, faults),
            kpp: checked("kpp", inn::is_kpp, faults),
            title: company.text("title", NAME, faults),
            address: company.text("address", ADDRESS, faults),
        }
    }
}

impl Item {
    fn read(item: &Reader<'_>, faults: &mut Faults) -> Self {
        let required = |name: &str, faults: &mut Faults| {
            item.require(name, faults)
                .then(|| item.amount(name, faults))
                .flatten()
        };
        let before = faults.len();
        let name = item
            .require("name", faults)
            .then(|| item.text("name", NAME, faults))
            .flatten();
        if name.is_none() && faults.len() == before {
            item.fault("name", "`name` must not be empty", faults);
        }
        let quantity = required("quantity", faults);
        if quantity.is_some_and(|quantity| quantity.is_zero()) {
            item.fault("quantity", "`quantity` must be more than zero", faults);
        }
        let vat_rate = item.amount("vat_rate", faults);
        if vat_rate.is_some_and(|rate| rate > Decimal::ONE_HUNDRED) {
            item.fault("vat_rate", "`vat_rate` is in percent: 0 to 100", faults);
        }
        Self {
            product_id: item.id("product_id", 256, faults),
            sku: item.id("sku", 256, faults),
            name: name.unwrap_or_default(),
            quantity: quantity.unwrap_or_default(),
            unit: item.id("unit", 50, faults),
            price: required("price", faults).unwrap_or_default(),
            discount: item.amount("discount", faults).unwrap_or_default(),
            vat_rate,
            vat_included: item.boolean("vat_included", faults).unwrap_or(true),
        }
    }
}

impl Discount {
    fn read(discount: &Reader<'_>, faults: &mut Faults) -> Self {
        let amount = discount
            .require("amount", faults)
            .then(|| discount.amount("amount", faults))
            .flatten();
        Self {
            name: discount
                .text("name", NAME, faults)
                .unwrap_or_else(|| "Скидка".to_owned()),
            amount: amount.unwrap_or_default(),
        }
    }
}

impl Utm {
    fn read(utm: &Reader<'_>, faults: &mut Faults) -> Self {
        let mut text = |name| utm.text(name, 500, faults);
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
