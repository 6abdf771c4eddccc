//! Making deals and leads, and keeping those that are there in step: one group of commands an
//! order.

use super::{names, stage_of};
use crate::{
    domain::{ErrorCode, happening::Note},
    planner::{
        CrmEntity, Outcome, State, Wave,
        indexes::JobIx,
        json::{id, made_id},
        wave::{
            batching::{AtomicCommands, PendingCommand, PlannedCommand, result_of},
            deal_import::Import,
            writes_in_flight::{Open, STAGES},
        },
    },
};
use serde_json::{Map, Value, json};

impl Wave {
    /// Puts every write in waiting.
    pub(in crate::planner) fn ask_writes(&mut self) {
        for job in self.jobs_where(|_| true) {
            self.adopt_customer(job);
            let state = &mut self.jobs[job];
            if !state.open() {
                continue;
            }
            if state.import_open() {
                state.known.open.making = state.to_make();
                state.end(Outcome::Again {
                    code: ErrorCode::InDoubt,
                });
                continue;
            }
            let group = if let (Import::Made, Some(deal)) = (state.import, state.target_id()) {
                self.after_made(job, &json!(deal))
            } else if state.is_new() {
                self.new_group(job)
            } else {
                self.update_group(job)
            };
            let seen_later = |step: &PlannedCommand| {
                matches!(
                    step.ask,
                    PendingCommand::Add { .. }
                        | PendingCommand::Update { .. }
                        | PendingCommand::SetRows { .. }
                )
            };
            if !group.iter().any(seen_later) {
                self.nothing_to_write(job);
            }
            if !group.is_empty() {
                self.waiting.push(group);
            }
            self.ask_row_links(job);
        }
    }

    /// A lone new order takes one call, not two: its customer is made, or gets what the card lacks,
    /// in the call that makes its deal. That call halts at the first fault, so that a customer who
    /// is refused leaves no deal behind.
    pub(in crate::planner) fn join_customer_and_deal(&mut self) {
        let [job] = self.jobs_where(|_| true)[..] else {
            return;
        };
        let state = &self.jobs[job];
        if !state.is_new() || state.is_lead() || state.job.import || state.firm.is_some() {
            return;
        }
        let [group] = &mut self.waiting[..] else {
            return;
        };
        let [step] = &mut group[..] else { return };
        let contact = match step.ask {
            PendingCommand::AddContact { .. } => {
                let key = self.batcher.key();
                step.key = Some(key.clone());
                Some(result_of(&key))
            }
            PendingCommand::CompleteContact { .. } => None,
            _ => return,
        };
        if contact.is_none() {
            self.adopt_customer(job);
        }
        if !self.jobs[job].open() {
            return;
        }
        let mut deal = self.new_group(job);
        if let (Some(contact), Some(made)) = (contact, deal.first_mut()) {
            made.params["fields"]["CONTACT_IDS"] = json!([contact.clone()]);
            made.params["fields"]["CONTACT_ID"] = contact;
        }
        if let Some(group) = self.waiting.first_mut() {
            group.extend(deal);
        }
        self.lone = true;
    }

    /// Takes over the customers that were made while their orders' deals are still to be made.
    pub(in crate::planner) fn adopt_customers(&mut self) {
        let found = |state: &State| {
            let customer = state.customer.map(|at| &self.customers[at]);
            state.is_new() && customer.is_some_and(|one| one.contact.is_some())
        };
        for job in self.jobs_where(found) {
            self.adopt_customer(job);
        }
    }

    /// Takes over what the customer round found. A customer that was wanted and is not there has
    /// put its jobs off already.
    pub(in crate::planner) fn adopt_customer(&mut self, job: JobIx) {
        let state = &mut self.jobs[job];
        let customer = state.customer.map(|at| &self.customers[at]);
        let firm = state.firm.map(|at| &self.firms[at]);
        state.take_cards(customer, firm);
        let waits = state.needs_contact()
            && state.customer.is_some()
            && customer.is_some_and(|one| one.contact.is_none())
            || state.needs_company() && firm.is_some_and(|one| one.company.is_none());
        if waits {
            state.end(Outcome::Again {
                code: ErrorCode::InDoubt,
            });
        }
    }

    pub(in crate::planner) fn new_group(&mut self, job: JobIx) -> AtomicCommands {
        let key = self.batcher.key();
        let lead = self.jobs[job].is_lead();
        let fields = if lead {
            self.jobs[job].lead_fields()
        } else {
            self.jobs[job].deal_fields()
        };
        let params = json!({ "fields": fields });
        let mut group = vec![
            PlannedCommand::new(names(lead).add, params, PendingCommand::Add { job }).keyed(&key),
        ];
        group.extend(self.after_made(job, &result_of(&key)));
        group
    }

    /// What a new deal or lead still lacks: its rows, and that the contact belongs to the company.
    fn after_made(&mut self, job: JobIx, target: &Value) -> AtomicCommands {
        let state = &self.jobs[job];
        let desired = state.desired.as_ref();
        let rows = desired.map(|desired| desired.rows.rows.clone());
        let rows = rows.filter(|rows| !rows.is_empty());
        let mut group: AtomicCommands = rows
            .map(|rows| set_rows(job, state.is_lead(), target, rows))
            .into_iter()
            .collect();
        group.extend(self.company_link(job));
        group
    }

