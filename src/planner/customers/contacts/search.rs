//! Contacts as the portal shows them: read by id, searched by origin, phone and e-mail.

use super::ContactRow;
use crate::{
    domain::Phone,
    planner::{
        Wave,
        ask::Ask,
        customers::older,
        list::{PAGE, listed, of_ids, row_id},
        value::{elements, id, rows, text},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most values one duplicate search takes, and the number of hits at which it stops telling all.
const SEARCH_LIMIT: usize = 20;

impl Wave {
    pub(in crate::planner::customers) fn ask_contacts(&mut self, ids: BTreeSet<u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for ids in ids.chunks(PAGE) {
            let select = [
                "ID",
                "NAME",
                "LAST_NAME",
                "PHONE",
                "EMAIL",
                "ORIGINATOR_ID",
                "ORIGIN_ID",
            ];
            let params = listed(&of_ids(ids), &select);
            let ids = ids.to_vec();
            self.ask("crm.contact.list", params, Ask::Contacts { ids });
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
    pub(in crate::planner::customers) fn search_contacts(&mut self, strangers: &[usize]) {
        let mut origins = Vec::new();
        let mut phones = Vec::new();
        let mut emails = Vec::new();
        for at in strangers {
            let customer = &mut self.customers[*at];
            customer.searched = true;
            origins.push((customer.shop.clone(), customer.origin.clone(), *at));
            let spellings = customer.phones.iter().flat_map(Phone::spellings);
            phones.extend(spellings.map(|spelling| (spelling, *at)));
            emails.extend(customer.emails.iter().map(|email| (email.clone(), *at)));
        }
        let select = ["ID", "ORIGIN_ID", "PHONE", "EMAIL"];
        self.ask_by_origin("crm.contact.list", &select, origins, |customers| {
            Ask::ContactsByOrigin { customers }
        });
        self.ask_duplicates(true, &phones, SEARCH_LIMIT);
        self.ask_duplicates(false, &emails, SEARCH_LIMIT);
    }

    fn ask_duplicates(&mut self, by_phone: bool, values: &[(String, usize)], size: usize) {
        for values in values.chunks(size) {
            let texts: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
            let kind = if by_phone { "PHONE" } else { "EMAIL" };
            let params = json!({"type": kind, "values": texts, "entity_type": "CONTACT"});
            let ask = Ask::Duplicates {
                by_phone,
                values: values.to_vec(),
            };
            self.ask("crm.duplicate.findbycomm", params, ask);
        }
    }

    pub(in crate::planner) fn take_contacts_by_origin(
        &mut self,
        customers: &[usize],
        result: &Value,
    ) {
        for row in rows(result) {
            let Some(id) = row_id(&row) else { continue };
            let origin = text(row.get("ORIGIN_ID"));
            self.contacts.insert(id, Some(ContactRow::read(&row)));
            for at in customers {
                let customer = &mut self.customers[*at];
                if customer.origin == origin {
                    customer.by_origin = Some(older(customer.by_origin, id));
                }
            }
        }
    }

    /// The hits of all values come in one list, and at twenty the portal stops telling: then each value is asked alone.
    pub(in crate::planner) fn take_duplicates(
        &mut self,
        by_phone: bool,
        values: &[(String, usize)],
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

    /// Drops links to contacts that the portal no longer has. The customers they were of.
    pub(in crate::planner::customers) fn forget_gone_contacts(&mut self) -> Vec<usize> {
        let mut gone = Vec::new();
        for (at, customer) in self.customers.iter_mut().enumerate() {
            let Some(lost) = customer
                .contact
                .filter(|id| !customer.searched && matches!(self.contacts.get(id), Some(None)))
            else {
                continue;
            };
            customer.contact = None;
            let jobs = self.jobs.iter_mut();
            for state in jobs.filter(|state| state.customer == Some(at)) {
                state.known.contact_id = None;
                state.note(format!("the contact {lost} is no longer in the portal: the customer was looked for again"));
            }
            gone.push(at);
        }
        gone
    }
}
