//! Deals and leads: found by origin, made with their rows, kept in step, read back.

use super::{
    Outcome, Target, Written,
    ask::{Ask, Group, Step},
    customers::{PAGE, made_id},
    import::Import,
    value::{decimal, id, is_empty, rows, same, text, words},
    wave::{State, Wave, want_stage},
};
use crate::domain::{Code, Stage};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The names that differ between deals and leads.
struct Names {
    add: &'static str,
    update: &'static str,
    list: &'static str,
    set_rows: &'static str,
    stage: &'static str,
}

const DEAL: Names = Names {
    add: "crm.deal.add",
    update: "crm.deal.update",
    list: "crm.deal.list",
    set_rows: "crm.deal.productrows.set",
    stage: "STAGE_ID",
};

const LEAD: Names = Names {
    add: "crm.lead.add",
    update: "crm.lead.update",
    list: "crm.lead.list",
    set_rows: "crm.lead.productrows.set",
    stage: "STATUS_ID",
};

fn names(lead: bool) -> &'static Names {
    if lead { &LEAD } else { &DEAL }
}

impl State {
    /// Whether the order still has to be made in the portal.
    pub(super) fn is_new(&self) -> bool {
        self.known.target.is_none() && self.snapshot().is_some()
    }

    /// Whether a contact and a company are needed: a deal that is there keeps its own.
    pub(super) fn needs_customer(&self) -> bool {
        self.is_new() && !self.is_lead()
    }

    /// Whether the portal was told all of the customer's phones and e-mails before.
    pub(super) fn customer_told(&self) -> bool {
        let told = self
            .known
            .written
            .as_ref()
            .map(|written| written.contacts.as_slice())
            .unwrap_or_default();
        self.communications().iter().all(|one| told.contains(one))
    }

    fn communications(&self) -> Vec<String> {
        let customer = self
            .snapshot()
            .and_then(|snapshot| snapshot.customer.as_ref());
        customer
            .map(|customer| {
                customer
                    .phones
                    .iter()
                    .map(ToString::to_string)
                    .chain(customer.emails.iter().cloned())
                    .collect()
            })
            .unwrap_or_default()
    }

    fn target_id(&self) -> Option<u64> {
        match self.known.target {
            Some(Target::Deal(id) | Target::Lead(id)) => Some(id),
            None => None,
        }
    }

    /// Fields that differ from what was last written; if that is not known, from what the portal holds.
    fn changed(&self) -> Map<String, Value> {
        let Some(desired) = &self.desired else {
            return Map::new();
        };
        let held = |field: &str| match &self.known.written {
            Some(written) => written.fields.get(field),
            None => self.row.as_ref().and_then(|row| row.get(field)),
        };
        desired
            .kept
            .iter()
            .filter(|(field, value)| {
                !same(value, held(field)) && (held(field).is_some() || *value != "")
            })
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect()
    }

    fn rows_changed(&self) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        self.known
            .written
            .as_ref()
            .is_none_or(|written| written.rows != desired.rows.rows)
    }

    /// The stage to write to a deal that is there: only where the shop deleted the order. What a changed status means for a deal that
    /// people move, too, is a decision and not the planner's.
    fn stage_to_write(&self) -> Option<Stage> {
        self.wanted.clone().filter(|_| self.snapshot().is_none())
    }
}

/// Whether the portal was told everything before: then nothing is asked.
pub(super) fn nothing_changed(state: &State) -> bool {
    if state.known.written.is_none() || state.snapshot().is_none() {
        return false;
    }
    state.known.target.is_some()
        && state.changed().is_empty()
        && !state.rows_changed()
        && state.customer_told()
}

/// A deal's stage with its funnel.
pub(super) fn stage_of(row: &Map<String, Value>) -> Stage {
    let id = text(row.get("STAGE_ID"));
    let by_prefix = id
        .strip_prefix('C')
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(funnel, _)| funnel.parse().ok());
    let funnel = text(row.get("CATEGORY_ID"))
        .parse()
        .ok()
        .or(by_prefix)
        .unwrap_or(0);
    Stage { funnel, id }
}

