//! Whom a card stands for: what is remembered of an order's customer, what its new snapshot says, and how a card was recognised.

use super::{
    State,
    customers::{Customer, Firm},
    fields::within,
    state::wanted_of,
    value::{id, text},
};
use crate::domain::{Agreement, LegalEntity, Person};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version of [`Recognised`] that is written.
const VERSION: u32 = 1;

/// What is known, besides the order itself, of who its customer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// The contact that stands for the shop's customer id, and for whom it was linked if that is known.
    pub contact: Option<(u64, Option<Person>)>,
    /// The company that stands for the taxpayer number.
    pub company: Option<u64>,
    /// Values that several people use: customer ids (`id:5`), phones, addresses.
    pub shared: BTreeSet<String>,
    /// Contacts that stand for others who use one of the values, with why they are not this customer's.
    pub others: BTreeMap<u64, Passed>,
    /// Cards of which an operator said that they are not this customer's.
    pub refused: Vec<Refused>,
}

/// A card that is not a customer's, by an operator's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which kind of card.
    pub card: Card,
    /// The card.
    pub id: u64,
    /// Whose it is not.
    pub person: Person,
}

/// A kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// A person's.
    Contact,
    /// A legal entity's.
    Company,
}

/// A card that an order or a link has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) id: u64,
    /// What has it.
    pub(super) by: Evidence,
    /// Whether it is known for whom it was linked; otherwise its own name may contradict.
    pub(super) sure: bool,
}

/// How the cards of an order were recognised. Stored with the order; `version` tells how to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised {
    /// 1.
    pub version: u32,
    /// The contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Recognition>,
    /// The company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Recognition>,
}

impl Default for Recognised {
    fn default() -> Self {
        Self {
            version: VERSION,
            contact: None,
            company: None,
        }
    }
}

impl Recognised {
    /// Each card in one sentence.
    pub fn sentences(&self) -> Vec<String> {
        let cards = [("contact", &self.contact), ("company", &self.company)];
        let told = cards.into_iter().filter_map(|(card, recognition)| {
            let recognition = recognition.as_ref()?;
            let evidence: Vec<&str> = recognition.evidence.iter().map(|one| one.words()).collect();
            let taken = format!("{card} {}: {}", recognition.id, evidence.join(", "));
            let passed = recognition.passed.iter().map(Passed::sentence);
            Some([taken].into_iter().chain(passed).collect::<Vec<_>>())
        });
        told.flatten().collect()
    }
}

impl Evidence {
    /// What spoke for the card, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Made => "made for this customer",
            Self::Order => "the order had it",
            Self::Deal => "the deal carries it",
            Self::Link => "linked to the customer",
            Self::Origin => "it carries the customer's origin",
            Self::Inn => "the taxpayer number is the same",
            Self::Kpp => "the branch is the same",
            Self::Phone => "a phone is the same",
            Self::Email => "an address is the same",
            Self::Title => "the firm's name is the same",
            Self::Name => "first and last name agree",
            Self::PartOfName => "a part of the name agrees",
        }
    }
}

/// How one card was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognition {
    /// The card.
    pub id: u64,
    /// Whether it was made for the customer, or by what it was found; the strongest first.
    pub evidence: Vec<Evidence>,
    /// Cards that looked like the customer's and were not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
}

/// What spoke for a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It was made for this customer.
    Made,
    /// The order had it, for the same customer.
    Order,
    /// The deal carries it.
    Deal,
    /// It is linked to the shop's customer id, or to the taxpayer number.
    Link,
    /// It carries the customer's origin.
    Origin,
    /// A requisite has the taxpayer number.
    Inn,
    /// The requisite has the registration reason code, too.
    Kpp,
    /// It has one of the phones.
    Phone,
    /// It has one of the e-mail addresses.
    Email,
    /// It has the firm's name.
    Title,
    /// First and last name agree.
    Name,
    /// A part of the name agrees.
    PartOfName,
}

