//! Persons who ordered, and their contacts in the portal: searched, recognised, made, completed.

mod search;
mod write;

use super::{multifield, several};
use crate::{
    domain::{self, OrderNumber, Phone, ShopName, ShopRules},
    planner::Wave,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A person who ordered, once per wave however many orders.
#[derive(Debug)]
pub(in crate::planner) struct Customer {
    shop: ShopName,
    country: String,
    /// ORIGIN_ID of the contact.
    origin: String,
    names: [Option<String>; 3],
    phones: Vec<Phone>,
    emails: Vec<String>,
    responsible: Option<u64>,
    source: Option<String>,
    /// Whether it was searched for; a linked contact is not, unless it is gone.
    searched: bool,
    /// Ids that the searches showed.
    pub(in crate::planner) candidates: BTreeSet<u64>,
    by_origin: Option<u64>,
    pub(in crate::planner) contact: Option<u64>,
    pub(in crate::planner) made: bool,
}

impl Customer {
    /// The person as one order tells it; phones and e-mails come with [`Customer::add`].
    pub(super) fn new(rules: &ShopRules, person: &domain::Customer, order: &OrderNumber) -> Self {
        Self {
            shop: rules.shop.clone(),
            country: rules.phone_country.clone(),
            origin: person
                .id
                .clone()
                .unwrap_or_else(|| format!("order:{order}")),
            names: [
                person.name.clone(),
                person.last_name.clone(),
                person.second_name.clone(),
            ],
            phones: Vec::new(),
            emails: Vec::new(),
            responsible: rules.responsible_id,
            source: rules.source_id.clone(),
            searched: false,
            candidates: BTreeSet::new(),
            by_origin: None,
            contact: None,
            made: false,
        }
    }

    /// What tells this customer from others while it may still be made.
    pub(in crate::planner) fn identity(&self) -> BTreeSet<String> {
        let phones = self.phones.iter().map(ToString::to_string);
        let values = phones.chain(self.emails.iter().cloned());
        let origin = format!("contact {}/{}", self.shop, self.origin);
        values.chain([origin]).collect()
    }

    /// Drops the e-mail addresses, which the portal refused; false if there were none.
    pub(in crate::planner) fn forget_emails(&mut self) -> bool {
        !std::mem::take(&mut self.emails).is_empty()
    }

    /// Adds the phones and e-mails that another order tells.
    pub(super) fn add(&mut self, person: domain::Customer) {
        for phone in person.phones {
            if !self.phones.contains(&phone) {
                self.phones.push(phone);
            }
        }
        for email in person.emails {
            if !self.emails.contains(&email) {
                self.emails.push(email);
            }
        }
    }
}

/// A contact as it was read.
#[derive(Debug, Clone)]
pub(in crate::planner) struct ContactRow {
    phones: Vec<String>,
    emails: Vec<String>,
}

impl ContactRow {
    fn read(row: &Map<String, Value>) -> Self {
        let emails = multifield(row.get("EMAIL"))
            .into_iter()
            .map(|email| email.trim().to_lowercase())
            .collect();
        Self {
            phones: multifield(row.get("PHONE")),
            emails,
        }
    }

    fn has_phone(&self, phone: &Phone, country: &str) -> bool {
        self.phones.iter().any(|text| {
            text == phone.as_str() || Phone::parse(text, country).as_ref() == Some(phone)
        })
    }
}

impl Wave {
    /// Says who is who among the customers without a contact.
    pub(super) fn recognise_contacts(&mut self) {
        for at in 0..self.customers.len() {
            if self.customers[at].contact.is_none() {
                let (found, note) = self.best_match(&self.customers[at]);
                self.customers[at].contact = found;
                if let Some(note) = note {
                    self.note_where(|state| state.customer == Some(at), &note);
                }
            }
        }
    }

    /// By origin, then by phone, then by e-mail; of several the oldest, and a note.
    fn best_match(&self, customer: &Customer) -> (Option<u64>, Option<String>) {
        if customer.by_origin.is_some() {
            return (customer.by_origin, None);
        }
        let by_phone = |row: &ContactRow| {
            customer
                .phones
                .iter()
                .any(|phone| row.has_phone(phone, &customer.country))
        };
        let by_email = |row: &ContactRow| {
            row.emails
                .iter()
                .any(|email| customer.emails.contains(email))
        };
        let matching = |test: &dyn Fn(&ContactRow) -> bool| -> BTreeSet<u64> {
            let read = |id: &u64| self.contacts.get(id).and_then(Option::as_ref);
            customer
                .candidates
                .iter()
                .copied()
                .filter(|id| read(id).is_some_and(test))
                .collect()
        };
        for found in [matching(&by_phone), matching(&by_email)] {
            if let Some(oldest) = found.first() {
                let note = (found.len() > 1).then(|| several("contacts", &found));
                return (Some(*oldest), note);
            }
        }
        (None, None)
    }
}
