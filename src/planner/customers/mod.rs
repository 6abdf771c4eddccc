//! Customers: contacts and companies, found by link, origin, phone, e-mail and taxpayer number, or
//! made.
//!
//! Two orders of one new customer make one contact, and two of one new legal entity make one
//! company. What a manager typed is never changed: phones and e-mails are added, names stay. Where
//! several match, the oldest is taken and a note says so.

pub(super) mod card_match;
mod companies;
mod contacts;
mod grouping;
mod hidden_cards;

pub(super) use companies::BusinessCustomer;
pub(super) use contacts::{ContactRow, Customer};
pub(super) use grouping::tells;
pub(super) use hidden_cards::Sight;

use super::{
    Outcome, State, Wave,
    indexes::{CustomerIx, FirmIx, JobIx},
    json::{elements, text},
    list_query::{OriginPage, PAGE},
    wave::batching::{AtomicCommands, PendingCommand},
};
use crate::domain::{
    ErrorCode, ShopName,
    happening::{Cards, Note},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Wave {
    /// Asks for linked contacts and companies, and searches the customers and firms that have no
    /// link.
    pub(super) fn ask_who(&mut self) {
        let linked = self.customers.iter_mut().filter_map(Customer::take_linked);
        let linked: BTreeSet<u64> = linked.collect();
        let linked_companies = self
            .firms
            .iter_mut()
            .filter_map(BusinessCustomer::take_linked);
        let linked_companies: BTreeSet<u64> = linked_companies.collect();
        self.ask_contacts(linked);
        self.ask_companies(linked_companies);
        let strangers: Vec<CustomerIx> = CustomerIx::all(self.customers.len())
            .filter(|at| self.customers[*at].contact.is_none())
            .collect();
        self.search_contacts(&strangers);
        let unknown: Vec<FirmIx> = FirmIx::all(self.firms.len())
            .filter(|at| self.firms[*at].company.is_none())
            .collect();
        self.search_companies(&unknown);
        self.ask_lacking();
    }

    /// Reads candidates that were not read yet, and searches for customers whose linked contact or
    /// company is gone.
    pub(super) fn ask_who_further(&mut self) {
        if self.ask_sight() {
            return;
        }
        self.wait_for_sight();
        let strangers = self.forget_wrong_contacts();
        self.search_contacts(&strangers);
        // Of whom no order is open, an answer did not come: it is asked again in the next wave.
        let open: Vec<(Option<CustomerIx>, Option<FirmIx>)> = self
            .jobs
            .iter()
            .filter(|state| state.open())
            .map(|state| (state.customer, state.firm))
            .collect();
        let wanted: BTreeSet<CustomerIx> = open.iter().filter_map(|(at, _)| *at).collect();
        let unread: BTreeSet<u64> = wanted
            .iter()
            .flat_map(|at| self.customers[*at].candidates.iter().copied())
            .filter(|id| !self.contacts.contains_key(id))
            .collect();
        self.ask_contacts(unread);
        self.search_second_origins();
        let gone = self.forget_gone_companies();
        self.search_companies(&gone);
        // The requisite of a deleted company may outlive it.
        let wanted: BTreeSet<FirmIx> = open.iter().filter_map(|(_, at)| *at).collect();
        let found = wanted.iter().flat_map(|at| self.firms[*at].found());
        let unread = found.filter(|id| !self.companies.contains_key(id));
        self.ask_companies(unread.collect());
    }

    /// Looks up by origin what may be in the portal already: `sought` tells the shop, the origin
    /// and the position of each.
    fn ask_by_origin<I: Copy>(
        &mut self,
        method: &'static str,
        select: &[&str],
        sought: Vec<(ShopName, String, I)>,
        ask: impl Fn(Vec<I>, OriginPage) -> PendingCommand,
    ) {
        let mut by_shop: BTreeMap<ShopName, Vec<(String, I)>> = BTreeMap::new();
        for (shop, origin, at) in sought {
            by_shop.entry(shop).or_default().push((origin, at));
        }
        for (shop, sought) in by_shop {
            for sought in sought.chunks(PAGE) {
                let (origins, all): (Vec<String>, Vec<I>) = sought.iter().cloned().unzip();
                let page = OriginPage::first(shop.as_str(), origins);
                self.ask(method, page.params(select), ask(all, page));
            }
        }
    }

    /// Makes what is missing, and adds missing phones and e-mails to what is there.
    pub(super) fn ask_customers(&mut self) {
        self.recognise_contacts();
        self.recognise_companies();
        let mut groups: Vec<AtomicCommands> = Vec::new();
        for at in FirmIx::all(self.firms.len()) {
            let missing = self.firms[at].company.is_none();
            let of = |state: &State| state.needs_company() && state.firm == Some(at);
            if !missing || !self.any_job(of) {
                continue;
            }
            if self.in_doubt(&BTreeSet::from([self.firms[at].identity()])) {
                self.wait_for(&self.jobs_where(of));
            } else {
                groups.push(self.company_group(at));
            }
        }
        for (at, group) in self.complete_companies() {
            if !group.is_empty() && self.in_doubt(&BTreeSet::from([self.firms[at].identity()])) {
                self.firms[at].incomplete = true;
                self.wait_for(&self.jobs_where(|state| state.firm == Some(at)));
            } else if !group.is_empty() {
                groups.push(group);
            }
        }
        for at in CustomerIx::all(self.customers.len()) {
            let needs = |state: &State| state.needs_contact() && state.customer == Some(at);
            // A lead carries what its visitor told: the contact's card stays as it is.
            let news = |state: &State| {
                state.customer == Some(at) && !state.customer_told() && !state.is_lead()
            };
            let (jobs, step) = match self.customers[at].contact {
                None => {
                    let jobs = self.jobs_where(needs);
                    let step = (!jobs.is_empty()).then(|| self.new_contact(at));
                    (jobs, step)
                }
                Some(contact) => {
                    let jobs = self.jobs_where(news);
                    let step = (!jobs.is_empty())
                        .then(|| self.completion(at, contact))
                        .flatten();
                    (jobs, step)
                }
            };
            match step {
                Some(_) if self.in_doubt(&self.customers[at].identity()) => self.wait_for(&jobs),
                Some(step) => groups.push(vec![step]),
                None => {}
            }
        }
        self.waiting.extend(groups);
    }

    /// A call whose answer was lost may still make or complete whom these orders need.
    fn wait_for(&mut self, jobs: &[JobIx]) {
        for job in jobs {
            self.jobs[*job].end(Outcome::Again {
                code: ErrorCode::InDoubt,
            });
        }
    }
}

/// Phones and e-mails as fields; none where there are none.
pub(super) fn communications(
    fields: &mut Map<String, Value>,
    phones: &[String],
    emails: &[String],
) {
    let values = |texts: Vec<&str>, kind: &str| -> Value {
        texts
            .into_iter()
            .map(|text| json!({"VALUE": text, "VALUE_TYPE": kind}))
            .collect()
    };
    if !phones.is_empty() {
        fields.insert(
            "PHONE".to_owned(),
            values(phones.iter().map(String::as_str).collect(), "MOBILE"),
        );
    }
    if !emails.is_empty() {
        fields.insert(
            "EMAIL".to_owned(),
            values(emails.iter().map(String::as_str).collect(), "HOME"),
        );
    }
}

/// Whose it is: the shop's, under this origin, and in the care of this user.
fn ownership(
    fields: &mut Map<String, Value>,
    shop: &ShopName,
    origin: &str,
    responsible: Option<u64>,
) {
    fields.insert("ORIGINATOR_ID".to_owned(), json!(shop.as_str()));
    fields.insert("ORIGIN_ID".to_owned(), json!(origin));
    if let Some(responsible) = responsible {
        fields.insert("ASSIGNED_BY_ID".to_owned(), json!(responsible));
    }
}

/// The values of a multifield.
fn multifield(value: Option<&Value>) -> Vec<String> {
    value
        .map(elements)
        .unwrap_or_default()
        .into_iter()
        .map(|element| text(element.get("VALUE")))
        .collect()
}

/// The smaller of two ids is the older one.
fn older(known: Option<u64>, id: u64) -> u64 {
    known.map_or(id, |known| known.min(id))
}

fn several(cards: Cards, found: &BTreeSet<u64>, taken: u64) -> Note {
    let ids: Vec<u64> = found.iter().take(10).copied().collect();
    let count = found.len();
    if found.first() == Some(&taken) {
        Note::OldestTaken { count, cards, ids }
    } else {
        Note::BestTaken {
            count,
            cards,
            ids,
            taken,
        }
    }
}