/// A card that looked like the customer's and was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The card.
    pub id: u64,
    /// Why not.
    pub because: Because,
    /// The name on it, or the customer id it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// Why a card was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Its name contradicts the customer's.
    Name,
    /// It stands for another customer of the shop.
    AnotherCustomer,
    /// Only a house's common address speaks for it.
    CommonAddress,
    /// An operator said that it is not he.
    Operator,
}

impl Passed {
    /// A card that an operator refused.
    pub(super) fn by_operator(id: u64) -> Self {
        Self {
            id,
            because: Because::Operator,
            who: None,
        }
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        let id = self.id;
        let who = self.who.as_deref().unwrap_or("?");
        match self.because {
            Because::Name => format!(
                "contact {id} has a phone or an address of the customer and was not taken: its name is {who}"
            ),
            Because::AnotherCustomer => format!(
                "contact {id} has a phone or an address of the customer and was not taken: it stands for the shop's customer {who}"
            ),
            Because::CommonAddress => format!(
                "contact {id} has a common address of the customer and was not taken: nothing else agrees"
            ),
            Because::Operator => {
                format!("card {id} was not taken: an operator said that it is not this customer's")
            }
        }
    }
}

impl State {
    /// What the order should look like, with its customer and its cards as far as they are known.
    pub(super) fn desire(&mut self) {
        let Some(snapshot) = self.snapshot() else {
            return;
        };
        let desired = wanted_of(snapshot, &self.job.rules, &self.known);
        self.desired = Some(desired);
        self.tell_aside();
        if !self.is_lead() {
            self.desire_cards();
        }
    }

    /// Reads who the snapshot's customer is, without the values that several people use.
    pub(super) fn read_customer(&mut self) {
        let Some(customer) = self.snapshot().and_then(|order| order.customer.as_ref()) else {
            return;
        };
        let firm = customer.company.as_ref().map(LegalEntity::of);
        let (mut person, mut aside) = Person::of(customer, &self.job.rules.placeholders);
        let shared = &self.job.who.shared;
        for values in [&mut person.phones, &mut person.emails] {
            values.retain(|value| {
                let own = !shared.contains(value);
                if !own {
                    aside.push(value.clone());
                }
                own
            });
        }
        person.id = person.id.filter(|id| !shared.contains(&format!("id:{id}")));
        self.firm_told = firm;
        self.aside = aside;
        self.person = (!person.is_nobody()).then_some(person);
        self.read_old_memory();
    }

    /// Orders that an earlier version stored do not say whom the contact stands for: what it was told tells that.
    fn read_old_memory(&mut self) {
        let known = &mut self.job.known;
        if let (Some(now), None, Some(contact)) = (&self.person, &known.person, known.contact_id) {
            let told = known.written.as_ref().map(|written| &written.contacts);
            let linked = self.job.who.contact.as_ref().map(|(id, _)| *id) == Some(contact);
            known.person = match told {
                Some(told) if !told.is_empty() && !linked => {
                    let (phones, emails) =
                        told.iter().cloned().partition(|one| one.starts_with('+'));
                    Some(Person {
                        phones,
                        emails,
                        ..Person::default()
                    })
                }
                Some(_) => Some(now.clone()),
                None => None,
            };
        }
        if let Some(written) = &mut known.written {
            for (field, id) in [
                ("CONTACT_ID", known.contact_id),
                ("COMPANY_ID", known.company_id),
            ] {
                if let Some(id) = id {
                    let held = written.fields.entry(field);
                    held.or_insert_with(|| json!(id));
                }
            }
        }
        self.known = known.clone();
        if self.same_customer() {
            self.known.person.clone_from(&self.person);
        }
    }

    /// Whether the order's contact was recognised for the customer that the snapshot names.
    pub(super) fn same_customer(&self) -> bool {
        match (&self.job.known.person, &self.person) {
            (Some(before), Some(now)) => before.is(now),
            _ => false,
        }
    }

