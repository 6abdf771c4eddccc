//! The rounds that many orders go through at once.
//!
//! Each round is asked by the module it concerns ([`super::entities`], [`super::customers`],
//! [`super::wave::deal_import`]) and ends when nothing of it waits any more; what the answers mean
//! is in [`super::wave::responses`]. An order that is settled takes no part in later rounds.

pub(super) mod batching;
pub(super) mod deal_import;
pub(super) mod diff;
pub(super) mod job;
pub(super) mod refused_fields;
pub(super) mod responses;
pub(super) mod writes_in_flight;

use super::{
    Call, Job, Outcome, PortalFacts, Settlement, State,
    customers::{BusinessCustomer, ContactRow, Customer, Sight},
    entities::{read_back, read_back_room},
    indexes::JobIx,
    wave::batching::{AtomicCommands, CommandBatcher, PendingCommand, PlannedCommand},
};
use crate::domain::{ErrorCode, happening::Note};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The rounds of a wave, in the order in which they are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What is there already?
    Lookup,
    /// Making missing contacts and companies.
    Customers,
    /// Importing deals, many to a command.
    Import,
    /// Importing again, each by itself, what was refused together with others.
    ImportAlone,
    /// Writing deals and leads, and reading them back.
    Write,
    /// Setting sums that came out differently.
    Fix,
    /// Nothing is left to ask.
    Over,
}

/// Many orders on their way at once.
#[derive(Debug)]
pub struct Wave {
    pub(super) jobs: Vec<State>,
    pub(super) customers: Vec<Customer>,
    pub(super) firms: Vec<BusinessCustomer>,
    /// Contacts as they were read; `None` for one that is not there.
    pub(super) contacts: BTreeMap<u64, Option<ContactRow>>,
    /// Companies that were asked for, and whether the portal has them.
    pub(super) companies: BTreeMap<u64, bool>,
    pub(super) contact_sight: Sight,
    pub(super) company_sight: Sight,
    /// Whether the bridge's user is known to be an administrator, who sees every card.
    pub(super) sees_all: bool,
    pub(super) facts: PortalFacts,
    /// Funnels whose stages this wave asked for, and whether it was told. What is known of others
    /// is from an earlier wave.
    pub(super) asked_funnels: BTreeMap<u32, bool>,
    pub(super) batcher: CommandBatcher,
    /// What tells customers whom a lost call may still make.
    pub(super) doubtful: BTreeSet<String>,
    pub(super) waiting: Vec<AtomicCommands>,
    /// Whether what waits are a lone order's customer and its deal, for one call.
    pub(super) lone: bool,
    phase: Phase,
}

impl Wave {
    /// A wave over these jobs (at most one per order; the caller has left out superseded ones).
    pub fn new(jobs: Vec<Job>, facts: PortalFacts) -> Self {
        let mut wave = Self {
            jobs: jobs.into_iter().map(State::begin).collect(),
            customers: Vec::new(),
            firms: Vec::new(),
            contacts: BTreeMap::new(),
            companies: BTreeMap::new(),
            contact_sight: Sight::default(),
            company_sight: Sight::default(),
            sees_all: false,
            facts,
            asked_funnels: BTreeMap::new(),
            batcher: CommandBatcher::default(),
            doubtful: BTreeSet::new(),
            waiting: Vec::new(),
            lone: false,
            phase: Phase::Lookup,
        };
        wave.gather_customers();
        wave.ask_targets();
        wave.ask_stages();
        wave.ask_who();
        wave
    }

