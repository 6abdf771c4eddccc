//! The identity of a person or a firm, as far as a shop's words tell it, and when two are one.
//!
//! What identifies nobody ([`Placeholders`]) is left out before. Values alone never make one of two
//! whose names contradict.

mod given;
mod names;
mod placeholders;
mod written;

pub use names::{Agreement, names_nobody};
pub use placeholders::{Placeholders, is_common};

use crate::domain::{Company, Customer};
use serde::{Deserialize, Serialize};

/// First, last and second name.
const NAMES_FIELDS: usize = 3;

/// First, last and second name, as far as they are known.
pub type Names = [Option<String>; NAMES_FIELDS];

/// What identifies a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The shop's customer id; `None` for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// First, last and second name.
    pub names: Names,
    /// The telephones in E.164, by which cards are compared.
    pub phones: Vec<String>,
    /// E-mail addresses in lower case.
    pub emails: Vec<String>,
}

impl Person {
    /// What identifies this customer, and the phones and addresses that identify nobody.
    pub fn of(customer: &Customer, placeholders: &Placeholders) -> (Self, Vec<String>) {
        let mut aside = Vec::new();
        let mut keep = |text: String, nobody: bool| {
            if nobody {
                aside.push(text);
                return None;
            }
            Some(text)
        };
        let phones = customer.phones.iter();
        let phones = phones
            .filter_map(|phone| keep(phone.to_string(), placeholders.is_phone(phone)))
            .collect();
        let emails = customer.emails.iter();
        let emails = emails
            .filter_map(|email| keep(email.clone(), placeholders.is_address(email)))
            .collect();
        let name = |name: &Option<String>| {
            name.as_deref()
                .map(written::tidy)
                .filter(|name| !names_nobody(name) && !placeholders.is_word(name))
        };
        let person = Self {
            id: customer.id.clone().filter(|id| !placeholders.is_id(id)),
            names: written::divide([
                name(&customer.name),
                name(&customer.last_name),
                name(&customer.second_name),
            ]),
            phones,
            emails,
        };
        (person, aside)
    }

    /// Whether nothing is told that a card could hold.
    pub fn is_nobody(&self) -> bool {
        self.id.is_none()
            && self.phones.is_empty()
            && self.emails.is_empty()
            && self.names.iter().all(Option::is_none)
    }

    /// What the names of two say of each other.
    pub fn agreement(&self, other: &Self) -> Agreement {
        names::compare(&self.names, &other.names)
    }

    /// Whether this, remembered, and that, told now of the same order or under the same customer
    /// id, are one person.
    ///
    /// Names that contradict are two, whatever agrees: somebody orders for others under his own
    /// account. One customer id is one person, two ids are two. Without ids a phone or an address
    /// in common counts, or the whole name.
    pub fn is(&self, now: &Self) -> bool {
        let phone = self.phones.iter().any(|phone| now.phones.contains(phone));
        let email = self.emails.iter().any(|email| now.emails.contains(email));
        let same_id = match (&self.id, &now.id) {
            (Some(one), Some(other)) if one != other => return false,
            (Some(_), Some(_)) => true,
            _ => false,
        };
        match self.agreement(now) {
            Agreement::Contradict => false,
            Agreement::Same => true,
            _ => same_id || phone || email || self.says_no_more_than(now),
        }
    }

    /// This person, who was known under these names before: they stay if no name is told now.
    #[must_use]
    pub fn known_as(mut self, names: &[Option<String>; NAMES_FIELDS]) -> Self {
        if self.name().is_none() {
            self.names = names
                .each_ref()
                .map(|name| name.clone().filter(|name| !names_nobody(name)));
        }
        self
    }

    /// Whether everything remembered is told now, too, so that nothing speaks for another person.
    fn says_no_more_than(&self, now: &Self) -> bool {
        self.phones.is_empty()
            && self.emails.is_empty()
            && self.agreement(now) == Agreement::Alike
            && self.id.is_none()
    }

    /// The values under which a person is known: customer id, phones, addresses.
    pub fn values(&self) -> Vec<String> {
        let id = self.id.iter().map(|id| format!("id:{id}"));
        let phones = self.phones.iter().cloned();
        id.chain(phones)
            .chain(self.emails.iter().cloned())
            .collect()
    }

    /// One spelling of the name.
    pub fn name_key(&self) -> String {
        names::key(&self.names)
    }

    /// The name as people read it; `None` if there is none.
    pub fn name(&self) -> Option<String> {
        let [first, last, second] = &self.names;
        let parts: Vec<&str> = [first, second, last]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// So many letters of a firm's name tell one from another, and fit an index.
const TITLE_KEY: usize = 200;

/// What identifies a legal entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegalEntity {
    /// The taxpayer number (INN).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inn: Option<String>,
    /// Registration reason code: tells a branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kpp: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl LegalEntity {
    /// What identifies this company.
    pub fn of(company: &Company) -> Self {
        Self {
            inn: company.inn.clone(),
            kpp: company.kpp.clone(),
            title: company.title.clone(),
        }
    }

    /// The values under which a firm is known: taxpayer number, name.
    pub fn values(&self) -> Vec<String> {
        let inn = self.inn.iter().map(|inn| format!("inn:{inn}"));
        let title = self.title_key().chars().take(TITLE_KEY).collect::<String>();
        let title = Some(title).filter(|title| !title.is_empty());
        inn.chain(title.map(|title| format!("firm:{title}")))
            .collect()
    }

    /// One spelling of its name.
    fn title_key(&self) -> String {
        let letters = self.title.iter().flat_map(|title| title.chars());
        letters
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    }

    /// Whether this, remembered, and that, told now, are one: by number and branch, or by name
    /// where a number is not told.
    pub fn is(&self, now: &Self) -> bool {
        let differ = |one: &Option<String>, other: &Option<String>| {
            matches!(
                (one, other), (Some(one), Some(other)) if one != other
            )
        };
        if differ(&self.inn, &now.inn) || differ(&self.kpp, &now.kpp) {
            return false;
        }
        match (&self.inn, &now.inn) {
            (Some(_), Some(_)) => true,
            _ => self.title_key() == now.title_key(),
        }
    }
}

#[cfg(test)]
mod tests;