    /// The contact that is this customer's as far as the order and the shop's links know.
    pub(super) fn linked_contact(&self) -> Option<Linked> {
        let refused = self.refused_cards(Card::Contact);
        let linked = |id, by, sure| Some(Linked { id, by, sure });
        let known = &self.job.known;
        let order = match (known.contact_id, &known.person) {
            (Some(id), _) if self.same_customer() => linked(id, Evidence::Order, true),
            (Some(id), None) if known.target.is_none() => linked(id, Evidence::Link, false),
            _ => None,
        };
        let by_id = || {
            let (id, whose) = self.job.who.contact.as_ref()?;
            match (whose, &self.person) {
                (Some(whose), Some(now)) if whose.is(now) => linked(*id, Evidence::Link, true),
                (None, _) => linked(*id, Evidence::Link, false),
                _ => None,
            }
        };
        order
            .or_else(by_id)
            .filter(|linked| !refused.contains(&linked.id))
    }

    /// The company that is this firm's, likewise.
    pub(super) fn linked_company(&self) -> Option<Linked> {
        let refused = self.refused_cards(Card::Company);
        let known = &self.job.known;
        let fresh = known.firm.is_none() && known.target.is_none();
        let of_order = known.company_id.filter(|_| self.same_firm() || fresh);
        let by = if self.same_firm() {
            Evidence::Order
        } else {
            Evidence::Link
        };
        let order = of_order.map(|id| Linked { id, by, sure: true });
        let link = self.job.who.company.map(|id| Linked {
            id,
            by: Evidence::Link,
            sure: true,
        });
        order
            .or(link)
            .filter(|linked| !refused.contains(&linked.id))
    }

    /// Whether the shop names another customer than before.
    pub(super) fn other_customer(&self) -> bool {
        self.job.known.person.is_some() && self.person.is_some() && !self.same_customer()
    }

    /// Whether the order's company was recognised for the firm that the snapshot names.
    pub(super) fn same_firm(&self) -> bool {
        match (&self.job.known.firm, &self.firm_told) {
            (Some(before), Some(now)) => before.is(now),
            _ => false,
        }
    }

    /// Whether the shop names another firm than before, or none any more.
    pub(super) fn other_firm(&self) -> bool {
        let before = &self.job.known;
        before.firm.is_some() && !self.same_firm() && self.person.is_some() || self.firm_dropped()
    }

    /// Whether the order had a company and its customer has none any more.
    pub(super) fn firm_dropped(&self) -> bool {
        self.job.known.company_id.is_some() && self.person.is_some() && self.firm_told.is_none()
    }

    /// The cards of a kind that are not this customer's, by an operator's word.
    pub(super) fn refused_cards(&self, card: Card) -> BTreeSet<u64> {
        let now = self.person.as_ref();
        let of = |refused: &&Refused| {
            let contradicts =
                now.is_some_and(|now| refused.person.agreement(now) == Agreement::Contradict);
            refused.card == card && !contradicts
        };
        let refused = self.job.who.refused.iter().filter(of);
        refused.map(|refused| refused.id).collect()
    }

    /// What of the customer's numbers and addresses identifies nobody is readable in the deal and stands on no card.
    pub(super) fn tell_aside(&mut self) {
        let written = self.known.written.as_ref();
        let before = written.map(|written| text(written.fields.get("COMMENTS")));
        // That others came to use a value is no news of this order: what was written stays.
        let shared = &self.job.who.shared;
        self.aside.retain(|value| {
            !shared.contains(value) || before.as_ref().is_none_or(|told| told.contains(value))
        });
        let Some(desired) = self.desired.as_mut().filter(|_| !self.aside.is_empty()) else {
            return;
        };
        let told = format!("Указано в заказе: {}", self.aside.join(", "));
        let comments = desired.kept.get("COMMENTS").and_then(Value::as_str);
        let lines: Vec<&str> = comments
            .into_iter()
            .filter(|text| !text.is_empty())
            .chain([told.as_str()])
            .collect();
        let comments = within(&lines.join("\n"));
        desired.kept.insert("COMMENTS".to_owned(), json!(comments));
        self.note(format!(
            "{} identifies nobody: it stands in the deal's comment and on no card",
            self.aside.join(", ")
        ));
    }

