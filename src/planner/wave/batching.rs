//! Commands in waiting: what is asked, and what the answer will mean.

use crate::planner::{
    BATCH_LIMIT, Call, Command,
    indexes::{CustomerIx, FirmIx, JobIx},
    list_query::{CardKind, OriginPage, is_told},
};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// What the answer to a command means, and whom it concerns.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::planner) enum PendingCommand {
    /// Deals or leads that are there already, by origin.
    Targets {
        lead: bool,
        jobs: Vec<JobIx>,
        so_far: Vec<serde_json::Map<String, Value>>,
    },
    /// Known deals or leads that the origin did not show, by id.
    TargetsById { jobs: Vec<JobIx> },
    /// The stages of a funnel, page by page.
    Stages {
        funnel: u32,
        so_far: BTreeSet<String>,
    },
    /// The presets of requisites: which suits a taxpayer number.
    Presets,
    /// Contacts by id: linked ones, and those that a search found.
    Contacts { ids: Vec<u64> },
    /// Whether any card of a kind is shown.
    AnyCard { kind: CardKind },
    /// Who the bridge's user is.
    Profile,
    /// Contacts that carry our origin.
    ContactsByOrigin {
        customers: Vec<CustomerIx>,
        page: OriginPage,
    },
    /// Contacts by phone or e-mail.
    Duplicates {
        by_phone: bool,
        values: Vec<(String, CustomerIx)>,
    },
    /// Companies by id, linked ones and those of a requisite: whether they are there.
    Companies { ids: Vec<u64> },
    /// Companies that carry our origin.
    CompaniesByOrigin {
        firms: Vec<FirmIx>,
        page: OriginPage,
    },
    /// Requisites by taxpayer number, above this id.
    Requisites {
        firms: Vec<FirmIx>,
        after: Option<u64>,
    },
    /// Companies whose title is this firm's name, above this id.
    CompaniesByTitle { firm: FirmIx, after: Option<u64> },
    /// A contact being made.
    AddContact { customer: CustomerIx },
    /// A phone or an e-mail being added to a contact.
    CompleteContact { customer: CustomerIx },
    /// A company being made.
    AddCompany { firm: FirmIx },
    /// What belongs to a new company: its requisite, the requisite's address.
    AddToCompany { firm: FirmIx, what: &'static str },
    /// Deals of a loaded history, many in one command.
    Import { jobs: Vec<JobIx> },
    /// Imported deals, looked up by their origin, page by page.
    Imported {
        jobs: Vec<JobIx>,
        so_far: Vec<serde_json::Map<String, Value>>,
    },
    /// A deal or lead being made.
    Add { job: JobIx },
    /// Fields of a deal or lead being written.
    Update {
        job: JobIx,
        fields: serde_json::Map<String, Value>,
    },
    /// Product rows being set.
    SetRows { job: JobIx, rows: Vec<Value> },
    /// Product rows as they were before they are set.
    RowsBefore { job: JobIx },
    /// Product rows that may be linked to the catalogue.
    RowsToLink { job: JobIx },
    /// A row being linked to the catalogue: which of those that were written.
    LinkRow { job: JobIx, at: usize },
    /// A new contact being put to its company.
    LinkCompany { job: JobIx },
    /// A contact of a deal being put beside the others, or taken away.
    DealContact { job: JobIx },
    /// What was written, read back.
    ReadBack { jobs: Vec<JobIx> },
    /// A sum being set by hand.
    FixSum { job: JobIx },
}

impl PendingCommand {
    /// Whether an answer tells what was asked. A list that is none is no empty list: what would be
    /// made for want of it may be there.
    pub(in crate::planner) fn is_told_by(&self, result: &Value) -> bool {
        match self {
            Self::Targets { .. }
            | Self::TargetsById { .. }
            | Self::Contacts { .. }
            | Self::AnyCard { .. }
            | Self::ContactsByOrigin { .. }
            | Self::Companies { .. }
            | Self::CompaniesByOrigin { .. }
            | Self::Requisites { .. }
            | Self::CompaniesByTitle { .. }
            | Self::Imported { .. }
            | Self::ReadBack { .. } => is_told(result),
            // By kind of card; of no hits PHP makes an empty list.
            Self::Duplicates { .. } => match result {
                Value::Object(kinds) => kinds.values().all(|ids| ids.is_array() || ids.is_object()),
                Value::Array(none) => none.is_empty(),
                _ => false,
            },
            // The rows of dictionaries have names of their own.
            Self::Stages { .. } | Self::Presets => result.is_array() || result.is_object(),
            Self::Profile
            | Self::AddContact { .. }
            | Self::CompleteContact { .. }
            | Self::AddCompany { .. }
            | Self::AddToCompany { .. }
            | Self::Import { .. }
            | Self::Add { .. }
            | Self::Update { .. }
            | Self::SetRows { .. }
            | Self::RowsBefore { .. }
            | Self::RowsToLink { .. }
            | Self::LinkRow { .. }
            | Self::LinkCompany { .. }
            | Self::DealContact { .. }
            | Self::FixSum { .. } => true,
        }
    }
}

/// A command without its key.
#[derive(Debug, Clone)]
pub(in crate::planner) struct PlannedCommand {
    pub(in crate::planner) method: &'static str,
    pub(in crate::planner) params: Value,
    pub(in crate::planner) ask: PendingCommand,
    /// The key, where a later command of the group refers to this one.
    pub(in crate::planner) key: Option<String>,
}

