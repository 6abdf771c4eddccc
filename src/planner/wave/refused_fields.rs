//! Optional data that the portal refuses: the order goes on without it.

use super::batching::PendingCommand;
use crate::{
    domain::{ErrorCode, happening::Note},
    planner::{Intent, State, Wave, indexes::CustomerIx},
};
use std::collections::BTreeSet;

impl Wave {
    /// A write that was refused for an e-mail address is asked again without any; false if that is
    /// not why, or there was none.
    pub(in crate::planner) fn ask_without_emails(
        &mut self,
        ask: &PendingCommand,
        words: &str,
    ) -> bool {
        // Where several share the write, each is tried by itself first: the others' addresses are
        // good.
        if self.fault(ask, words) != ErrorCode::Email || self.sharing(ask).len() > 1 {
            return false;
        }
        match *ask {
            PendingCommand::Duplicates {
                by_phone: false,
                ref values,
            } => {
                let customers = values.iter().map(|(_, customer)| *customer);
                customers
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .any(|customer| self.withhold_emails(customer))
            }
            PendingCommand::AddCompany { firm } if self.firms[firm].forget_emails() => {
                let jobs = self.jobs.iter_mut();
                for state in jobs.filter(|state| state.firm == Some(firm)) {
                    state.withhold_emails();
                }
                let group = self.company_group(firm);
                self.waiting.push(group);
                true
            }
            PendingCommand::AddContact { customer } if self.withhold_emails(customer) => {
                let step = self.new_contact(customer);
                self.waiting.push(vec![step]);
                true
            }
            PendingCommand::CompleteContact { customer } if self.withhold_emails(customer) => {
                let contact = self.customers[customer].contact;
                let step = contact.and_then(|contact| self.completion(customer, contact));
                self.waiting.extend(step.map(|step| vec![step]));
                true
            }
            PendingCommand::Add { job }
                if self.jobs[job].is_lead() && self.jobs[job].withhold_emails() =>
            {
                let group = self.new_group(job);
                self.waiting.push(group);
                true
            }
            _ => false,
        }
    }

    /// Takes the addresses from a customer and from all orders that named it.
    fn withhold_emails(&mut self, customer: CustomerIx) -> bool {
        if !self.customers[customer].forget_emails() {
            return false;
        }
        let states = self.jobs.iter_mut();
        for state in states.filter(|state| state.customer == Some(customer)) {
            state.withhold_emails();
        }
        true
    }
}

impl State {
    /// Takes the addresses from the order's customer into its comment; false if there were none.
    fn withhold_emails(&mut self) -> bool {
        let Intent::Save(snapshot) = &mut self.job.intent else {
            return false;
        };
        let emails = snapshot.withhold_emails();
        if let Some(person) = &mut self.person {
            person.emails.clear();
        }
        self.desire();
        for email in &emails {
            let email = email.clone();
            self.note(Note::EmailRefused { email });
        }
        !emails.is_empty()
    }
}
