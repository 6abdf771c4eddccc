//! Grouping orders by customer: those that share a customer id, a phone or an e-mail are one
//! person's, unless something speaks against it; those that share a firm's origin are one firm's.

use super::{BusinessCustomer, Customer};
use crate::{
    domain::{self, Company, OrderNumber, Person, ShopName, happening::Note, is_common},
    planner::{
        Card, State, Wave,
        indexes::{CustomerIx, FirmIx, JobIx},
    },
};
use std::{collections::BTreeMap, sync::Arc};

impl Wave {
    /// Makes one customer and one firm of all that belong together, and tells the jobs which are
    /// theirs.
    pub(in crate::planner) fn gather_customers(&mut self) {
        let mut customers: BTreeMap<String, Vec<CustomerIx>> = BTreeMap::new();
        let mut firms: BTreeMap<(ShopName, String), FirmIx> = BTreeMap::new();
        let has_contact = |state: &State| !state.is_lead() || state.is_enquiry();
        for job in self.jobs_where(|state| has_contact(state) && state.concerns_customer()) {
            if !self.jobs[job].is_lead() {
                self.gather_firm(job, &mut firms);
            }
            self.gather_customer(job, &mut customers);
        }
    }

    fn gather_firm(&mut self, job: JobIx, firms: &mut BTreeMap<(ShopName, String), FirmIx>) {
        let state = &self.jobs[job];
        let told = state.snapshot().and_then(|order| order.customer.clone());
        let Some((company, person)) = told.and_then(|told| Some((told.company.clone()?, told)))
        else {
            return;
        };
        let rules = Arc::clone(&state.job.rules);
        let origin = company_origin(&person, &company, &state.job.number);
        let linked = state.linked_company();
        let refused = state.refused_cards(Card::Company);
        let aside = state.aside.clone();
        let key = (rules.shop.clone(), origin.clone());
        let firm = *firms.entry(key).or_insert_with(|| {
            let firm = BusinessCustomer::new(&rules, &person, &company, origin, &aside);
            self.firms.push(firm);
            FirmIx::at(self.firms.len() - 1)
        });
        self.firms[firm].know(linked, refused);
        self.jobs[job].firm = Some(firm);
    }

    fn gather_customer(&mut self, job: JobIx, customers: &mut BTreeMap<String, Vec<CustomerIx>>) {
        let state = &self.jobs[job];
        let Some(person) = state.person.clone() else {
            if state.is_new() {
                self.jobs[job].note(Note::NoCustomer);
            }
            return;
        };
        let rules = Arc::clone(&state.job.rules);
        let number = state.job.number.clone();
        let linked = state.linked_contact();
        let keys = keys(&person, &rules.shop);
        // Of two strangers under one customer id the first gets its origin and its link.
        let id = person.id.as_ref();
        let under_id = id.and_then(|id| customers.get(&id_key(id, &rules.shop)));
        let first = under_id.and_then(|all| all.first().copied());
        let known = keys.iter().filter_map(|key| customers.get(key)).flatten();
        let at = known
            .copied()
            .find(|at| self.customers[*at].takes(&person, &rules.shop, linked))
            .unwrap_or_else(|| {
                let mut one = Customer::new(&rules, &person, &number);
                if first.is_some() {
                    one.take_second_origin();
                }
                self.customers.push(one);
                CustomerIx::at(self.customers.len() - 1)
            });
        for key in keys {
            let under = customers.entry(key).or_default();
            if !under.contains(&at) {
                under.push(at);
            }
        }
        let refused = state.refused_cards(Card::Contact);
        let others = state.job.who.others.clone();
        let customer = &mut self.customers[at];
        customer.know(linked, refused, others);
        customer.add(person, &rules.shop);
        self.jobs[job].customer = Some(at);
        self.jobs[job].id_is_anothers = first.is_some_and(|first| first != at);
    }
}

fn company_origin(person: &domain::Customer, company: &Company, order: &OrderNumber) -> String {
    match (&company.inn, &person.id) {
        (Some(inn), _) => format!("inn:{inn}"),
        (None, Some(id)) => format!("company:{id}"),
        (None, None) => format!("order:{order}:company"),
    }
}

/// What tells the customer of an order: whoever shares some of it may be the same person or firm.
pub(in crate::planner) fn tells(
    customer: &domain::Customer,
    shop: &ShopName,
    order: &OrderNumber,
) -> Vec<String> {
    let mut all: Vec<String> = customer.phones.iter().map(ToString::to_string).collect();
    all.extend(customer.emails.iter().cloned());
    all.extend(customer.id.as_ref().map(|id| format!("{shop} id:{id}")));
    if let Some(company) = &customer.company {
        let origin = company_origin(customer, company, order);
        all.push(format!("{shop} firm {origin}"));
        all.extend(company.inn.as_ref().map(|inn| format!("inn:{inn}")));
    }
    all
}

/// Under what a person is sought: phones and e-mails whatever the shop, the customer id within its
/// shop.
fn keys(person: &Person, shop: &ShopName) -> Vec<String> {
    let emails = person.emails.iter().filter(|email| !is_common(email));
    let mut keys: Vec<String> = person.phones.iter().chain(emails).cloned().collect();
    keys.extend(person.id.as_ref().map(|id| id_key(id, shop)));
    keys
}

fn id_key(id: &str, shop: &ShopName) -> String {
    format!("{shop} id:{id}")
}