impl PlannedCommand {
    pub(in crate::planner) fn new(
        method: &'static str,
        params: Value,
        ask: PendingCommand,
    ) -> Self {
        Self {
            method,
            params,
            ask,
            key: None,
        }
    }

    /// With a key that later commands of the group refer to.
    pub(in crate::planner) fn keyed(self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self
        }
    }
}

/// What stands for the result of an earlier command of the same call, until the call is packed. No
/// text that anybody wrote looks like it.
pub(in crate::planner) fn result_of(key: &str) -> Value {
    json!({ RESULT_OF: key })
}

const RESULT_OF: &str = "\0result of";

/// Puts the portal's spelling of references in place of what stands for them; each key ends in
/// `mark`.
fn refer(params: &mut Value, mark: &str) {
    match params {
        Value::Object(members) => match members.get(RESULT_OF).and_then(Value::as_str) {
            Some(key) => *params = Value::String(format!("$result[{key}{mark}]")),
            None => members.values_mut().for_each(|inner| refer(inner, mark)),
        },
        Value::Array(elements) => elements.iter_mut().for_each(|inner| refer(inner, mark)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a text of these parameters would pass for a reference to one of the keys.
fn passes_for_one(params: &Value, keys: &[String], mark: &str) -> bool {
    match params {
        Value::String(text) => text
            .strip_prefix("$result[")
            .and_then(|rest| rest.split_once(']')?.0.strip_suffix(mark))
            .is_some_and(|named| keys.iter().any(|key| key == named)),
        Value::Array(elements) => elements
            .iter()
            .any(|inner| passes_for_one(inner, keys, mark)),
        Value::Object(members) => members
            .values()
            .any(|inner| passes_for_one(inner, keys, mark)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Commands that must travel in one call, in this order.
pub(in crate::planner) type AtomicCommands = Vec<PlannedCommand>;

/// Gives out keys and remembers what each command was for.
#[derive(Debug, Default)]
pub(in crate::planner) struct CommandBatcher {
    asked: HashMap<String, PendingCommand>,
    count: u64,
}

impl CommandBatcher {
    /// A key that no other command of the wave has; later ones sort later, for portals that run
    /// commands by key.
    pub(in crate::planner) fn key(&mut self) -> String {
        self.count += 1;
        format!("q{:06}", self.count)
    }

    /// What a command is for, while it waits for its answer.
    pub(in crate::planner) fn asked(&self, key: &str) -> Option<&PendingCommand> {
        self.asked.get(key)
    }

    /// What a command was for; once.
    pub(in crate::planner) fn take(&mut self, key: &str) -> Option<PendingCommand> {
        self.asked.remove(key)
    }

    /// Packs groups into calls, none torn apart. `tail` makes the commands that close a call, from
    /// what it carries; at most `reserve`.
    pub(in crate::planner) fn pack(
        &mut self,
        groups: Vec<AtomicCommands>,
        reserve: usize,
        tail: impl Fn(&[PlannedCommand]) -> Vec<PlannedCommand>,
    ) -> Vec<Call> {
        let room = BATCH_LIMIT - reserve;
        let mut calls = Vec::new();
        let mut filling: Vec<PlannedCommand> = Vec::new();
        let mut close = |steps: Vec<PlannedCommand>, batcher: &mut Self| {
            if !steps.is_empty() {
                let closing = tail(&steps);
                calls.push(batcher.call(steps.into_iter().chain(closing).collect()));
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

    /// Keys are made such that no text of a customer names one of them.
    fn call(&mut self, steps: Vec<PlannedCommand>) -> Call {
        let keys: Vec<String> = steps
            .iter()
            .map(|step| step.key.clone().unwrap_or_else(|| self.key()))
            .collect();
        let mut mark = String::new();
        while steps
            .iter()
            .any(|step| passes_for_one(&step.params, &keys, &mark))
        {
            mark.push('x');
        }
        let mut commands = Vec::with_capacity(steps.len());
        for (key, mut step) in keys.into_iter().zip(steps) {
            let key = key + &mark;
            refer(&mut step.params, &mark);
            self.asked.insert(key.clone(), step.ask);
            commands.push(Command {
                key,
                method: step.method,
                params: step.params,
            });
        }
        Call::from(commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_names_a_key_is_no_reference_to_it() {
        let mut batcher = CommandBatcher::default();
        let key = batcher.key();
        let step = |params| PlannedCommand::new("m", params, PendingCommand::Presets);
        let written = format!("$result[{key}]");
        let group = vec![
            step(json!({})).keyed(&key),
            step(json!({"id": result_of(&key), "rows": [{"NAME": written}]})),
        ];
        let call = batcher.pack(vec![group], 0, |_| Vec::new()).remove(0);
        let [made, leans] = &call.commands[..] else {
            panic!("{call:?}")
        };
        assert_eq!(leans.params["id"], format!("$result[{}]", made.key));
        assert_eq!(leans.params["rows"][0]["NAME"], written);
        assert_ne!(leans.params["id"], written);
        assert!(batcher.take(&made.key).is_some() && batcher.take(&leans.key).is_some());
    }
}
