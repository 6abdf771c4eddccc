//! Which orders are one customer's: those that share a customer id, a phone or an e-mail; and one firm's: those that share its origin.

use super::{Customer, Firm};
use crate::{
    domain::{self, Company, OrderNumber, ShopName},
    planner::Wave,
};
use std::{collections::BTreeMap, sync::Arc};

impl Wave {
    /// Makes one customer and one firm of all that belong together, and tells the jobs which are theirs.
    pub(in crate::planner) fn gather_customers(&mut self) {
        let mut customers: BTreeMap<String, usize> = BTreeMap::new();
        let mut firms: BTreeMap<(ShopName, String), usize> = BTreeMap::new();
        for job in self.jobs_where(|state| !state.is_lead() && state.concerns_customer()) {
            let state = &self.jobs[job];
            let Some(person) = state.snapshot().and_then(|order| order.customer.clone()) else {
                continue;
            };
            let rules = Arc::clone(&state.job.rules);
            let number = state.job.number.clone();
            if let Some(company) = &person.company {
                let origin = company_origin(&person, company, &number);
                let key = (rules.shop.clone(), origin.clone());
                let firm = *firms.entry(key).or_insert_with(|| {
                    self.firms.push(Firm::new(&rules, &person, company, origin));
                    self.firms.len() - 1
                });
                self.jobs[job].firm = Some(firm);
            }
            if nobody(&person) {
                self.jobs[job].note("the order names no customer: the deal has no contact");
                continue;
            }
            let keys = keys(&person, &rules.shop);
            let known = keys.iter().find_map(|key| customers.get(key)).copied();
            let at = known.unwrap_or_else(|| {
                self.customers.push(Customer::new(&rules, &person, &number));
                self.customers.len() - 1
            });
            customers.extend(keys.into_iter().map(|key| (key, at)));
            self.customers[at].add(person);
            self.jobs[job].customer = Some(at);
        }
    }
}

fn company_origin(person: &domain::Customer, company: &Company, order: &OrderNumber) -> String {
    match (&company.inn, &person.id) {
        (Some(inn), _) => format!("inn:{inn}"),
        (None, Some(id)) => format!("company:{id}"),
        (None, None) => format!("order:{order}:company"),
    }
}

/// Whether nothing is told of the person that a contact could hold.
fn nobody(person: &domain::Customer) -> bool {
    let names = [&person.name, &person.last_name, &person.second_name];
    person.id.is_none()
        && person.phones.is_empty()
        && person.emails.is_empty()
        && names.into_iter().all(Option::is_none)
}

/// What tells a person: phones and e-mails whatever the shop, the customer id within its shop.
fn keys(person: &domain::Customer, shop: &ShopName) -> Vec<String> {
    let mut keys: Vec<String> = person.phones.iter().map(ToString::to_string).collect();
    keys.extend(person.emails.iter().cloned());
    keys.extend(person.id.as_ref().map(|id| format!("{shop} id:{id}")));
    keys
}