fn select(lead: bool, states: &[&State]) -> Vec<String> {
    let stage: &[&str] = if lead {
        &["STATUS_ID"]
    } else {
        &["STAGE_ID", "CATEGORY_ID"]
    };
    let fixed = [
        "ID",
        "ORIGINATOR_ID",
        "ORIGIN_ID",
        "TITLE",
        "CURRENCY_ID",
        "OPPORTUNITY",
        "IS_MANUAL_OPPORTUNITY",
        "COMMENTS",
        "CONTACT_ID",
        "COMPANY_ID",
    ];
    let mut fields: Vec<String> = fixed.iter().chain(stage).map(ToString::to_string).collect();
    let kept: BTreeSet<&String> = states
        .iter()
        .filter_map(|state| state.desired.as_ref())
        .flat_map(|desired| desired.kept.keys())
        .collect();
    fields.extend(
        kept.into_iter()
            .filter(|field| !fixed.contains(&field.as_str()))
            .cloned(),
    );
    fields
}

/// What one read-back command can cover together: new ones of a shop by origin, old ones by id; deals and leads apart.
pub(super) fn read_back_kind(state: &State) -> (bool, Option<String>) {
    let origin = state.is_new().then(|| state.job.rules.shop.to_string());
    (state.is_lead(), origin)
}

/// The commands that read back what a call writes.
pub(super) fn read_back(states: &[State], steps: &[Step], most: usize) -> Vec<Step> {
    let mut kinds: BTreeMap<(bool, Option<String>), BTreeSet<usize>> = BTreeMap::new();
    for step in steps {
        if let Ask::Add { job } | Ask::Update { job, .. } | Ask::SetRows { job, .. } = step.ask {
            kinds
                .entry(read_back_kind(&states[job]))
                .or_default()
                .insert(job);
        }
    }
    let read = |((lead, origin), jobs): ((bool, Option<String>), BTreeSet<usize>)| {
        let jobs: Vec<usize> = jobs.into_iter().collect();
        let covered: Vec<&State> = jobs.iter().map(|job| &states[*job]).collect();
        let filter = match &origin {
            Some(shop) => {
                let numbers: Vec<&str> = covered
                    .iter()
                    .map(|state| state.job.number.as_str())
                    .collect();
                json!({"ORIGINATOR_ID": shop, "@ORIGIN_ID": numbers})
            }
            None => {
                json!({"@ID": covered.iter().filter_map(|state| state.target_id()).collect::<Vec<_>>()})
            }
        };
        let params = json!({"filter": filter, "select": select(lead, &covered), "order": {"ID": "ASC"}, "start": -1});
        Step::new(names(lead).list, params, Ask::ReadBack { jobs })
    };
    kinds.into_iter().take(most).map(read).collect()
}

/// The method and the parameters that look orders of one shop up by their origin.
pub(super) fn origin_look_up(covered: &[&State]) -> (&'static str, Value) {
    let numbers: Vec<&str> = covered
        .iter()
        .map(|state| state.job.number.as_str())
        .collect();
    let shop = covered.first().map(|state| state.job.rules.shop.as_str());
    let filter = json!({"ORIGINATOR_ID": shop, "@ORIGIN_ID": numbers});
    let params = json!({"filter": filter, "select": select(false, covered), "order": {"ID": "ASC"}, "start": -1});
    (DEAL.list, params)
}

impl Wave {
    /// What is there already, and who ordered.
    pub(super) fn ask_lookups(&mut self) {
        let mut by_shop: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
        let mut funnels = BTreeSet::new();
        for (job, state) in self
            .jobs
            .iter()
            .enumerate()
            .filter(|(_, state)| state.open())
        {
            let shop = state.job.rules.shop.to_string();
            let target = state.known.target;
            if !matches!(target, Some(Target::Lead(_))) {
                by_shop.entry((false, shop.clone())).or_default().push(job);
            }
            if state.lead.is_some() && target.is_none() || matches!(target, Some(Target::Lead(_))) {
                by_shop.entry((true, shop)).or_default().push(job);
            }
            if let Some(wanted) = &state.wanted
                && !self
                    .facts
                    .stages
                    .get(&wanted.funnel)
                    .is_some_and(|known| known.contains(&wanted.id))
            {
                funnels.insert(wanted.funnel);
            }
        }
        for ((lead, shop), jobs) in by_shop {
            for jobs in jobs.chunks(PAGE) {
                self.ask_targets(lead, &shop, jobs, None, Vec::new());
            }
        }
        for funnel in funnels {
            self.ask_stages(funnel, BTreeSet::new());
        }
        self.ask_who();
    }

