//! The check before sending: whether a message to the shop still stands.
//!
//! It was decided on what was known then. It may have waited since, behind a shop that was away:
//! meanwhile money may have been taken, the shop may have gone elsewhere, or a person may have been
//! asked.

use super::ruling::{RulingText, denied, own_facts, word};
use crate::domain::{
    Agreed, Fact, Observation, Offset, Policy, SentStatus, Source, happening::Withdrawn,
};
use chrono::{DateTime, Utc};

/// A message that is to be sent, and what is known by now.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// When it was decided.
    pub told_at: DateTime<Utc>,
    /// Whether it may have reached the shop already.
    pub sent: bool,
    /// What is agreed, with what the shop was told.
    pub agreed: Option<&'a Agreed>,
    /// What the shop says.
    pub shop: &'a Observation<String>,
    /// Whether the shop's snapshot says that the order is paid, whatever its status.
    pub paid: bool,
    /// Whether the shop's snapshot says that the order is cancelled, whatever its status.
    pub cancelled: bool,
    /// How the shop's configuration wants differences decided.
    pub policy: &'a Policy,
    /// How far the shop's clock is off.
    pub clock: Offset,
    /// Whether a person has a say.
    pub person: Person,
}

/// Whether a person has a say about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// No conflict of the order is open.
    Unasked,
    /// A conflict is open, and nobody has answered it yet.
    Asked,
    /// Somebody has answered, and that is not carried out yet.
    Answered,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// The message still holds, and is sent as it is.
    Stands,
    /// It is kept back until a person's word is carried out: the shop may have it already.
    Held,
    /// Nothing waits for it any more: it is dropped.
    Overtaken,
    /// It is taken back ([`Agreed::withdrawn`]) and decided again.
    Withdrawn(Withdrawal),
}

/// Why a message is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The shop asserts a fact by now that the message would deny.
    Denies(Fact),
    /// The shop went elsewhere since.
    Crossed,
    /// A person is asked.
    Review,
}

impl Withdrawal {
    /// The reason as data, from which its sentence is made for people.
    pub fn because(self) -> Withdrawn {
        match self {
            Self::Denies(Fact::Paid) => Withdrawn::Paid,
            Self::Denies(Fact::Delivered) => Withdrawn::Delivered,
            Self::Denies(Fact::Cancelled) => Withdrawn::Cancelled,
            Self::Crossed => Withdrawn::Crossed,
            Self::Review => Withdrawn::Review,
        }
    }
}

/// Looks at a message once more.
pub fn sending(message: &Message<'_>) -> Sending {
    let Some(agreed) = message
        .agreed
        .filter(|agreed| agreed.awaits(message.told_at))
    else {
        return Sending::Overtaken;
    };
    let said = &message.shop.value;
    let finality = &message.policy.finality;
    let flags = (message.paid, message.cancelled);
    let facts = own_facts(Some(agreed), finality, said, flags);
    if let Some((_, fact)) = denied(agreed, &facts) {
        return Sending::Withdrawn(Withdrawal::Denies(fact));
    }
    if message.person == Person::Answered {
        return Sending::Held;
    }
    let elsewhere = agreed.told.last().is_some_and(|last| last.status != *said);
    if elsewhere && word(agreed, message.shop, message.clock) == RulingText::Said {
        return Sending::Withdrawn(Withdrawal::Crossed);
    }
    // A person is asked about the portal's stage beside what 1C says: that stands.
    let is_onecs = |told: &SentStatus| told.at == message.told_at && told.by == Source::OneC;
    let is_portals = !agreed.told.iter().any(is_onecs);
    match message.person {
        Person::Asked if !message.sent && is_portals => Sending::Withdrawn(Withdrawal::Review),
        Person::Asked | Person::Answered => Sending::Held,
        Person::Unasked => Sending::Stands,
    }
}
