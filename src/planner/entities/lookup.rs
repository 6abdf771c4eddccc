//! Lookup of deals and leads: by origin, then by id, and judged.

use super::{by_id, by_origin};
use crate::{
    domain::{ErrorCode, happening::Note},
    planner::{
        CrmEntity, Intent, KnownLinks, Origin, Outcome, State, Wave,
        indexes::JobIx,
        json::{is_empty, rows, same},
        list_query::{PAGE, further, row_id, with_origin},
        wave::batching::PendingCommand,
    },
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Wave {
    /// Asks for the deals and leads of all orders by their origin.
    pub(in crate::planner) fn ask_targets(&mut self) {
        let mut by_shop: BTreeMap<(bool, String), Vec<JobIx>> = BTreeMap::new();
        for job in self.jobs_where(|_| true) {
            let state = &self.jobs[job];
            let shop = state.job.rules.shop.to_string();
            // What the rules make a lead of may be a deal already.
            if !matches!(state.known.target, Some(CrmEntity::Lead(_))) {
                by_shop.entry((false, shop.clone())).or_default().push(job);
            }
            // A portal's leads may have been switched off since.
            if state.is_lead() || state.is_enquiry() {
                by_shop.entry((true, shop)).or_default().push(job);
            }
        }
        for ((lead, _), jobs) in by_shop {
            for jobs in jobs.chunks(PAGE) {
                self.ask_targets_page(lead, jobs, None, Vec::new());
            }
        }
    }

    /// One page of what carries the origin of orders of one shop; a full page is followed by the
    /// next.
    fn ask_targets_page(
        &mut self,
        lead: bool,
        jobs: &[JobIx],
        after: Option<u64>,
        so_far: Vec<Map<String, Value>>,
    ) {
        let (method, params) = by_origin(lead, &self.states(jobs), after);
        let jobs = jobs.to_vec();
        self.ask(
            method,
            params,
            PendingCommand::Targets { lead, jobs, so_far },
        );
    }

    pub(in crate::planner) fn take_targets(
        &mut self,
        lead: bool,
        jobs: &[JobIx],
        so_far: Vec<Map<String, Value>>,
        result: &Value,
    ) {
        let page = rows(result);
        let last = further(&page, so_far.iter().filter_map(row_id).max());
        let mut rows = so_far;
        rows.extend(page);
        if last.is_some() {
            self.ask_targets_page(lead, jobs, last, rows);
            return;
        }
        for job in jobs {
            self.jobs[*job].find_target(lead, &rows);
        }
    }

    /// Asks by id for deals and leads that are known and that their origin did not show.
    pub(in crate::planner) fn ask_targets_by_id(&mut self) {
        let mut lost: BTreeMap<bool, Vec<JobIx>> = BTreeMap::new();
        for (job, state) in self.jobs.iter_mut().enumerate() {
            if state.open()
                && state.row.is_none()
                && state.known.target.is_some()
                && !state.asked_by_id
            {
                state.asked_by_id = true;
                lost.entry(state.is_lead())
                    .or_default()
                    .push(JobIx::at(job));
            }
        }
        for (lead, jobs) in lost {
            for jobs in jobs.chunks(PAGE) {
                let (method, params) = by_id(lead, &self.states(jobs));
                let jobs = jobs.to_vec();
                self.ask(method, params, PendingCommand::TargetsById { jobs });
            }
        }
    }

    pub(in crate::planner) fn take_targets_by_id(&mut self, jobs: &[JobIx], result: &Value) {
        let rows = rows(result);
        for job in jobs {
            let state = &mut self.jobs[*job];
            let linked = state.target_id();
            let row = rows.iter().find(|row| row_id(row) == linked);
            state.take_by_id(row);
        }
    }

    /// Ends what the lookups alone decide: orders whose deal is gone or whose stage is not there,
    /// and deletions of what never was.
    pub(in crate::planner) fn judge_lookups(&mut self) {
        for state in self.jobs.iter_mut().filter(|state| state.open()) {
            if let (Some(target), None) = (state.known.target, &state.row) {
                state.target_gone(target);
            }
            if state.known.target.is_none() && state.snapshot().is_none() {
                state.end(Outcome::Done { wrote: false });
            }
            state.wait_for_what_may_land();
            if let Some(wanted) = &state.wanted
                && self.facts.has_stage(wanted) == Some(false)
            {
                let message = format!(
                    "the portal has no stage {:?} in funnel {}",
                    wanted.id, wanted.funnel
                );
                state.end(Outcome::Hopeless {
                    code: ErrorCode::StageUnknown,
                    message,
                });
            }
        }
    }
}

impl State {
    /// Takes its own row of those that were found: the linked one, or else the oldest, which then
    /// becomes the link.
    fn find_target(&mut self, lead: bool, rows: &[Map<String, Value>]) {
        let found = with_origin(rows, self.job.number.as_str());
        if found.len() > 1 {
            self.note(Note::SeveralDeals {
                count: found.len(),
                ids: found.iter().map(|(id, _)| *id).collect(),
            });
        }
        let linked = self.target_id();
        let oldest = found.iter().min_by_key(|(id, _)| *id).copied();
        let mine = match linked {
            Some(linked) => found.into_iter().find(|(id, _)| *id == linked),
            None => oldest,
        };
        let Some((id, row)) = mine else {
            self.stand_in = oldest.map(|(_, row)| row.clone());
            return;
        };
        // A deal found by its origin counts, whatever the rules would make of the order now.
        if linked.is_none() {
            self.found(CrmEntity::new(lead, id));
            if !lead && self.lead.take().is_some() {
                self.want_stage();
            }
        }
        self.row = Some(row.clone());
    }

    /// What may still land is waited for where it is something else than what is to be written now,
    /// or something that must not be made twice.
    fn wait_for_what_may_land(&mut self) {
        let at_odds = self.at_odds();
        if self.open() && (at_odds || self.is_new() && self.may_appear()) {
            self.waits = at_odds;
            self.end(Outcome::Again {
                code: ErrorCode::InDoubt,
            });
        } else if self.is_new() {
            self.known.open.making = None;
        } else if self.known.written.is_none() {
            // Whatever stands there: it is not known whether it is the shop's.
            let rows = |state: &Self| Some(!state.desired.as_ref()?.rows.rows.is_empty());
            self.known.open.rows |= rows(self).unwrap_or_default();
        }
    }

    /// Takes what stands under the known id, if it is the order's: an id alone is no proof. Else
    /// the link is dropped for what the order's origin shows, or for a new deal in the next wave.
    fn take_by_id(&mut self, row: Option<&Map<String, Value>>) {
        let Some(target) = self.known.target else {
            return;
        };
        let foreign = row.is_some_and(|row| !self.is_its_own(row));
        match row {
            Some(row) if !foreign => self.row = Some(row.clone()),
            Some(_) if self.stand_in.is_none() => {
                self.note(Note::OtherOrigin {
                    card: target.into(),
                });
                let making = self.known.open.making.take();
                self.known = KnownLinks::default();
                self.known.open.making = making;
                self.end(Outcome::Again {
                    code: ErrorCode::OtherPortal,
                });
            }
            // What carries the order's origin takes its place.
            Some(_) | None => {}
        }
    }

    /// Whether a deal or lead is the order's: by its origin; where somebody took that away, by two
    /// things that were written into it.
    fn is_its_own(&mut self, row: &Map<String, Value>) -> bool {
        let origin = Origin::read(row);
        if origin.is_of(self.job.rules.shop.as_str(), self.job.number.as_str()) {
            return true;
        }
        let written = self.known.written.as_ref().map(|written| &written.fields);
        let once = self.desired.as_ref().map(|desired| &desired.once);
        let told = ["TITLE", "OPPORTUNITY", "COMMENTS"].iter().filter(|field| {
            let ours = written.and_then(|fields| fields.get(**field));
            let ours = ours.or_else(|| once?.get(**field));
            ours.is_some_and(|ours| !is_empty(ours) && same(ours, row.get(**field)))
        });
        let told = origin.is_empty() && told.count() >= 2;
        if told && let Some(deal) = row_id(row) {
            self.note(Note::OriginLost { deal });
        }
        told
    }

    /// The portal shows no deal or lead under the known id.
    fn target_gone(&mut self, target: CrmEntity) {
        let lead = self.is_lead();
        if let Some(row) = self.stand_in.take()
            && let Some(id) = row_id(&row)
        {
            let other = CrmEntity::new(lead, id);
            self.note(Note::TakesItsPlace {
                gone: target.into(),
                card: other.into(),
            });
            self.found(other);
            self.row = Some(row);
            return;
        }
        match (&self.job.intent, self.job.recreate) {
            (Intent::Delete, _) => self.end(Outcome::Done { wrote: false }),
            (Intent::Save(_), true) => {
                self.note(Note::DealRemade);
                self.known.target = None;
                self.known.written = None;
            }
            (Intent::Save(_), false) => self.end(Outcome::Hopeless {
                code: ErrorCode::DealGone,
                message: format!("the portal shows no {target}"),
            }),
        }
    }
}
