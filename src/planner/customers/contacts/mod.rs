//! Persons who ordered, and their contacts in the portal: searched, recognised, made, completed.

mod matching;
mod search;
mod write;

use super::multifield;
use crate::{
    domain::{Agreement, OrderNumber, Person, Phone, ShopName, ShopRules},
    planner::{
        Passed,
        customers::card_match::{Evidence, Linked, Recognition},
        indexes::{CustomerIx, indexed_by},
        json::text,
    },
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A person who ordered, once per wave however many orders.
#[derive(Debug)]
pub(in crate::planner) struct Customer {
    shop: ShopName,
    country: String,
    /// ORIGIN_ID of the contact; a second one where that of the first stands on the card of
    /// somebody else.
    origin: String,
    second_origin: String,
    /// Whether the card of somebody else carries the first origin, so that the second is this
    /// customer's.
    origin_taken: bool,
    /// The same person as different orders tell him, with the shop of each.
    told: Vec<(ShopName, Person)>,
    phones: Vec<String>,
    emails: Vec<String>,
    responsible: Option<u64>,
    source: Option<String>,
    /// Whether it was searched for; a linked contact is not, unless it is gone.
    searched: bool,
    /// The contact that an order or the shop's customer id has already, and what says so.
    linked: Option<Linked>,
    /// Cards that are not his, by an operator's word.
    refused: BTreeSet<u64>,
    /// Cards that stand for other customers of the shop.
    others: BTreeMap<u64, Passed>,
    /// Ids that the searches by phone and e-mail showed.
    pub(in crate::planner) candidates: BTreeSet<u64>,
    by_origin: BTreeSet<u64>,
    /// Contacts that the portal no longer has.
    gone: BTreeSet<u64>,
    /// What a deal of his carries instead of a linked contact that is gone.
    by_deal: BTreeSet<u64>,
    pub(in crate::planner) contact: Option<u64>,
    pub(in crate::planner) made: bool,
    evidence: Vec<Evidence>,
    /// The phones and addresses that the contact has, too.
    same: Vec<String>,
    /// The name on the contact.
    card: [Option<String>; 3],
    passed: Vec<Passed>,
}

indexed_by!(CustomerIx => Customer);

impl Customer {
    /// The person as one order tells him; each order's words come with [`Customer::add`].
    pub(super) fn new(rules: &ShopRules, person: &Person, order: &OrderNumber) -> Self {
        let origin = person
            .id
            .clone()
            .unwrap_or_else(|| format!("order:{order}"));
        let name = person.name_key();
        let mark = [&name]
            .into_iter()
            .chain(&person.phones)
            .chain(&person.emails);
        let mark = mark.into_iter().find(|text| !text.is_empty());
        Self {
            shop: rules.shop.clone(),
            country: rules.phone_country.clone(),
            second_origin: format!("{origin}:{:08x}", fingerprint(mark.map_or("", |mark| mark))),
            origin,
            origin_taken: false,
            told: Vec::new(),
            phones: Vec::new(),
            emails: Vec::new(),
            responsible: rules.responsible_id,
            source: rules.source_id.clone(),
            searched: false,
            linked: None,
            refused: BTreeSet::new(),
            others: BTreeMap::new(),
            candidates: BTreeSet::new(),
            by_origin: BTreeSet::new(),
            gone: BTreeSet::new(),
            by_deal: BTreeSet::new(),
            contact: None,
            made: false,
            evidence: Vec::new(),
            same: Vec::new(),
            card: [None, None, None],
            passed: Vec::new(),
        }
    }

    /// Another customer of this wave has the first origin.
    pub(super) fn take_second_origin(&mut self) {
        self.origin_taken = true;
    }

    /// What tells this customer from others while it may still be made.
    pub(in crate::planner) fn identity(&self) -> BTreeSet<String> {
        let values = self.phones.iter().chain(&self.emails).cloned();
        let origin = format!("contact {}/{}", self.shop, self.own_origin());
        values.chain([origin]).collect()
    }

    /// Drops the e-mail addresses, which the portal refused; false if there were none.
    pub(in crate::planner) fn forget_emails(&mut self) -> bool {
        !std::mem::take(&mut self.emails).is_empty()
    }

    /// Whether this person, with this contact, is the same: no other customer id in the shop, no
    /// other contact, no name that contradicts.
    pub(super) fn takes(&self, person: &Person, shop: &ShopName, linked: Option<Linked>) -> bool {
        let other_contact =
            matches!((self.linked, linked), (Some(one), Some(other)) if one.id != other.id);
        !other_contact
            && self.told.iter().all(|(of, told)| {
                let two_ids = told.id.is_some() && person.id.is_some() && told.id != person.id;
                !(of == shop && two_ids) && told.agreement(person) != Agreement::Contradict
            })
    }

    /// Takes over what is known of him from before.
    pub(super) fn know(
        &mut self,
        linked: Option<Linked>,
        refused: BTreeSet<u64>,
        others: BTreeMap<u64, Passed>,
    ) {
        self.refused.extend(refused);
        self.others.extend(others);
        self.linked = self.linked.or(linked);
    }

    /// Adds what another order tells.
    pub(super) fn add(&mut self, person: Person, shop: &ShopName) {
        for (all, more) in [
            (&mut self.phones, &person.phones),
            (&mut self.emails, &person.emails),
        ] {
            for one in more {
                if !all.contains(one) {
                    all.push(one.clone());
                }
            }
        }
        self.told.push((shop.clone(), person));
    }

    /// The name, as the first order that has one tells it.
    fn names(&self) -> [Option<String>; 3] {
        let named = self.told.iter().find(|(_, told)| told.name().is_some());
        named
            .map(|(_, told)| told.names.clone())
            .unwrap_or_default()
    }

    /// The name that orders or the card tell of him.
    fn known_names(&self) -> [Option<String>; 3] {
        let told = self.names();
        if told.iter().any(Option::is_some) {
            told
        } else {
            self.card.clone()
        }
    }

    /// The customer's id in a shop.
    fn id_in(&self, shop: &str) -> Option<&str> {
        let mut of = self.told.iter().filter(|(of, _)| of.as_str() == shop);
        of.find_map(|(_, told)| told.id.as_deref())
    }

    /// The origin that a new card gets.
    fn own_origin(&self) -> &str {
        if self.origin_taken {
            &self.second_origin
        } else {
            &self.origin
        }
    }

    fn agreement(&self, other: &Person) -> Agreement {
        let all = self.told.iter().map(|(_, told)| told.agreement(other));
        let all: Vec<Agreement> = all.collect();
        if all.contains(&Agreement::Contradict) {
            return Agreement::Contradict;
        }
        all.into_iter().max().unwrap_or(Agreement::Unknown)
    }

    /// Takes the linked contact for his, until it is read.
    pub(super) fn take_linked(&mut self) -> Option<u64> {
        let linked = self.linked?;
        self.contact = Some(linked.id);
        self.evidence = vec![linked.by];
        self.contact
    }

    /// How the contact was recognised, for whoever asks.
    pub(in crate::planner) fn recognition(&self) -> Option<Recognition> {
        Some(Recognition {
            id: self.contact?,
            evidence: self.evidence.clone(),
            values: self.same.clone(),
            names: self.known_names(),
            passed: self.passed.clone(),
        })
    }

    /// Whether the contact, now recognised, stands for the shop's customer id: not where that is
    /// linked to the card of somebody else, as long as the portal has that card.
    pub(in crate::planner) fn links(&self, link: Option<u64>) -> bool {
        let free = link.is_none_or(|link| {
            Some(link) == self.contact || self.gone.contains(&link) || self.refused.contains(&link)
        });
        free && !self.origin_taken
            && (self.made
                || self
                    .linked
                    .is_none_or(|linked| Some(linked.id) != self.contact))
    }
}

/// FNV-1a: tells two names apart; secret to nobody.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A contact as it was read.
#[derive(Debug, Clone)]
pub(in crate::planner) struct ContactRow {
    phones: Vec<String>,
    emails: Vec<String>,
    person: Person,
    originator: String,
    origin: String,
}

impl ContactRow {
    fn read(row: &Map<String, Value>) -> Self {
        let emails: Vec<String> = multifield(row.get("EMAIL"))
            .into_iter()
            .map(|email| email.trim().to_lowercase())
            .collect();
        let name = |field: &str| Some(text(row.get(field))).filter(|name| !name.trim().is_empty());
        Self {
            phones: multifield(row.get("PHONE")),
            person: Person {
                names: [name("NAME"), name("LAST_NAME"), name("SECOND_NAME")],
                ..Person::default()
            },
            originator: text(row.get("ORIGINATOR_ID")),
            origin: text(row.get("ORIGIN_ID")),
            emails,
        }
    }

    fn has_phone(&self, phone: &str, country: &str) -> bool {
        self.phones.iter().any(|text| {
            text == phone
                || Phone::parse(text, country).is_some_and(|theirs| theirs.as_str() == phone)
        })
    }
}