    /// A contact belongs to the company that it ordered for, if one of them was made in this wave,
    /// or an earlier link came to nothing.
    fn company_link(&mut self, job: JobIx) -> Option<PlannedCommand> {
        let state = &self.jobs[job];
        let (contact, company) = (state.known.contact_id?, state.known.company_id?);
        let customer = state.customer.map(|at| &self.customers[at]);
        let firm = state.firm.map(|at| &self.firms[at]);
        let made = customer.is_some_and(|customer| customer.made) && firm.is_some()
            || firm.is_some_and(|firm| firm.made) && customer.is_some();
        if !made && !state.known.open.link {
            return None;
        }
        self.jobs[job].known.open.link = true;
        let params = json!({"id": contact, "fields": {"COMPANY_ID": company}});
        Some(PlannedCommand::new(
            "crm.contact.company.add",
            params,
            PendingCommand::LinkCompany { job },
        ))
    }

    fn update_group(&mut self, job: JobIx) -> AtomicCommands {
        let state = &mut self.jobs[job];
        let lead = state.is_lead();
        if lead && state.converted() {
            state.note(Note::LeadLeftAlone);
            state.known.open = Open::default();
            return AtomicCommands::new();
        }
        let Some(target) = state.target_id() else {
            return AtomicCommands::new();
        };
        let held = |field: &str| {
            state
                .row
                .as_ref()
                .and_then(|row| row.get(field))
                .and_then(id)
        };
        let before = held("CONTACT_ID");
        let fields = state.update_fields();
        let changed = state.desired.as_ref().filter(|_| state.rows_changed());
        let rows = changed.map(|desired| desired.rows.rows.clone());
        let told = state.known.written.is_some() && !state.known.open.rows;
        state.confirm_same();
        let spared = std::mem::take(&mut state.spared);
        if !spared.is_empty() {
            let written = state.known.written.get_or_insert_default();
            written.fields.extend(spared);
        }
        let mut group = AtomicCommands::new();
        // A lead takes its contact with its fields; these commands are of deals, whose ids are
        // others.
        let contact = fields.get("CONTACT_ID").and_then(id).filter(|_| !lead);
        group.extend(
            contact.map(|contact| deal_contact(job, target, contact, "crm.deal.contact.add")),
        );
        if !fields.is_empty() {
            let params = json!({"id": target, "fields": fields});
            let ask = PendingCommand::Update { job, fields };
            group.push(PlannedCommand::new(names(lead).update, params, ask));
        }
        // What managers put beside it stays with the deal.
        let gone = before.filter(|before| contact.is_some_and(|contact| contact != *before));
        group.extend(gone.map(|gone| deal_contact(job, target, gone, "crm.deal.contact.delete")));
        if let Some(rows) = rows {
            if told {
                let ask = PendingCommand::RowsBefore { job };
                group.push(PlannedCommand::new(
                    names(lead).rows,
                    json!({"id": target}),
                    ask,
                ));
            }
            group.push(set_rows(job, lead, &json!(target), rows));
        }
        group.extend(self.company_link(job));
        group
    }

    /// What is there is what is wanted, but perhaps for the sum that the portal makes of the rows.
    fn nothing_to_write(&mut self, job: JobIx) {
        let state = &self.jobs[job];
        if let Some(row) = state.row.clone()
            && (state.import == Import::Made || !state.known.open.is_nothing())
        {
            self.check(job, &row);
        }
        let state = &mut self.jobs[job];
        state.stage = state
            .row
            .as_ref()
            .filter(|_| !state.is_lead())
            .map(stage_of);
    }

    pub(in crate::planner) fn target_made(&mut self, job: JobIx, result: &Value) {
        let state = &mut self.jobs[job];
        if let Some(id) = made_id(result) {
            state.target_created(CrmEntity::new(state.is_lead(), id));
        } else {
            let entity = if state.is_lead() { "lead" } else { "deal" };
            state.no_id(&format!("crm.{entity}.add"), result);
        }
    }

    pub(in crate::planner) fn fields_written(
        &mut self,
        job: JobIx,
        mut fields: Map<String, Value>,
    ) {
        fields.retain(|field, _| !STAGES.contains(&field.as_str()));
        self.jobs[job].fields_sent(fields);
    }

    pub(in crate::planner) fn rows_written(&mut self, job: JobIx, rows: Vec<Value>) {
        self.jobs[job].rows_sent(rows);
    }
}

/// A contact of a deal being added beside the others, or taken away.
fn deal_contact(job: JobIx, deal: u64, contact: u64, method: &'static str) -> PlannedCommand {
    let params = json!({"id": deal, "fields": {"CONTACT_ID": contact}});
    PlannedCommand::new(method, params, PendingCommand::DealContact { job })
}

fn set_rows(job: JobIx, lead: bool, target: &Value, rows: Vec<Value>) -> PlannedCommand {
    let params = json!({"id": target, "rows": rows});
    PlannedCommand::new(
        names(lead).set_rows,
        params,
        PendingCommand::SetRows { job, rows },
    )
}