    /// One page of what carries the orders' origin; a full page is followed by the next.
    fn ask_targets(
        &mut self,
        lead: bool,
        shop: &str,
        jobs: &[usize],
        after: Option<u64>,
        so_far: Vec<Map<String, Value>>,
    ) {
        let covered: Vec<&State> = jobs.iter().map(|job| &self.jobs[*job]).collect();
        let numbers: Vec<&str> = covered
            .iter()
            .map(|state| state.job.number.as_str())
            .collect();
        let mut filter = json!({"ORIGINATOR_ID": shop, "@ORIGIN_ID": numbers});
        if let Some(after) = after {
            filter[">ID"] = json!(after);
        }
        let params = json!({"filter": filter, "select": select(lead, &covered), "order": {"ID": "ASC"}, "start": -1});
        self.ask(
            names(lead).list,
            params,
            Ask::Targets {
                lead,
                jobs: jobs.to_vec(),
                so_far,
            },
        );
    }

    /// One page of a funnel's stages; a full page is followed by the next.
    fn ask_stages(&mut self, funnel: u32, so_far: BTreeSet<String>) {
        let entity = match funnel {
            0 => "DEAL_STAGE".to_owned(),
            funnel => format!("DEAL_STAGE_{funnel}"),
        };
        let params = json!({"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}, "start": so_far.len()});
        self.ask("crm.status.list", params, Ask::Stages { funnel, so_far });
    }

    pub(super) fn take_stages(&mut self, funnel: u32, so_far: BTreeSet<String>, result: &Value) {
        let page = rows(result);
        let before = so_far.len();
        let mut stages = so_far;
        stages.extend(page.iter().map(|row| text(row.get("STATUS_ID"))));
        // A portal that shows the same page again is not followed for ever.
        if page.len() >= PAGE && stages.len() >= before + PAGE {
            self.ask_stages(funnel, stages);
            return;
        }
        self.funnels_read.insert(funnel);
        if stages.is_empty() {
            self.facts.stages.remove(&funnel);
        } else {
            self.facts.stages.insert(funnel, stages);
        }
    }

    pub(super) fn take_targets(
        &mut self,
        lead: bool,
        jobs: &[usize],
        so_far: Vec<Map<String, Value>>,
        result: &Value,
    ) {
        let page = rows(result);
        let last = page.iter().filter_map(|row| id(row.get("ID")?)).max();
        let full = page.len() >= PAGE;
        let mut rows = so_far;
        rows.extend(page);
        if let (true, Some(last)) = (full, last) {
            let shop = self.jobs[jobs[0]].job.rules.shop.to_string();
            self.ask_targets(lead, &shop, jobs, Some(last), rows);
            return;
        }
        for job in jobs {
            let state = &mut self.jobs[*job];
            let mine =
                |row: &&Map<String, Value>| text(row.get("ORIGIN_ID")) == state.job.number.as_str();
            let found: Vec<(u64, &Map<String, Value>)> = rows
                .iter()
                .filter(mine)
                .filter_map(|row| Some((id(row.get("ID")?)?, row)))
                .collect();
            let linked = state.target_id();
            let chosen = found
                .iter()
                .find(|(id, _)| Some(*id) == linked)
                .or_else(|| {
                    found
                        .iter()
                        .min_by_key(|(id, _)| *id)
                        .filter(|_| linked.is_none())
                })
                .map(|(id, row)| (*id, (*row).clone()));
            if found.len() > 1 {
                let ids: Vec<String> = found.iter().map(|(id, _)| id.to_string()).collect();
                state.note(format!(
                    "the portal holds this order {} times ({}): the oldest known is kept",
                    found.len(),
                    ids.join(", ")
                ));
            }
            if let Some((id, row)) = chosen {
                // A deal found by its origin counts, whatever the rules would make of the order now.
                if state.known.target.is_none() {
                    state.known.target = Some(if lead {
                        Target::Lead(id)
                    } else {
                        Target::Deal(id)
                    });
                    if !lead && state.lead.take().is_some() {
                        want_stage(state);
                    }
                }
                state.row = Some(row);
            }
        }
    }

    pub(super) fn take_targets_by_id(&mut self, jobs: &[usize], result: &Value) {
        let rows = rows(result);
        for job in jobs {
            let state = &mut self.jobs[*job];
            let linked = state.target_id();
            state.row = rows
                .iter()
                .find(|row| row.get("ID").and_then(id) == linked)
                .cloned();
        }
    }

    /// Follows what the lookups left open. Whether anything was asked.
    pub(super) fn ask_further(&mut self) -> bool {
        let mut lost: BTreeMap<bool, Vec<usize>> = BTreeMap::new();
        for (job, state) in self.jobs.iter_mut().enumerate() {
            if state.open()
                && state.row.is_none()
                && state.known.target.is_some()
                && !state.asked_by_id
            {
                state.asked_by_id = true;
                lost.entry(state.is_lead()).or_default().push(job);
            }
        }
        for (lead, jobs) in lost {
            for jobs in jobs.chunks(PAGE) {
                let covered: Vec<&State> = jobs.iter().map(|job| &self.jobs[*job]).collect();
                let ids: Vec<u64> = covered
                    .iter()
                    .filter_map(|state| state.target_id())
                    .collect();
                let params = json!({
                    "filter": {"@ID": ids}, "select": select(lead, &covered), "order": {"ID": "ASC"}, "start": -1,
                });
                self.ask(
                    names(lead).list,
                    params,
                    Ask::TargetsById {
                        lead,
                        jobs: jobs.to_vec(),
                    },
                );
            }
        }
        self.ask_who_further();
        !self.waiting.is_empty()
    }

    /// What the lookups alone decide.
    pub(super) fn judge_lookups(&mut self) {
        for state in &mut self.jobs {
            if !state.open() {
                continue;
            }
            if state.known.target.is_some() && state.row.is_none() {
                match (&state.job.intent, state.job.recreate) {
                    (super::Intent::Delete, _) => state.end(Outcome::Done { wrote: false }),
                    (super::Intent::Save(_), true) => {
                        state.note("the deal is gone: a new one is made, as an operator asked");
                        state.known.target = None;
                        state.known.written = None;
                    }
                    (super::Intent::Save(_), false) => state.end(Outcome::Hopeless {
                        code: Code::DealGone,
                        message: format!("the portal shows no {}", described(state.known.target)),
                    }),
                }
            }
            if state.known.target.is_none() && state.snapshot().is_none() {
                state.end(Outcome::Done { wrote: false });
            }
            if let Some(wanted) = &state.wanted
                && let Some(known) = self.facts.stages.get(&wanted.funnel)
                && !known.contains(&wanted.id)
            {
                let message = format!(
                    "the portal has no stage {wanted:?} in funnel {}",
                    wanted.funnel,
                    wanted = wanted.id
                );
                state.end(Outcome::Hopeless {
                    code: Code::StageUnknown,
                    message,
                });
            }
        }
    }

    /// Puts every write in waiting: one group an order.
    pub(super) fn ask_writes(&mut self) {
        for job in 0..self.jobs.len() {
            if !self.jobs[job].open() {
                continue;
            }
            self.adopt_customer(job);
            if !self.jobs[job].open() {
                continue;
            }
            let state = &mut self.jobs[job];
            if state.import_open() {
                state.end(Outcome::Again {
                    code: Code::InDoubt,
                });
                continue;
            }
            let group = if state.import == Import::Made {
                self.imported_group(job)
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
    pub(super) fn adopt_customer(&mut self, job: usize) {
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
        let names = names(lead);
        let Some(desired) = self.jobs[job].desired.clone() else {
            return Group::new();
        };
        let fields = if lead {
            self.lead_fields(job)
        } else {
            self.deal_fields(job)
        };
        let mut add = Step::new(names.add, json!({"fields": fields}), Ask::Add { job });
        add.key = Some(key.clone());
        let mut group = vec![add];
        if !desired.rows.rows.is_empty() {
            let params = json!({"id": format!("$result[{key}]"), "rows": desired.rows.rows});
            group.push(Step::new(
                names.set_rows,
                params,
                Ask::SetRows {
                    job,
                    rows: desired.rows.rows,
                },
            ));
        }
        group.extend(self.company_link(job));
        group
    }

    /// What a new lead or deal is made with, but for its stage and its customer.
    fn new_fields(&self, job: usize) -> Map<String, Value> {
        let Some(desired) = &self.jobs[job].desired else {
            return Map::new();
        };
        let mut fields = desired.once.clone();
        fields.extend(desired.kept.clone());
        fields.retain(|_, value| value != "");
        fields
    }

    fn lead_fields(&self, job: usize) -> Map<String, Value> {
        let mut fields = self.new_fields(job);
        lead_customer(&self.jobs[job], &mut fields);
        fields
    }

    pub(super) fn deal_fields(&mut self, job: usize) -> Map<String, Value> {
        let mut fields = self.new_fields(job);
        let state = &mut self.jobs[job];
        let wanted = state.wanted.as_ref();
        let funnel = wanted.map_or(state.job.rules.funnel, |stage| stage.funnel);
        fields.insert("CATEGORY_ID".to_owned(), json!(funnel));
        if let Some(wanted) = wanted {
            fields.insert(DEAL.stage.to_owned(), json!(wanted.id));
            state.stage_written = true;
        }
        if let Some(contact) = state.known.contact_id {
            fields.insert("CONTACT_ID".to_owned(), json!(contact));
            fields.insert("CONTACT_IDS".to_owned(), json!([contact]));
        }
        if let Some(company) = state.known.company_id {
            fields.insert("COMPANY_ID".to_owned(), json!(company));
        }
        fields
    }

    /// A contact made in this wave belongs to the company it ordered for.
    pub(super) fn company_link(&self, job: usize) -> Option<Step> {
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
        let names = names(lead);
        if lead
            && state
                .row
                .as_ref()
                .is_some_and(|row| text(row.get("STATUS_ID")) == "CONVERTED")
        {
            state.note("the lead was converted: it is no longer kept in step");
            return Group::new();
        }
        let Some(target) = state.target_id() else {
            return Group::new();
        };
        let mut fields = state.changed();
        spare_comments(state, &mut fields);
        if fields.contains_key("OPPORTUNITY")
            || fields.contains_key("IS_MANUAL_OPPORTUNITY")
            || state.rows_changed()
        {
            // A sum means nothing without saying whether the rows or the hand made it.
            for field in ["OPPORTUNITY", "IS_MANUAL_OPPORTUNITY"] {
                if let Some(value) = state
                    .desired
                    .as_ref()
                    .and_then(|desired| desired.kept.get(field))
                {
                    fields.insert(field.to_owned(), value.clone());
                }
            }
        }
        if let Some(stage) = state.stage_to_write() {
            let funnel = state.row.as_ref().map(|row| stage_of(row).funnel);
            if funnel.is_none_or(|funnel| funnel == stage.funnel) {
                fields.insert(names.stage.to_owned(), json!(stage.id));
                state.stage_written = true;
            } else {
                state.note(format!(
                    "the deal was moved to funnel {}: its stage was left alone",
                    funnel.unwrap_or_default()
                ));
            }
        }
        let rows = state
            .desired
            .as_ref()
            .filter(|_| state.rows_changed())
            .map(|desired| desired.rows.rows.clone());
        let mut group = Group::new();
        if !fields.is_empty() {
            let params = json!({"id": target, "fields": fields});
            group.push(Step::new(names.update, params, Ask::Update { job, fields }));
        }
        if let Some(rows) = rows {
            let params = json!({"id": target, "rows": rows});
            group.push(Step::new(
                names.set_rows,
                params,
                Ask::SetRows { job, rows },
            ));
        }
        group
    }

    fn nothing_to_write(&mut self, job: usize) {
        let known = self.stage_is_known(job);
        let state = &mut self.jobs[job];
        if let (Import::Made, Some(row)) = (state.import, state.row.clone()) {
            check(state, &row, known);
        }
        state.stage = state
            .row
            .as_ref()
            .filter(|_| !state.is_lead())
            .map(stage_of);
        remember(state, None);
        let wrote = state.wrote;
        state.end(Outcome::Done { wrote });
    }

    pub(super) fn target_made(&mut self, job: usize, result: &Value) {
        let Some(id) = made_id(result) else {
            self.protocol_of(job, "the portal's answer to a creation holds no id", result);
            return;
        };
        let target = if self.jobs[job].is_lead() {
            Target::Lead(id)
        } else {
            Target::Deal(id)
        };
        self.target_is(job, target);
    }

    /// What a new order became.
    pub(super) fn target_is(&mut self, job: usize, target: Target) {
        let state = &mut self.jobs[job];
        state.known.target = Some(target);
        state.made = true;
        state.wrote = true;
        let kept = state.desired.as_ref().map(|desired| desired.kept.clone());
        remember(state, kept);
    }

    pub(super) fn fields_written(&mut self, job: usize, mut fields: Map<String, Value>) {
        let state = &mut self.jobs[job];
        state.wrote = true;
        fields.retain(|field, _| field != "STAGE_ID" && field != "STATUS_ID");
        remember(state, Some(fields));
    }

    pub(super) fn rows_written(&mut self, job: usize, rows: Vec<Value>) {
        let state = &mut self.jobs[job];
        state.wrote = true;
        if let Some(written) = &mut state.known.written {
            written.rows = rows;
        }
    }

    /// Compares what the portal holds with what was sent: it drops what it does not like without a word.
    pub(super) fn check_written(&mut self, jobs: &[usize], result: &Value) {
        let rows = rows(result);
        for job in jobs {
            let known = self.stage_is_known(*job);
            let state = &mut self.jobs[*job];
            if !state.open() || state.known.target.is_none() {
                continue;
            }
            let target = state.target_id();
            match rows.iter().find(|row| row.get("ID").and_then(id) == target) {
                Some(row) => check(state, row, known),
                None => state.note(
                    "what was written did not appear in the list at once and was not checked",
                ),
            }
        }
    }

    /// Whether the portal listed the stages of the funnel that is written to.
    fn stage_is_known(&self, job: usize) -> bool {
        let wanted = self.jobs[job].wanted.as_ref();
        wanted.is_some_and(|stage| self.facts.stages.contains_key(&stage.funnel))
    }

    /// Sets sums by hand where the portal's arithmetic came to another result.
    pub(super) fn ask_fixes(&mut self) {
        for job in 0..self.jobs.len() {
            let state = &self.jobs[job];
            let (true, true, Some(target), Some(desired)) =
                (state.open(), state.fix, state.target_id(), &state.desired)
            else {
                continue;
            };
            let fields: Map<String, Value> = [
                (
                    "OPPORTUNITY".to_owned(),
                    desired.kept["OPPORTUNITY"].clone(),
                ),
                ("IS_MANUAL_OPPORTUNITY".to_owned(), json!("Y")),
            ]
            .into_iter()
            .collect();
            let method = names(state.is_lead()).update;
            let params = json!({"id": target, "fields": fields});
            self.ask(method, params, Ask::FixSum { job });
        }
    }

    pub(super) fn protocol(
        &mut self,
        concerns: impl Fn(&State) -> bool,
        method: &str,
        result: &Value,
    ) {
        for job in 0..self.jobs.len() {
            if concerns(&self.jobs[job]) {
                self.protocol_of(
                    job,
                    &format!("the portal's answer to {method} holds no id"),
                    result,
                );
            }
        }
    }

    fn protocol_of(&mut self, job: usize, what: &str, result: &Value) {
        let shown: String = result.to_string().chars().take(200).collect();
        self.jobs[job].end(Outcome::Refused {
            code: Code::Protocol,
            message: format!("{what}: {shown}"),
        });
    }
}

/// A lead carries its customer itself.
fn lead_customer(state: &State, fields: &mut Map<String, Value>) {
    if let Some(rule) = &state.lead {
        fields.insert("STATUS_ID".to_owned(), json!(rule.status));
    }
    let Some(customer) = state
        .snapshot()
        .and_then(|snapshot| snapshot.customer.as_ref())
    else {
        return;
    };
    for (field, value) in [
        ("NAME", &customer.name),
        ("LAST_NAME", &customer.last_name),
        ("SECOND_NAME", &customer.second_name),
        (
            "COMPANY_TITLE",
            &customer
                .company
                .as_ref()
                .and_then(|company| company.title.clone()),
        ),
    ] {
        if let Some(value) = value {
            fields.insert(field.to_owned(), json!(value));
        }
    }
    let values = |texts: Vec<&str>, kind: &str| -> Value {
        texts
            .into_iter()
            .map(|text| json!({"VALUE": text, "VALUE_TYPE": kind}))
            .collect()
    };
    if !customer.phones.is_empty() {
        fields.insert(
            "PHONE".to_owned(),
            values(
                customer
                    .phones
                    .iter()
                    .map(crate::domain::Phone::as_str)
                    .collect(),
                "MOBILE",
            ),
        );
    }
    if !customer.emails.is_empty() {
        fields.insert(
            "EMAIL".to_owned(),
            values(customer.emails.iter().map(String::as_str).collect(), "HOME"),
        );
    }
}

/// A comment that a manager changed stays: what stands there must still be what was last written.
fn spare_comments(state: &mut State, fields: &mut Map<String, Value>) {
    let Some(written) = &state.known.written else {
        return;
    };
    if !fields.contains_key("COMMENTS") {
        return;
    }
    let ours = words(&text(written.fields.get("COMMENTS")));
    let theirs = words(&text(
        state.row.as_ref().and_then(|row| row.get("COMMENTS")),
    ));
    if ours != theirs {
        fields.remove("COMMENTS");
        state.note("the comment was changed in the portal: the shop's new one was not put over it");
    }
}

/// Keeps what was written, for the next comparison.
fn remember(state: &mut State, fields: Option<Map<String, Value>>) {
    let contacts = state.communications();
    let desired = state.desired.as_ref();
    let written = state.known.written.get_or_insert_with(|| Written {
        // What was compared with the portal's own values and found the same counts as written.
        fields: desired
            .map(|desired| desired.kept.clone())
            .unwrap_or_default(),
        ..Written::default()
    });
    written.fields.extend(fields.unwrap_or_default());
    written.contacts = contacts;
}

/// `stages_known`: the portal listed its stages, and the wanted one is among them; then another stage is somebody's move and no fault.
fn check(state: &mut State, row: &Map<String, Value>, stages_known: bool) {
    if !state.is_lead() {
        let stands = stage_of(row);
        match state.wanted.clone().filter(|wanted| state.stage_written && *wanted != stands) {
            Some(wanted) if stages_known => state.note(format!(
                "written to the stage {wanted}, the deal stood in {stands} at once: somebody or a robot moved it"
            )),
            Some(wanted) => state.end(Outcome::Hopeless {
                code: Code::StageUnknown,
                message: format!("written to the stage {wanted}, the deal stands in {stands}"),
            }),
            None => {}
        }
        state.stage = Some(stands);
    }
    let Some(desired) = state.desired.clone() else {
        return;
    };
    if let (Some(total), Some(theirs)) = (
        decimal(desired.kept.get("OPPORTUNITY")),
        decimal(row.get("OPPORTUNITY")),
    ) && total != theirs
    {
        state.fix = true;
        state.note(format!(
            "the portal made the sum {theirs} of the rows: it was set to {total} by hand"
        ));
    }
    if !same(&desired.kept["CURRENCY_ID"], row.get("CURRENCY_ID")) {
        let message = format!(
            "the currency is {} instead of {}",
            text(row.get("CURRENCY_ID")),
            text(desired.kept.get("CURRENCY_ID"))
        );
        state.end(Outcome::Refused {
            code: Code::NotTaken,
            message,
        });
    }
    let emptied: Vec<&str> = desired
        .kept
        .iter()
        .filter(|(field, ours)| {
            field.starts_with("UF_") && !is_empty(ours) && row.get(*field).is_some_and(is_empty)
        })
        .map(|(field, _)| field.as_str())
        .collect();
    if !emptied.is_empty() {
        state.note(format!(
            "the portal left {} empty: a field of that type does not take the shop's value",
            emptied.join(", ")
        ));
    }
    let dropped: Vec<&str> = desired
        .kept
        .keys()
        .filter(|field| field.starts_with("UF_") && !row.contains_key(*field))
        .map(String::as_str)
        .collect();
    if !dropped.is_empty() {
        let message = format!("the portal has no user field {}", dropped.join(", "));
        state.end(Outcome::Hopeless {
            code: Code::Field,
            message,
        });
    }
}

fn described(target: Option<Target>) -> String {
    match target {
        Some(Target::Deal(id)) => format!("deal {id}"),
        Some(Target::Lead(id)) => format!("lead {id}"),
        None => "deal".to_owned(),
    }
}
