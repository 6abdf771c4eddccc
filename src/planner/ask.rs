//! Commands in waiting: what is asked, and what the answer will mean.

use super::{BATCH_LIMIT, Call, Command};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What the answer to a command means. Numbers are positions in the wave's lists.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ask {
    /// Deals or leads that are there already, by origin.
    Targets {
        lead: bool,
        jobs: Vec<usize>,
        so_far: Vec<serde_json::Map<String, Value>>,
    },
    /// Known deals or leads that the origin did not show, by id.
    TargetsById { jobs: Vec<usize> },
    /// The stages of a funnel, page by page.
    Stages {
        funnel: u32,
        so_far: BTreeSet<String>,
    },
    /// Requisite presets.
    Presets,
    /// Contacts by id: linked ones, and those that a search found.
    Contacts { ids: Vec<u64> },
    /// Contacts that carry our origin.
    ContactsByOrigin { customers: Vec<usize> },
    /// Contacts by phone or e-mail.
    Duplicates {
        by_phone: bool,
        values: Vec<(String, usize)>,
    },
    /// Companies by id, linked ones and those of a requisite: whether they are there.
    Companies { ids: Vec<u64> },
    /// Companies that carry our origin.
    CompaniesByOrigin { firms: Vec<usize> },
    /// Requisites by taxpayer number.
    Requisites { firms: Vec<usize> },
    /// Companies by name.
    CompaniesByTitle { firm: usize },
    /// A contact being made.
    AddContact { customer: usize },
    /// A phone or an e-mail being added to a contact.
    CompleteContact { customer: usize },
    /// A company being made.
    AddCompany { firm: usize },
    /// What belongs to a new company: its requisite, the requisite's address.
    AddToCompany { firm: usize, what: &'static str },
    /// Deals being imported.
    Import { jobs: Vec<usize> },
    /// Imported deals, looked up by their origin.
    Imported { jobs: Vec<usize> },
    /// A deal or lead being made.
    Add { job: usize },
    /// Fields of a deal or lead being written.
    Update {
        job: usize,
        fields: serde_json::Map<String, Value>,
    },
    /// Product rows being set.
    SetRows { job: usize, rows: Vec<Value> },
    /// A new contact being put to its company.
    LinkCompany { job: usize },
    /// What was written, read back.
    ReadBack { jobs: Vec<usize> },
    /// A sum being set by hand.
    FixSum { job: usize },
}

/// A command without its key.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) method: &'static str,
    pub(super) params: Value,
    pub(super) ask: Ask,
    /// The key, where a later command of the group refers to this one.
    pub(super) key: Option<String>,
}

impl Step {
    pub(super) fn new(method: &'static str, params: Value, ask: Ask) -> Self {
        Self {
            method,
            params,
            ask,
            key: None,
        }
    }

    /// With a key that later commands of the group refer to.
    pub(super) fn keyed(self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self
        }
    }
}

/// What stands for the result of an earlier command of the same call.
pub(super) fn result_of(key: &str) -> Value {
    Value::String(format!("$result[{key}]"))
}

/// Commands that must travel in one call, in this order.
pub(super) type Group = Vec<Step>;

/// Gives out keys and remembers what each command was for.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: HashMap<String, Ask>,
    count: u64,
}

impl Desk {
    /// A key that no other command of the wave has; later ones sort later, for portals that run commands by key.
    pub(super) fn key(&mut self) -> String {
        self.count += 1;
        format!("q{:06}", self.count)
    }

    /// What a command was for; once.
    pub(super) fn take(&mut self, key: &str) -> Option<Ask> {
        self.asked.remove(key)
    }

    /// Packs groups into calls, none torn apart. `tail` makes the commands that close a call, from what it carries; at most `reserve`.
    pub(super) fn pack(
        &mut self,
        groups: Vec<Group>,
        reserve: usize,
        tail: impl Fn(&[Step]) -> Vec<Step>,
    ) -> Vec<Call> {
        let room = BATCH_LIMIT - reserve;
        let mut calls = Vec::new();
        let mut filling: Vec<Step> = Vec::new();
        let mut close = |steps: Vec<Step>, desk: &mut Self| {
            if !steps.is_empty() {
                let closing = tail(&steps);
                calls.push(desk.call(steps.into_iter().chain(closing).collect()));
            }
        };
        for group in groups {
            if filling.len() + group.len() > room {
                close(std::mem::take(&mut filling), self);
            }
            filling.extend(group);
        }
        close(filling, self);
        calls
    }

    fn call(&mut self, steps: Vec<Step>) -> Call {
        let mut commands = Vec::with_capacity(steps.len());
        for step in steps {
            let key = step.key.unwrap_or_else(|| self.key());
            self.asked.insert(key.clone(), step.ask);
            commands.push(Command {
                key,
                method: step.method,
                params: step.params,
            });
        }
        Call { commands }
    }
}
