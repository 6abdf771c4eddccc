//! One order on its way: what is to become of it, and all that was learnt of it.

use super::deal_import::Import;
use crate::{
    domain::{
        Direction, ErrorCode, LeadRule, LegalEntity, OnDeleted, Person, ShopRules, Snapshot, Stage,
        happening::{ContentChanges, Note, Quoted},
    },
    planner::{
        CrmEntity, Intent, Job, KnownLinks, Making, Open, Outcome,
        entities::links::RowLink,
        field_mapping::{DesiredFields, desired, emptied, is_enquiry, lead_rule},
        indexes::{CustomerIx, FirmIx, JobIx, indexed_by},
    },
};
use serde_json::{Map, Value, json};

/// One job with all that was learnt of it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether one independent thing happened"
)]
#[derive(Debug)]
pub(in crate::planner) struct State {
    pub(in crate::planner) job: Job,
    pub(in crate::planner) known: KnownLinks,
    pub(in crate::planner) desired: Option<DesiredFields>,
    /// The stage the status is written as.
    pub(in crate::planner) wanted: Option<Stage>,
    pub(in crate::planner) lead: Option<LeadRule>,
    /// The deal or lead as it was read.
    pub(in crate::planner) row: Option<Map<String, Value>>,
    /// Whether the stage is part of what is being written.
    pub(in crate::planner) stage_written: bool,
    /// Who ordered, as far as the shop's words identify somebody.
    pub(in crate::planner) person: Option<Person>,
    /// The legal entity that ordered.
    pub(in crate::planner) firm_told: Option<LegalEntity>,
    /// Phones and addresses of the customer that identify nobody.
    pub(in crate::planner) aside: Vec<String>,
    /// The person who ordered, among the wave's.
    pub(in crate::planner) customer: Option<CustomerIx>,
    /// Whether another customer of this wave came first under the same customer id of the shop.
    pub(in crate::planner) id_is_anothers: bool,
    /// The legal entity that ordered.
    pub(in crate::planner) firm: Option<FirmIx>,
    /// Cards that a manager put to the deal and that stay, with what would have been written.
    pub(in crate::planner) spared: Map<String, Value>,
    /// Whether the contact found or made is to be linked to the shop's customer id.
    pub(in crate::planner) links_contact: bool,
    /// The same of the company and the taxpayer number.
    pub(in crate::planner) links_company: bool,
    pub(in crate::planner) asked_by_id: bool,
    /// Another deal or lead that carries the order's origin, where the known one does not show.
    pub(in crate::planner) stand_in: Option<Map<String, Value>>,
    pub(in crate::planner) import: Import,
    /// As what the deal or lead was made that this wave made, or found where it was in doubt.
    pub(in crate::planner) making: Option<Making>,
    /// What this wave has sent of the order, whatever became of it.
    pub(in crate::planner) sent: Open,
    /// Rows that are to be linked to the catalogue.
    pub(in crate::planner) row_links: Vec<RowLink>,
    /// Whether this wave wrote anything of the order.
    pub(in crate::planner) wrote: bool,
    /// Whether the portal's sum is to be set by hand.
    pub(in crate::planner) fix: bool,
    /// Whether the sum is a manager's, and stays.
    pub(in crate::planner) spares_sum: bool,
    /// Whether a write of this wave was not answered and may still land.
    pub(in crate::planner) lost: bool,
    /// Whether nothing can be done until what may still land has landed.
    pub(in crate::planner) waits: bool,
    pub(in crate::planner) notes: Vec<Note>,
    /// What is other in the rows than what was last written.
    pub(in crate::planner) other_rows: Option<ContentChanges>,
    /// The stage read back.
    pub(in crate::planner) stage: Option<Stage>,
    /// Whether that is another than the stage written.
    pub(in crate::planner) missed: Missed,
    pub(in crate::planner) outcome: Option<Outcome>,
}

indexed_by!(JobIx => State);

/// Whether a deal stands elsewhere than it was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::planner) enum Missed {
    /// It stands there, or somebody moved it at once.
    No,
    /// It does not, and nobody knows why.
    Unjudged,
    /// It does not: the portal has no such stage.
    NoStage,
}

/// What an order should look like, with what was written of it before and is empty now.
pub(in crate::planner) fn wanted_of(
    snapshot: &Snapshot,
    rules: &ShopRules,
    known: &KnownLinks,
) -> DesiredFields {
    let mut desired = desired(snapshot, rules);
    if let Some(written) = &known.written {
        for field in emptied(&desired.kept, &written.fields, rules) {
            desired.kept.insert(field, json!(""));
        }
    }
    desired
}

