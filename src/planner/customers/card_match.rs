//! Matching cards to customers: what is known of a card from before, and how it was recognised.

use crate::domain::{
    Agreement, LegalEntity, Person,
    happening::{Note, Tell},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of [`Recognised`] that is written.
const VERSION: u32 = 1;

/// What is known, besides the order itself, of who its customer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// The contact that the shop's customer id is linked to, for whomever that was.
    pub link: Option<u64>,
    /// The contact that stands for the shop's customer id, and for whom it was linked if that is
    /// known.
    pub contact: Option<(u64, Option<Person>)>,
    /// The company that stands for the taxpayer number.
    pub company: Option<u64>,
    /// Values that several people use: customer ids (`id:5`), phones, addresses.
    pub shared: BTreeSet<String>,
    /// Contacts that stand for others who use one of the values, with why they are not this
    /// customer's.
    pub others: BTreeMap<u64, Passed>,
    /// Cards of which an operator said that they are not this customer's.
    pub refused: Vec<Refused>,
}

/// A card that is not a customer's, by an operator's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The id of the contact or company.
    pub id: u64,
    /// Whose it is not.
    pub of: NotOf,
    /// Whether it was said of this very order, or of the shop's same customer; otherwise of one who
    /// told a same value.
    pub same: bool,
}

/// Whose a card is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOf {
    /// A contact that is not this person's.
    Person(Person),
    /// A company that is not this firm.
    Firm(LegalEntity),
}

impl Refused {
    /// Whether this contact is not to be taken for this person: an order may since name somebody
    /// else.
    pub fn is_contact_of(&self, person: Option<&Person>) -> bool {
        let NotOf::Person(refused) = &self.of else {
            return false;
        };
        let Some(now) = person else {
            return true;
        };
        // Of somebody nameless it was said that he is not the card's own person, who may yet order
        // with that phone.
        let own = !self.same && refused.name().is_none() && now.name().is_some();
        !own && refused.agreement(now) != Agreement::Contradict
    }

    /// Whether this company is not to be taken for this firm, likewise.
    pub fn is_company_of(&self, firm: Option<&LegalEntity>) -> bool {
        let NotOf::Firm(refused) = &self.of else {
            return false;
        };
        *refused == LegalEntity::default() || firm.is_none_or(|now| refused.is(now))
    }
}

/// A kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// A contact: a person's card.
    Contact,
    /// A company: a legal entity's card.
    Company,
}

/// A card that an order or a link has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::planner) struct Linked {
    pub(in crate::planner) id: u64,
    /// The evidence by which the card is taken for the customer's.
    pub(in crate::planner) by: Evidence,
    /// Whether it is known for whom it was linked; otherwise its own name may contradict.
    pub(in crate::planner) sure: bool,
}

/// How the cards of an order were recognised. Stored with the order; `version` tells how to read
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised {
    /// The version of this record: 1.
    pub version: u32,
    /// How the contact was recognised; `None`: the order has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Recognition>,
    /// How the company was recognised; `None`: the order has none.
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
            let values = match recognition.values.as_slice() {
                [] => String::new(),
                values => format!(" ({})", values.join(", ")),
            };
            let taken = format!("{card} {}: {}{values}", recognition.id, evidence.join(", "));
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
    /// The id of the contact or company.
    pub id: u64,
    /// Whether it was made for the customer, or by what it was found; the strongest first.
    pub evidence: Vec<Evidence>,
    /// The values that were the same: phones, addresses, a taxpayer number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The name that the order told then, or that stood on the card: who tells none is known by it.
    #[serde(default, skip_serializing_if = "is_nameless")]
    pub names: [Option<String>; 3],
    /// Cards that looked like the customer's and were not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
}

fn is_nameless(names: &[Option<String>; 3]) -> bool {
    names.iter().all(Option::is_none)
}

impl Recognition {
    /// That the order had the card already says less than how it came to have it.
    pub(in crate::planner) fn or_before(self, before: Option<Self>) -> Self {
        let had = self.evidence == [Evidence::Order];
        match before.filter(|before| had && before.id == self.id) {
            Some(before) if is_nameless(&before.names) => Self {
                names: self.names,
                ..before
            },
            Some(before) => before,
            None => self,
        }
    }
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
    /// The id of the contact or company.
    pub id: u64,
    /// What spoke against it.
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
    pub(in crate::planner) fn by_operator(id: u64) -> Self {
        Self {
            id,
            because: Because::Operator,
            who: None,
        }
    }

    /// What is said of it.
    pub fn note(&self) -> Note {
        let contact = self.id;
        let who = || self.who.clone().unwrap_or_else(|| "?".to_owned());
        match self.because {
            Because::Name => Note::PassedForName {
                contact,
                name: who(),
            },
            Because::AnotherCustomer => Note::PassedForCustomer {
                contact,
                customer: who(),
            },
            Because::CommonAddress => Note::PassedForCommonAddress { contact },
            Because::Operator => Note::PassedForOperator { card: contact },
        }
    }

    /// The note as one English sentence.
    pub fn sentence(&self) -> String {
        self.note().sentence()
    }
}
