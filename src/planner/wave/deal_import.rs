//! New deals that are imported, twenty to a command: the portal starts none of its automation for
//! them.
//!
//! An import tells of each deal by itself, by its place in the list. Since a wrong place would put
//! one order's rows into another's deal, the call that imports also looks the deals up by their
//! origin, and that counts. Where the portal refuses a whole command, nobody knows whose fault it
//! was, nor what it made before: what the look-up does not find is imported once more, each deal in
//! a command of its own.
//!
//! An import takes no product rows: they follow in the next call, with the deals' ids.

use super::{
    batching::{AtomicCommands, PendingCommand, PlannedCommand},
    responses::classify,
};
use crate::{
    domain::ErrorCode,
    planner::{
        CrmEntity, Outcome, State, Wave,
        entities::by_origin,
        indexes::JobIx,
        json::{made_id, rows, text},
        list_query::{PAGE, further, row_id, with_origin},
    },
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most deals that one command imports (vendor limit).
const MOST_AT_ONCE: usize = 20;
/// The number of deals among the portal's kinds of objects.
const DEALS: u32 = 2;

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::planner) enum Import {
    /// Not asked for, or not yet.
    #[default]
    Not,
    /// Sent; what became of it is not known.
    Asked,
    /// The portal refused the command that carried it and others, and it is not there: to be sent
    /// alone.
    Alone,
    /// The portal has it.
    Made,
}

impl State {
    /// Whether the order is to become a deal by import.
    fn imports(&self) -> bool {
        self.job.import && self.is_new() && !self.is_lead()
    }

    /// Whether it was sent as an import and is not known to be there: then nothing else may make
    /// it.
    pub(in crate::planner) fn import_open(&self) -> bool {
        self.import != Import::Not && self.is_new()
    }
}

impl Wave {
    /// Puts the imports in waiting.
    pub(in crate::planner) fn ask_imports(&mut self) {
        let mut by_shop: BTreeMap<String, Vec<JobIx>> = BTreeMap::new();
        for job in self.jobs_where(State::imports) {
            self.adopt_customer(job);
            if self.jobs[job].open() {
                let shop = self.jobs[job].job.rules.shop.to_string();
                by_shop.entry(shop).or_default().push(job);
            }
        }
        for jobs in by_shop.into_values() {
            for jobs in jobs.chunks(PAGE) {
                self.import(jobs, MOST_AT_ONCE);
            }
        }
    }

    /// Sends again, alone, what was refused together with others and is not there.
    pub(in crate::planner) fn ask_imports_alone(&mut self) {
        let alone = |state: &State| state.import == Import::Alone && state.is_new();
        for job in self.jobs_where(alone) {
            self.import(&[job], 1);
        }
    }

    /// Deals of one shop, and the look-up that tells which is whose: one group.
    fn import(&mut self, jobs: &[JobIx], at_once: usize) {
        let mut group = AtomicCommands::new();
        for jobs in jobs.chunks(at_once) {
            let data: Vec<Value> = jobs
                .iter()
                .map(|job| universal(self.jobs[*job].deal_fields()))
                .collect();
            for job in jobs {
                self.jobs[*job].import = Import::Asked;
            }
            let params = json!({"entityTypeId": DEALS, "data": data, "useOriginalUfNames": "Y"});
            let jobs = jobs.to_vec();
            group.push(PlannedCommand::new(
                "crm.item.batchImport",
                params,
                PendingCommand::Import { jobs },
            ));
        }
        let (method, params) = by_origin(false, &self.states(jobs), None);
        let jobs = jobs.to_vec();
        group.push(PlannedCommand::new(
            method,
            params,
            PendingCommand::Imported {
                jobs,
                so_far: Vec::new(),
            },
        ));
        self.waiting.push(group);
    }

    /// What the portal says of each deal, by its place. One that it says nothing usable of is left
    /// to the look-up.
    pub(in crate::planner) fn take_import(&mut self, jobs: &[JobIx], result: &Value) {
        let items = result.get("items").unwrap_or(result);
        for (at, job) in jobs.iter().enumerate() {
            // PHP makes a map of a list with gaps.
            let item = items.get(at).or_else(|| items.get(at.to_string()));
            let Some(item) = item else { continue };
            if let Some(deal) = item.get("item").and_then(made_id) {
                self.imported(*job, deal);
            } else if let Some(error) = item.get("error") {
                let words = text(item.get("error_description"));
                self.import_refused(*job, &text(Some(error)), &words);
            }
        }
    }

