//! Making deals and leads, and keeping those that are there in step: one group of commands an order.

use super::{names, stage_of};
use crate::{
    domain::Code,
    planner::{
        Outcome, State, Target, Wave,
        ask::{Ask, Group, Step, result_of},
        import::Import,
        value::made_id,
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
                state.end(Outcome::Again {
                    code: Code::InDoubt,
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
            if group.is_empty() {
                self.nothing_to_write(job);
            } else {
                self.waiting.push(group);
            }
        }
    }

    /// Takes over what the customer round found. A customer that was wanted and is not there has put its jobs off already.
    pub(in crate::planner) fn adopt_customer(&mut self, job: usize) {
        let state = &mut self.jobs[job];
        if let Some(contact) = state.customer.and_then(|at| self.customers[at].contact) {
            state.known.contact_id = Some(contact);
        }
        if let Some(company) = state.firm.and_then(|at| self.firms[at].company) {
            state.known.company_id = Some(company);
        }
        let waits = state.needs_customer()
            && (state.customer.is_some() && state.known.contact_id.is_none()
                || state.firm.is_some() && state.known.company_id.is_none());
        if waits {
            state.end(Outcome::Again {
                code: Code::InDoubt,
            });
        }
    }

    fn new_group(&mut self, job: usize) -> Group {
        let key = self.desk.key();
        let lead = self.jobs[job].is_lead();
        let fields = if lead {
            self.jobs[job].lead_fields()
        } else {
            self.jobs[job].deal_fields()
        };
        let params = json!({ "fields": fields });
        let mut group = vec![Step::new(names(lead).add, params, Ask::Add { job }).keyed(&key)];
        group.extend(self.after_made(job, &result_of(&key)));
        group
    }

    /// What a new deal or lead still lacks: its rows, and that the contact belongs to the company.
    fn after_made(&self, job: usize, target: &Value) -> Group {
        let state = &self.jobs[job];
        let desired = state.desired.as_ref();
        let rows = desired.map(|desired| desired.rows.rows.clone());
        let rows = rows.filter(|rows| !rows.is_empty());
        let mut group: Group = rows
            .map(|rows| set_rows(job, state.is_lead(), target, rows))
            .into_iter()
            .collect();
        group.extend(self.company_link(job));
        group
    }

    /// A contact made in this wave belongs to the company it ordered for.
    fn company_link(&self, job: usize) -> Option<Step> {
        let state = &self.jobs[job];
        let (contact, company) = (state.known.contact_id?, state.known.company_id?);
        let (customer, firm) = (&self.customers[state.customer?], &self.firms[state.firm?]);
        (customer.made || firm.made).then(|| {
            let params = json!({"id": contact, "fields": {"COMPANY_ID": company}});
            Step::new("crm.contact.company.add", params, Ask::LinkCompany { job })
        })
    }

    fn update_group(&mut self, job: usize) -> Group {
        let state = &mut self.jobs[job];
        let lead = state.is_lead();
        if lead && state.converted() {
            state.note("the lead was converted: it is no longer kept in step");
            return Group::new();
        }
        let Some(target) = state.target_id() else {
            return Group::new();
        };
        let fields = state.update_fields();
        let rows = state
            .desired
            .as_ref()
            .filter(|_| state.rows_changed())
            .map(|desired| desired.rows.rows.clone());
        let mut group = Group::new();
        if !fields.is_empty() {
            let params = json!({"id": target, "fields": fields});
            let ask = Ask::Update { job, fields };
            group.push(Step::new(names(lead).update, params, ask));
        }
        group.extend(rows.map(|rows| set_rows(job, lead, &json!(target), rows)));
        group
    }

    fn nothing_to_write(&mut self, job: usize) {
        let state = &self.jobs[job];
        if let (Import::Made, Some(row)) = (state.import, state.row.clone()) {
            self.check(job, &row);
        }
        let state = &mut self.jobs[job];
        state.stage = state
            .row
            .as_ref()
            .filter(|_| !state.is_lead())
            .map(stage_of);
        state.remember(None);
        let wrote = state.wrote;
        state.end(Outcome::Done { wrote });
    }

    pub(in crate::planner) fn target_made(&mut self, job: usize, result: &Value) {
        let state = &mut self.jobs[job];
        if let Some(id) = made_id(result) {
            state.became(Target::new(state.is_lead(), id));
        } else {
            let entity = if state.is_lead() { "lead" } else { "deal" };
            state.no_id(&format!("crm.{entity}.add"), result);
        }
    }

    pub(in crate::planner) fn fields_written(
        &mut self,
        job: usize,
        mut fields: Map<String, Value>,
    ) {
        let state = &mut self.jobs[job];
        state.wrote = true;
        fields.retain(|field, _| field != "STAGE_ID" && field != "STATUS_ID");
        state.remember(Some(fields));
    }

    pub(in crate::planner) fn rows_written(&mut self, job: usize, rows: Vec<Value>) {
        let state = &mut self.jobs[job];
        state.wrote = true;
        if let Some(written) = &mut state.known.written {
            written.rows = rows;
        }
    }
}

fn set_rows(job: usize, lead: bool, target: &Value, rows: Vec<Value>) -> Step {
    let params = json!({"id": target, "rows": rows});
    Step::new(names(lead).set_rows, params, Ask::SetRows { job, rows })
}

impl State {
    /// What a new order became.
    pub(in crate::planner) fn became(&mut self, target: Target) {
        self.known.target = Some(target);
        self.made = true;
        self.wrote = true;
        let kept = self.desired.as_ref().map(|desired| desired.kept.clone());
        self.remember(kept);
    }
}
