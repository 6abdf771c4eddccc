//! The customer and the firm of one order: what is remembered of them, what the new snapshot says,
//! and which cards its deal gets.

use super::{
    Card, Open, Refused, State,
    customers::{
        BusinessCustomer, Customer,
        card_match::{Evidence, Linked},
    },
    field_mapping::within,
    json::{id, text},
    wave::job::wanted_of,
};
use crate::domain::{
    Agreement, LegalEntity, Person,
    happening::{self, Note},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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

    /// Orders that an earlier version stored do not say whom the contact stands for: what it was
    /// told tells that.
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
        let known = &self.job.known;
        let refused = || self.is_refused(Card::Contact, known.contact_id);
        match (known.customer(), &self.person) {
            (Some(before), Some(now)) if known.contact_id.is_some() => before.is(now) && !refused(),
            _ => false,
        }
    }

    /// The contact that is this customer's as far as the order and the shop's links know.
    pub(super) fn linked_contact(&self) -> Option<Linked> {
        let refused = self.refused_cards(Card::Contact);
        let linked = |id, by, sure| Some(Linked { id, by, sure });
        let known = &self.job.known;
        let order = match (known.contact_id, &known.person) {
            (Some(id), _) if self.same_customer() => {
                let before = known.customer();
                let sure = before.is_some_and(|before| self.is_surely(&before));
                linked(id, Evidence::Order, sure)
            }
            (Some(id), None) if known.target.is_none() => linked(id, Evidence::Link, false),
            _ => None,
        };
        let by_id = || {
            let (id, whose) = self.job.who.contact.as_ref()?;
            match (whose, &self.person) {
                (Some(whose), Some(now)) if whose.is(now) => {
                    linked(*id, Evidence::Link, self.is_surely(whose))
                }
                (None, _) => linked(*id, Evidence::Link, false),
                _ => None,
            }
        };
        order
            .or_else(by_id)
            .filter(|linked| !refused.contains(&linked.id))
    }

    /// Whether a part of the name says, too, that the customer is this one; else the card's own
    /// name has a word in it.
    fn is_surely(&self, whose: &Person) -> bool {
        let now = self.person.as_ref();
        now.is_some_and(|now| whose.agreement(now) >= Agreement::Alike)
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
        let before = self.job.known.customer();
        before
            .zip(self.person.as_ref())
            .is_some_and(|(before, now)| !before.is(now))
    }

    /// Whether the order's company was recognised for the firm that the snapshot names.
    pub(super) fn same_firm(&self) -> bool {
        let known = &self.job.known;
        let refused = || self.is_refused(Card::Company, known.company_id);
        match (&known.firm, &self.firm_told) {
            (Some(before), Some(now)) if known.company_id.is_some() => before.is(now) && !refused(),
            _ => false,
        }
    }

    /// Whether the shop names another firm than before, or none any more.
    pub(super) fn other_firm(&self) -> bool {
        let before = self.job.known.firm.as_ref();
        let same = |before: &LegalEntity| self.firm_told.as_ref().is_some_and(|now| before.is(now));
        before.is_some_and(|before| self.person.is_some() && !same(before)) || self.firm_dropped()
    }

    /// Whether the order had a company and its customer has none any more.
    pub(super) fn firm_dropped(&self) -> bool {
        let job = &self.job;
        let doubt = job.doubt.as_ref().map(|doubt| &doubt.what.open);
        let sent = |open: &Open| open.fields.get("COMPANY_ID").and_then(id).is_some();
        let had =
            job.known.company_id.is_some() || sent(&job.known.open) || doubt.is_some_and(sent);
        had && self.person.is_some() && self.firm_told.is_none()
    }

    /// The cards of a kind that are not this customer's, by an operator's word.
    pub(super) fn refused_cards(&self, card: Card) -> BTreeSet<u64> {
        let of = |refused: &&Refused| match card {
            Card::Contact => refused.is_contact_of(self.person.as_ref()),
            Card::Company => refused.is_company_of(self.firm_told.as_ref()),
        };
        let refused = self.job.who.refused.iter().filter(of);
        refused.map(|refused| refused.id).collect()
    }

    fn is_refused(&self, card: Card, id: Option<u64>) -> bool {
        id.is_some_and(|id| self.refused_cards(card).contains(&id))
    }

    /// What of the customer's numbers and addresses identifies nobody is readable in the deal and
    /// stands on no card.
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
        let values = self.aside.clone();
        self.note(Note::IdentifiesNobody { values });
    }

    /// Takes over the cards that were recognised or made.
    pub(super) fn take_cards(
        &mut self,
        customer: Option<&Customer>,
        firm: Option<&BusinessCustomer>,
    ) {
        let mut recognised = self.known.recognised.take().unwrap_or_default();
        if let Some(recognition) = customer.and_then(Customer::recognition) {
            self.known.contact_id = Some(recognition.id);
            self.known.person.clone_from(&self.person);
            let has_id = self.person.as_ref().is_some_and(|now| now.id.is_some());
            let own_id = has_id && !self.id_is_anothers;
            let link = self.job.who.link;
            self.links_contact = own_id && customer.is_some_and(|one| one.links(link));
            recognised.contact = Some(recognition.or_before(recognised.contact.take()));
        }
        if let Some(recognition) = firm.and_then(BusinessCustomer::recognition) {
            self.known.company_id = Some(recognition.id);
            self.known.firm.clone_from(&self.firm_told);
            self.links_company = firm.is_some_and(BusinessCustomer::links);
            recognised.company = Some(recognition.or_before(recognised.company.take()));
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
        let known = &self.known;
        let person = known.customer().zip(self.person.as_ref());
        let contact = known.contact_id.filter(|_| {
            let same = person.is_some_and(|(known, now)| known.is(now));
            same && !self.is_refused(Card::Contact, known.contact_id)
        });
        let firm = known.firm.as_ref().zip(self.firm_told.as_ref());
        let company = known.company_id.filter(|_| {
            let same = firm.is_some_and(|(known, now)| known.is(now));
            same && !self.is_refused(Card::Company, known.company_id)
        });
        let none = known.company_id.is_none() && self.firm_dropped();
        let company = company.map(|company| json!(company));
        let company = company.or_else(|| none.then(|| json!("0")));
        let contact = contact.map(|contact| json!(contact));
        let Some(desired) = &mut self.desired else {
            return;
        };
        for (field, card) in [("CONTACT_ID", contact), ("COMPANY_ID", company)] {
            if let Some(card) = card {
                desired.kept.insert(field.to_owned(), card);
            }
        }
    }

    /// The contact and the company of a deal are put over what a manager put there only where the
    /// shop names somebody else, or where an operator refused the card.
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
            let open = of(Some(&self.known.open.fields));
            let written = self.known.written.as_ref().map(|written| &written.fields);
            let recognised = match card {
                Card::Contact => self.job.known.contact_id,
                Card::Company => self.job.known.company_id,
            };
            // Of two that were sent and not seen nobody knows which one stands there.
            let unsure = written.is_some_and(|written| !written.contains_key(field));
            let ours = if open.is_some() && unsure {
                [stands, open, recognised]
            } else {
                [open, of(written), recognised]
            };
            let refused = self.is_refused(card, stands);
            let told = |id: u64| match card {
                Card::Contact => happening::Card::Contact(id),
                Card::Company => happening::Card::Company(id),
            };
            let theirs = stands.filter(|_| !ours.contains(&stands) && !refused);
            if stands != wanted && (theirs.is_none() || other) {
                if let Some(theirs) = theirs {
                    self.note(Note::CardFollows { card: told(theirs) });
                }
                continue;
            }
            fields.remove(field);
            if let Some(theirs) = theirs.filter(|_| stands != wanted) {
                self.note(Note::CardStays { card: told(theirs) });
            }
            self.known.open.fields.remove(field);
            self.spared.insert(field.to_owned(), value);
        }
    }
}
