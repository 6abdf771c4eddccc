//! Contacts as the portal shows them: read by id, searched by origin, phone and e-mail.

use super::ContactRow;
use crate::{
    domain::{Agreement, Phone, ShopName, happening::Note},
    planner::{
        Evidence, Wave,
        indexes::CustomerIx,
        json::{elements, id, rows, text},
        list_query::{CardKind, OriginPage, PAGE, listed, of_ids, row_id},
        wave::batching::PendingCommand,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most values one duplicate search takes, and the number of hits at which it stops telling
/// all.
const SEARCH_LIMIT: usize = 20;

/// What is read of contacts.
const FIELDS: [&str; 8] = [
    "ID",
    "NAME",
    "LAST_NAME",
    "SECOND_NAME",
    "PHONE",
    "EMAIL",
    "ORIGINATOR_ID",
    "ORIGIN_ID",
];

impl Wave {
    pub(in crate::planner::customers) fn ask_contacts(&mut self, ids: BTreeSet<u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for ids in ids.chunks(PAGE) {
            let params = listed(&of_ids(ids), &FIELDS);
            let ids = ids.to_vec();
            self.ask("crm.contact.list", params, PendingCommand::Contacts { ids });
        }
    }

    pub(in crate::planner) fn take_contacts(&mut self, ids: &[u64], result: &Value) {
        for id in ids {
            self.contacts.entry(*id).or_insert(None);
        }
        for row in rows(result) {
            if let Some(id) = row_id(&row) {
                self.contacts.insert(id, Some(ContactRow::read(&row)));
            }
        }
    }

    /// Searches by origin, phone and e-mail at once.
    pub(in crate::planner::customers) fn search_contacts(&mut self, strangers: &[CustomerIx]) {
        let mut origins = Vec::new();
        let mut phones = Vec::new();
        let mut emails = Vec::new();
        for at in strangers {
            let customer = &mut self.customers[*at];
            customer.searched = true;
            origins.push((customer.shop.clone(), customer.origin.clone(), *at));
            if customer.origin_taken {
                origins.push((customer.shop.clone(), customer.second_origin.clone(), *at));
            }
            let country = &customer.country;
            let read = |phone: &String| Phone::parse(phone, country);
            let numbers: Vec<Phone> = customer.phones.iter().filter_map(read).collect();
            let spellings = numbers.iter().flat_map(Phone::spellings);
            phones.extend(spellings.map(|spelling| (spelling, *at)));
            emails.extend(customer.emails.iter().map(|email| (email.clone(), *at)));
        }
        self.ask_contact_origins(origins);
        self.ask_duplicates(true, &phones, SEARCH_LIMIT);
        self.ask_duplicates(false, &emails, SEARCH_LIMIT);
    }

    fn ask_duplicates(&mut self, by_phone: bool, values: &[(String, CustomerIx)], size: usize) {
        for values in values.chunks(size) {
            let texts: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
            let kind = if by_phone { "PHONE" } else { "EMAIL" };
            let params = json!({"type": kind, "values": texts, "entity_type": "CONTACT"});
            let ask = PendingCommand::Duplicates {
                by_phone,
                values: values.to_vec(),
            };
            self.ask("crm.duplicate.findbycomm", params, ask);
        }
    }

    pub(in crate::planner) fn take_contacts_by_origin(
        &mut self,
        customers: &[CustomerIx],
        page: &OriginPage,
        result: &Value,
    ) {
        let rows = rows(result);
        if let Some(page) = page.next(&rows) {
            let (params, customers) = (page.params(&FIELDS), customers.to_vec());
            let ask = PendingCommand::ContactsByOrigin { customers, page };
            self.ask("crm.contact.list", params, ask);
        }
        for row in rows {
            let Some(id) = row_id(&row) else { continue };
            let origin = text(row.get("ORIGIN_ID"));
            self.contacts.insert(id, Some(ContactRow::read(&row)));
            for at in customers {
                let customer = &mut self.customers[*at];
                if customer.origin == origin || customer.second_origin == origin {
                    customer.by_origin.insert(id);
                }
            }
        }
    }

    /// The hits of all values come in one list, and at twenty the portal stops telling: then each
    /// value is asked alone.
    pub(in crate::planner) fn take_duplicates(
        &mut self,
        by_phone: bool,
        values: &[(String, CustomerIx)],
        result: &Value,
    ) {
        let hits: BTreeSet<u64> = result
            .get("CONTACT")
            .map(|list| elements(list).into_iter().filter_map(id).collect())
            .unwrap_or_default();
        if hits.len() >= SEARCH_LIMIT && values.len() > 1 {
            self.ask_duplicates(by_phone, values, 1);
            return;
        }
        for (_, at) in values {
            self.customers[*at].candidates.extend(hits.iter().copied());
        }
    }

    fn ask_contact_origins(&mut self, origins: Vec<(ShopName, String, CustomerIx)>) {
        self.ask_by_origin("crm.contact.list", &FIELDS, origins, |customers, page| {
            PendingCommand::ContactsByOrigin { customers, page }
        });
    }

    /// Where the card under a customer's origin is somebody else's, his own may stand under the
    /// second one: it is looked up before anything is made.
    pub(in crate::planner::customers) fn search_second_origins(&mut self) {
        let mut origins = Vec::new();
        for (at, customer) in self.customers.iter_mut().enumerate() {
            if customer.origin_taken || customer.contact.is_some() {
                continue;
            }
            let contacts = &self.contacts;
            let taken = customer.by_origin.iter().any(|id| {
                let Some(row) = contacts.get(id).and_then(Option::as_ref) else {
                    return false;
                };
                let evidence = customer.speaks_for(*id, row);
                row.origin == customer.origin
                    && (!evidence.contains(&Evidence::Origin)
                        || customer.speaks_against(*id, row, &evidence).is_some())
            });
            if taken {
                customer.origin_taken = true;
                let second = customer.second_origin.clone();
                origins.push((customer.shop.clone(), second, CustomerIx::at(at)));
            }
        }
        self.ask_contact_origins(origins);
    }

    /// Drops links to contacts that the portal no longer has, or that an old link gives to somebody
    /// whose name they contradict. The customers they were of.
    pub(in crate::planner::customers) fn forget_wrong_contacts(&mut self) -> Vec<CustomerIx> {
        let mut strangers = Vec::new();
        let hidden = self.hides(CardKind::Contact);
        for at in CustomerIx::all(self.customers.len()) {
            let customer = &self.customers[at];
            let (Some(linked), false) = (customer.linked, customer.searched) else {
                continue;
            };
            let lost = linked.id;
            let reason = match self.contacts.get(&lost) {
                Some(None) if hidden => continue,
                Some(None) => Note::ContactGone { contact: lost },
                Some(Some(row))
                    if !linked.sure && customer.agreement(&row.person) == Agreement::Contradict =>
                {
                    Note::ContactOfAnother { contact: lost }
                }
                _ => continue,
            };
            let gone = matches!(self.contacts.get(&lost), Some(None));
            let customer = &mut self.customers[at];
            customer.gone.extend(gone.then_some(lost));
            customer.contact = None;
            customer.evidence.clear();
            let jobs = self.jobs.iter_mut();
            for state in jobs.filter(|state| state.customer == Some(at)) {
                state.known.forget_contact();
                state.note(reason.clone());
                // Where two cards were merged, the deal carries the one that is left.
                let carried = state.row.as_ref().and_then(|row| row.get("CONTACT_ID"));
                if let Some(carried) = carried.and_then(id).filter(|carried| *carried != lost) {
                    customer.by_deal.insert(carried);
                    customer.candidates.insert(carried);
                }
            }
            strangers.push(at);
        }
        strangers
    }
}