    /// The calls of the next round, in the order they are to be sent; empty when every job is
    /// settled. Each call given out must be answered with [`Wave::answer`] before the next round.
    pub fn next_round(&mut self) -> Vec<Call> {
        loop {
            if !self.waiting.is_empty() {
                return self.give_out();
            }
            match self.phase {
                Phase::Lookup => {
                    self.ask_targets_by_id();
                    self.ask_who_further();
                    if self.waiting.is_empty() {
                        self.judge_lookups();
                        self.phase = Phase::Customers;
                        self.ask_customers();
                        self.ask_rows_to_link();
                        self.join_customer_and_deal();
                    }
                }
                Phase::Customers => {
                    self.phase = Phase::Import;
                    self.ask_imports();
                }
                Phase::Import => {
                    self.phase = Phase::ImportAlone;
                    self.ask_imports_alone();
                }
                Phase::ImportAlone => {
                    self.phase = Phase::Write;
                    self.ask_writes();
                }
                Phase::Write => {
                    self.phase = Phase::Fix;
                    self.ask_fixes();
                }
                Phase::Fix => self.phase = Phase::Over,
                Phase::Over => return Vec::new(),
            }
        }
    }

    fn give_out(&mut self) -> Vec<Call> {
        let groups = std::mem::take(&mut self.waiting);
        let lone = std::mem::take(&mut self.lone);
        if self.phase != Phase::Write && !lone {
            return self.batcher.pack(groups, 0, |_| Vec::new());
        }
        let room = read_back_room(&self.jobs);
        let mut calls = self
            .batcher
            .pack(groups, room, |steps| read_back(&self.jobs, steps, room));
        for call in &mut calls {
            call.halts = lone;
        }
        calls
    }

    /// Everything that was to be written is written.
    pub(super) fn written(&mut self) {
        self.phase = Phase::Write;
    }

    /// The open jobs of which this is true.
    pub(super) fn jobs_where(&self, wanted: impl Fn(&State) -> bool) -> Vec<JobIx> {
        JobIx::all(self.jobs.len())
            .filter(|job| self.jobs[*job].open() && wanted(&self.jobs[*job]))
            .collect()
    }

    /// Whether this is true of any open job.
    pub(super) fn any_job(&self, wanted: impl Fn(&State) -> bool) -> bool {
        self.jobs.iter().any(|state| state.open() && wanted(state))
    }

    pub(super) fn states(&self, jobs: &[JobIx]) -> Vec<&State> {
        jobs.iter().map(|job| &self.jobs[*job]).collect()
    }

    /// Leaves a note with all jobs of which this is true.
    pub(super) fn note_where(&mut self, concerns: impl Fn(&State) -> bool, note: &Note) {
        let concerned = self.jobs.iter_mut().filter(|state| concerns(state));
        concerned.for_each(|state| state.note(note.clone()));
    }

    /// Puts one command in waiting.
    pub(super) fn ask(&mut self, method: &'static str, params: Value, ask: PendingCommand) {
        self.waiting
            .push(vec![PlannedCommand::new(method, params, ask)]);
    }

    /// Ends the wave: jobs not settled yet end as [`Outcome::Again`]. Also returns what was learnt
    /// of the portal.
    pub fn finish(mut self) -> (Vec<Settlement>, PortalFacts) {
        let over = self.phase == Phase::Over;
        let mut settlements = Vec::with_capacity(self.jobs.len());
        for (job, mut state) in std::mem::take(&mut self.jobs).into_iter().enumerate() {
            let firm = state.firm.map(|at| &self.firms[at]);
            state.known.open.requisite |= firm.is_some_and(|firm| firm.incomplete);
            let landing = self.landing(&state);
            let open = if over {
                Outcome::Done { wrote: state.wrote }
            } else {
                Outcome::Again {
                    code: ErrorCode::Down,
                }
            };
            let made_as = state.made_as();
            state.take_for_moved();
            let outcome = state.outcome.take().unwrap_or(open);
            if matches!(outcome, Outcome::Done { .. }) {
                state.remember();
            }
            if let Some(changes) = state.take_other_rows() {
                state.note(Note::ContentsChanged { changes });
            }
            settlements.push(Settlement {
                job: JobIx::at(job),
                made_as,
                outcome,
                landing,
                waits: state.waits,
                links_contact: state.links_contact && state.known.contact_id.is_some(),
                links_company: state.links_company && state.known.company_id.is_some(),
                known: state.known,
                notes: state.notes,
                stage: state.stage,
            });
        }
        (settlements, self.facts)
    }
}
