//! Matching contacts: what speaks for a card and what against it, the choice among several, and its
//! record.

use super::{ContactRow, Customer};
use crate::{
    domain::{
        Agreement,
        happening::{Cards, Note},
        is_common,
    },
    planner::{Because, Evidence, Passed, Wave, customers::several, indexes::CustomerIx},
};
use std::collections::BTreeSet;

/// A card, and what speaks for it.
type Found = (u64, Vec<Evidence>);

impl Wave {
    /// Says who is who among the customers without a contact.
    pub(in crate::planner::customers) fn recognise_contacts(&mut self) {
        for at in CustomerIx::all(self.customers.len()) {
            if let Some(contact) = self.customers[at].contact {
                self.take_name(at, contact);
                continue;
            }
            let (found, passed, note) = self.best_match(at);
            let customer = &mut self.customers[at];
            if let Some((contact, evidence)) = found {
                let row = self.contacts.get(&contact).and_then(Option::as_ref);
                customer.same = row.map(|row| customer.same_as(row)).unwrap_or_default();
                customer.contact = Some(contact);
                customer.evidence = evidence;
                self.take_name(at, contact);
            }
            let customer = &mut self.customers[at];
            let notes: Vec<Note> = passed.iter().map(Passed::note).collect();
            customer.passed = passed;
            for note in notes.into_iter().chain(note) {
                self.note_where(|state| state.customer == Some(at), &note);
            }
        }
    }

    /// Remembers the name on a customer's card: who told none is known by it.
    fn take_name(&mut self, at: CustomerIx, contact: u64) {
        if let Some(row) = self.contacts.get(&contact).and_then(Option::as_ref) {
            self.customers[at].card.clone_from(&row.person.names);
        }
    }

    /// By origin, then by phone, then by e-mail; of several the one whose name agrees best, of
    /// those the oldest, and a note.
    fn best_match(&self, at: CustomerIx) -> (Option<Found>, Vec<Passed>, Option<Note>) {
        let customer = &self.customers[at];
        let all: BTreeSet<u64> = customer
            .by_origin
            .union(&customer.candidates)
            .copied()
            .collect();
        let mut passed = Vec::new();
        let mut fit: Vec<(u64, Vec<Evidence>, Agreement)> = Vec::new();
        for id in all {
            let Some(row) = self.contacts.get(&id).and_then(Option::as_ref) else {
                continue;
            };
            let evidence = customer.speaks_for(id, row);
            if evidence.is_empty() {
                continue;
            }
            match customer
                .speaks_against(id, row, &evidence)
                .or_else(|| self.taken(at, id))
            {
                Some(reason) => passed.push(reason),
                None => fit.push((id, evidence, customer.agreement(&row.person))),
            }
        }
        for strongest in [
            Evidence::Deal,
            Evidence::Origin,
            Evidence::Phone,
            Evidence::Email,
        ] {
            let with: Vec<&(u64, Vec<Evidence>, Agreement)> = fit
                .iter()
                .filter(|(_, evidence, _)| evidence.contains(&strongest))
                .collect();
            let best = with
                .iter()
                .max_by_key(|(id, _, agreement)| (*agreement, std::cmp::Reverse(*id)));
            if let Some((id, evidence, _)) = best {
                let ids: BTreeSet<u64> = with.iter().map(|(id, ..)| *id).collect();
                let note = (ids.len() > 1 && strongest >= Evidence::Phone)
                    .then(|| several(Cards::Contacts, &ids, *id));
                return (Some((*id, evidence.clone())), passed, note);
            }
        }
        (None, passed, None)
    }

    /// Whether another customer of this wave has the card, who cannot be this one.
    fn taken(&self, at: CustomerIx, id: u64) -> Option<Passed> {
        let customer = &self.customers[at];
        let of_others = |(other, theirs): (usize, &Customer)| {
            if CustomerIx::at(other) == at || theirs.contact != Some(id) {
                return None;
            }
            theirs.told.iter().find_map(|(shop, told)| {
                let another = told.id.as_deref().filter(|id| {
                    customer
                        .id_in(shop.as_str())
                        .is_some_and(|ours| ours != *id)
                });
                let because = if another.is_some() {
                    Because::AnotherCustomer
                } else if customer.agreement(told) == Agreement::Contradict {
                    Because::Name
                } else {
                    return None;
                };
                let who = another.map(str::to_owned).or_else(|| told.name());
                Some(Passed { id, because, who })
            })
        };
        self.customers.iter().enumerate().find_map(of_others)
    }
}

impl Customer {
    /// What speaks for a card, the strongest first; nothing, if only a name does.
    pub(super) fn speaks_for(&self, id: u64, row: &ContactRow) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        let same = self.same_as(row);
        if self.by_deal.contains(&id) {
            evidence.push(Evidence::Deal);
        }
        if self.by_origin.contains(&id) && self.origin_counts(row) {
            evidence.push(Evidence::Origin);
        }
        let mail = |value: &String| value.contains('@');
        if !same.iter().all(mail) {
            evidence.push(Evidence::Phone);
        }
        if same.iter().any(mail) {
            evidence.push(Evidence::Email);
        }
        if !evidence.is_empty() {
            match self.agreement(&row.person) {
                Agreement::Same => evidence.push(Evidence::Name),
                Agreement::Alike => evidence.push(Evidence::PartOfName),
                Agreement::Unknown | Agreement::Contradict => {}
            }
        }
        evidence
    }

    /// The phones and addresses that a card has, too.
    fn same_as(&self, row: &ContactRow) -> Vec<String> {
        let phones = self.phones.iter();
        let phones = phones.filter(|phone| row.has_phone(phone, &self.country));
        let emails = self.emails.iter();
        phones
            .chain(emails.filter(|email| row.emails.contains(email)))
            .cloned()
            .collect()
    }

    /// A guest has no id: the origin is his order's, which may have been another guest's before.
    fn origin_counts(&self, row: &ContactRow) -> bool {
        !self.origin.starts_with("order:")
            || self.agreement(&row.person) >= Agreement::Alike
            || !self.same_as(row).is_empty()
            || row.origin == self.second_origin
    }

    /// What speaks against a card for which something speaks.
    pub(super) fn speaks_against(
        &self,
        id: u64,
        row: &ContactRow,
        evidence: &[Evidence],
    ) -> Option<Passed> {
        let passed = |because, who| Some(Passed { id, because, who });
        if self.refused.contains(&id) {
            return passed(Because::Operator, None);
        }
        let agreement = self.agreement(&row.person);
        if agreement == Agreement::Contradict {
            return passed(Because::Name, row.person.name());
        }
        if evidence.contains(&Evidence::Origin) {
            return None;
        }
        if let Some(other) = self.others.get(&id) {
            return Some(other.clone());
        }
        let of_guest = row.origin.is_empty() || row.origin.starts_with("order:");
        let ours = self.id_in(&row.originator);
        if let Some(ours) = ours.filter(|_| !of_guest)
            && row.origin != ours
            && row.origin.split(':').next() != Some(ours)
        {
            return passed(Because::AnotherCustomer, Some(row.origin.clone()));
        }
        let own_phone = evidence.contains(&Evidence::Phone);
        let own_email = self
            .emails
            .iter()
            .any(|email| row.emails.contains(email) && !is_common(email));
        if evidence.contains(&Evidence::Deal) {
            return None;
        }
        if !own_phone && !own_email && agreement < Agreement::Alike {
            return passed(Because::CommonAddress, row.person.name());
        }
        None
    }
}