    fn imported(&mut self, job: JobIx, deal: u64) {
        let state = &mut self.jobs[job];
        state.import = Import::Made;
        state.target_created(CrmEntity::Deal(deal));
    }

    /// A whole command was refused. Only where it carried one deal, or where the bridge may import
    /// nothing at all, is it known whose fault that is.
    pub(in crate::planner) fn import_command_refused(
        &mut self,
        jobs: &[JobIx],
        error: &str,
        words: &str,
    ) {
        if jobs.len() == 1 || denied(error) {
            for job in jobs {
                self.import_refused(*job, error, words);
            }
        }
    }

    fn import_refused(&mut self, job: JobIx, error: &str, words: &str) {
        let message = if words.is_empty() { error } else { words }.to_owned();
        let state = &mut self.jobs[job];
        state.import = Import::Not;
        state.end(if denied(error) {
            Outcome::Hopeless {
                code: ErrorCode::ImportRight,
                message,
            }
        } else {
            Outcome::Refused {
                code: classify(&message),
                message,
            }
        });
    }

    /// What stands under the orders' origin after an import. It is judged when all of it was read:
    /// a deal beyond a full page is not a deal that was not made.
    pub(in crate::planner) fn take_imported(
        &mut self,
        jobs: &[JobIx],
        so_far: Vec<Map<String, Value>>,
        result: &Value,
    ) {
        let page = rows(result);
        let before = so_far.iter().filter_map(row_id).max();
        let last = further(&page, before);
        let mut rows = so_far;
        rows.extend(page);
        if last.is_some() {
            let (method, params) = by_origin(false, &self.states(jobs), last);
            let jobs = jobs.to_vec();
            let ask = PendingCommand::Imported { jobs, so_far: rows };
            return self.ask(method, params, ask);
        }
        for job in jobs {
            let state = &self.jobs[*job];
            let found = with_origin(&rows, state.job.number.as_str());
            let told = state.target_id();
            let there = found
                .iter()
                .find(|(deal, _)| Some(*deal) == told)
                .or_else(|| found.iter().min_by_key(|(deal, _)| *deal));
            match there {
                Some((deal, row)) if state.open() => {
                    let (deal, row) = (*deal, (*row).clone());
                    if Some(deal) != told {
                        self.imported(*job, deal);
                    }
                    self.jobs[*job].row = Some(row);
                }
                None if told.is_none() && state.open() => self.not_there(*job, jobs.len() == 1),
                None if rows.iter().any(|row| row_id(row) == told) => {
                    self.not_its_own(*job);
                }
                _ => {}
            }
        }
    }

    fn not_there(&mut self, job: JobIx, alone: bool) {
        if alone {
            let message = "the portal took an import and made no deal of it".to_owned();
            self.jobs[job].end(Outcome::Refused {
                code: ErrorCode::Protocol,
                message,
            });
        } else {
            self.jobs[job].import = Import::Alone;
        }
    }

    /// The deal that the answer named for it is another order's.
    fn not_its_own(&mut self, job: JobIx) {
        let state = &mut self.jobs[job];
        state.known.target = None;
        state.known.written = None;
        state.known.open.making = state.to_make();
        state.end(Outcome::Again {
            code: ErrorCode::InDoubt,
        });
    }
}

/// Whether the portal lets the bridge's user import nothing of this kind.
fn denied(error: &str) -> bool {
    error.eq_ignore_ascii_case("ACCESS_DENIED")
}

/// Classic names as the universal methods spell them; user fields keep theirs.
fn universal(fields: Map<String, Value>) -> Value {
    let rename = |(name, value): (String, Value)| {
        if name.starts_with("UF_") {
            (name, value)
        } else {
            (camel(&name), value)
        }
    };
    Value::Object(fields.into_iter().map(rename).collect())
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_').map(str::to_lowercase);
    let mut camel = parts.next().unwrap_or_default();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_names_become_universal_ones_and_user_fields_stay() {
        let fields = [
            "ORIGIN_ID",
            "IS_MANUAL_OPPORTUNITY",
            "TITLE",
            "UF_CRM_12_A",
            "PARENT_ID_1220",
        ];
        let fields = fields.map(|name| (name.to_owned(), json!(1)));
        let universal = universal(fields.into_iter().collect());
        let names: Vec<&String> = universal.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "UF_CRM_12_A",
                "isManualOpportunity",
                "originId",
                "parentId1220",
                "title"
            ]
        );
    }
}