impl State {
    /// What can be said of a job before anything is asked.
    pub(in crate::planner) fn begin(job: Job) -> Self {
        let mut state = Self {
            known: job.known.clone(),
            desired: None,
            wanted: None,
            lead: None,
            row: None,
            stage_written: false,
            person: None,
            firm_told: None,
            aside: Vec::new(),
            customer: None,
            id_is_anothers: false,
            firm: None,
            spared: Map::new(),
            links_contact: false,
            links_company: false,
            asked_by_id: false,
            stand_in: None,
            import: Import::Not,
            making: None,
            sent: Open::default(),
            row_links: Vec::new(),
            wrote: false,
            fix: false,
            spares_sum: false,
            lost: false,
            waits: false,
            notes: Vec::new(),
            other_rows: None,
            stage: None,
            missed: Missed::No,
            outcome: None,
            job,
        };
        match &state.job.intent {
            Intent::Delete => match &state.job.rules.on_deleted {
                OnDeleted::Nothing => state.end(Outcome::Done { wrote: false }),
                OnDeleted::Stage(stage) => state.wanted = Some(stage.clone()),
            },
            Intent::Save(snapshot) => {
                state.notes.extend(snapshot.left_out.iter().cloned());
                state.lead = lead_rule(snapshot, &state.job.rules).cloned();
                state.read_customer();
                state.desire();
                state.other_rows = state.rows_are_other();
                if let Some(desired) = &state.desired {
                    state.notes.extend(desired.difference.iter().cloned());
                    state.notes.extend(desired.notes.iter().cloned());
                }
                if !state.is_lead() {
                    state.want_stage();
                }
            }
        }
        state.distrust();
        if state.open() && !state.job.recreate && state.nothing_changed() {
            state.end(Outcome::Done { wrote: false });
        }
        state
    }

    /// Whether it is the submission of a form: it has neither a status nor a sum, and a lead of it
    /// carries the contact that the portal knows.
    pub(in crate::planner) fn is_enquiry(&self) -> bool {
        self.snapshot().is_some_and(is_enquiry)
    }

    /// The stage of the status; a status without a row ends the job.
    pub(in crate::planner) fn want_stage(&mut self) {
        if self.is_enquiry() {
            return;
        }
        let Some(status) = self.snapshot().map(|snapshot| snapshot.status.clone()) else {
            return;
        };
        match self.job.rules.statuses.row(&status) {
            Some(row) if row.direction == Direction::ToShop => {
                self.note(Note::StatusNotWritten {
                    status: Quoted(status),
                });
            }
            Some(row) => self.wanted = Some(row.stage.clone()),
            None => self.end(Outcome::Hopeless {
                code: ErrorCode::Status,
                message: format!(
                    "the status {status:?} is in no row of the status table of the shop {}",
                    self.job.rules.shop
                ),
            }),
        }
    }

    /// The order as the shop told it; `None` if the shop deleted it.
    pub(in crate::planner) fn snapshot(&self) -> Option<&Snapshot> {
        match &self.job.intent {
            Intent::Save(snapshot) => Some(snapshot),
            Intent::Delete => None,
        }
    }

    pub(in crate::planner) fn open(&self) -> bool {
        self.outcome.is_none()
    }

    /// Ends the job, unless it has ended: the first reason counts.
    pub(in crate::planner) fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    pub(in crate::planner) fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Whether it is, or will be, a lead.
    pub(in crate::planner) fn is_lead(&self) -> bool {
        match self.known.target {
            Some(CrmEntity::Lead(_)) => true,
            Some(CrmEntity::Deal(_)) => false,
            None => self.lead.is_some(),
        }
    }

    /// Whether the order still has to be made in the portal.
    pub(in crate::planner) fn is_new(&self) -> bool {
        self.known.target.is_none() && self.snapshot().is_some()
    }

    /// Whether a contact is needed: a deal that is there keeps its own as long as the shop names
    /// the same customer.
    pub(in crate::planner) fn needs_contact(&self) -> bool {
        !self.is_lead() && (self.is_new() || self.person.is_some() && !self.same_customer())
    }

    /// Whether a company is needed, likewise.
    pub(in crate::planner) fn needs_company(&self) -> bool {
        !self.is_lead() && (self.is_new() || self.firm_told.is_some() && !self.same_firm())
    }

    /// Whether contacts and companies are looked at: they are to be found or made, or lack
    /// something.
    pub(in crate::planner) fn concerns_customer(&self) -> bool {
        self.is_new() || !self.customer_told() || !self.firm_is_told() || self.known.open.requisite
    }

    pub(in crate::planner) fn target_id(&self) -> Option<u64> {
        self.known.target.map(CrmEntity::id)
    }

    /// The status and the stage that a new deal was made with; also where it only may have been
    /// made. Where the portal has no such stage it is the one that it chose: that nobody moved the
    /// deal there.
    pub(in crate::planner) fn made_as(&self) -> Option<(String, Stage)> {
        let making = self.making.as_ref().or(self.known.open.making.as_ref())?;
        let chosen = self.stage.clone().filter(|_| self.missed != Missed::No);
        let stage = chosen.or_else(|| making.stage.clone());
        let stage = stage.filter(|_| !self.is_lead())?;
        Some((making.status.clone(), stage))
    }
}