    /// Takes over the cards that were recognised or made.
    pub(super) fn take_cards(&mut self, customer: Option<&Customer>, firm: Option<&Firm>) {
        let mut recognised = self.known.recognised.take().unwrap_or_default();
        if let Some(recognition) = customer.and_then(Customer::recognition) {
            self.known.contact_id = Some(recognition.id);
            self.known.person.clone_from(&self.person);
            let has_id = self.person.as_ref().is_some_and(|now| now.id.is_some());
            self.links_contact = has_id && customer.is_some_and(Customer::links);
            recognised.contact = Some(recognition);
        }
        if let Some(recognition) = firm.and_then(Firm::recognition) {
            self.known.company_id = Some(recognition.id);
            self.known.firm.clone_from(&self.firm_told);
            self.links_company = firm.is_some_and(Firm::links);
            recognised.company = Some(recognition);
        }
        if self.firm_dropped() {
            recognised.company = None;
            self.known.company_id = None;
            self.known.firm = None;
        }
        self.known.recognised = Some(recognised);
        self.desire_cards();
    }

    /// The deal is to carry the cards of the customer and the firm that the snapshot names.
    pub(super) fn desire_cards(&mut self) {
        let Some(desired) = &mut self.desired else {
            return;
        };
        let is = |before: Option<bool>| before == Some(true);
        let same = |known: Option<&Person>| known.zip(self.person.as_ref()).map(|(a, b)| a.is(b));
        if let Some(contact) = self.known.contact_id
            && is(same(self.known.person.as_ref()))
        {
            desired.kept.insert("CONTACT_ID".to_owned(), json!(contact));
        }
        let firm = self.known.firm.as_ref().zip(self.firm_told.as_ref());
        match self.known.company_id {
            Some(company) if is(firm.map(|(known, now)| known.is(now))) => {
                desired.kept.insert("COMPANY_ID".to_owned(), json!(company));
            }
            None if self.job.known.company_id.is_some() && self.firm_told.is_none() => {
                desired.kept.insert("COMPANY_ID".to_owned(), json!("0"));
            }
            _ => {}
        }
    }

    /// The contact and the company of a deal are put over what a manager put there only where the shop names somebody else, or where an operator refused the card.
    pub(super) fn spare_cards(&mut self, fields: &mut Map<String, Value>) {
        for (field, card, other) in [
            ("CONTACT_ID", Card::Contact, self.other_customer()),
            ("COMPANY_ID", Card::Company, self.other_firm()),
        ] {
            let Some(value) = fields.get(field).cloned() else {
                continue;
            };
            let of = |held: Option<&Map<String, Value>>| held?.get(field).and_then(id);
            let (stands, wanted) = (of(self.row.as_ref()), id(&value));
            let open = Some(&self.known.open.fields);
            let written = self.known.written.as_ref().map(|written| &written.fields);
            let ours = [of(open), of(written)];
            let refused = stands.is_some_and(|id| self.refused_cards(card).contains(&id));
            let word = if card == Card::Contact {
                "contact"
            } else {
                "company"
            };
            let theirs = stands.filter(|_| !ours.contains(&stands) && !refused);
            if stands != wanted && (theirs.is_none() || other) {
                if let Some(theirs) = theirs {
                    self.note(format!(
                        "the {word} {theirs} was put to the deal in the portal: the shop names another customer now, and the deal follows"
                    ));
                }
                continue;
            }
            fields.remove(field);
            if let Some(theirs) = theirs.filter(|_| stands != wanted) {
                self.note(format!(
                    "the {word} {theirs} was put to the deal in the portal: it stays"
                ));
            }
            self.known.open.fields.remove(field);
            self.spared.insert(field.to_owned(), value);
        }
    }
}
