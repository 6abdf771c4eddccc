//! The state of many orders on their way at once, and the rounds they go through.

use super::{
    Call, CallAnswer, CommandAnswer, Intent, Job, Known, Outcome, PortalFacts, Settlement, Target,
    ask::{Ask, Desk, Group, Step},
    customers::{ContactRow, Customer, Firm},
    fields::{Desired, desired, lead_rule},
    import::Import,
    targets,
};
use crate::domain::{Code, Direction, LeadRule, OnDeleted, Snapshot, Stage};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Rounds, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// What is there already?
    Lookup,
    /// Making customers.
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

/// One job with all that was learnt of it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether one independent thing happened"
)]
#[derive(Debug)]
pub(super) struct State {
    pub(super) job: Job,
    pub(super) known: Known,
    pub(super) desired: Option<Desired>,
    /// The stage the status is written as.
    pub(super) wanted: Option<Stage>,
    pub(super) lead: Option<LeadRule>,
    /// The deal or lead as it was read.
    pub(super) row: Option<Map<String, Value>>,
    /// Whether the stage is part of what is being written.
    pub(super) stage_written: bool,
    pub(super) customer: Option<usize>,
    pub(super) firm: Option<usize>,
    pub(super) asked_by_id: bool,
    pub(super) import: Import,
    pub(super) made: bool,
    pub(super) wrote: bool,
    pub(super) fix: bool,
    pub(super) notes: Vec<String>,
    pub(super) stage: Option<Stage>,
    pub(super) outcome: Option<Outcome>,
}

impl State {
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        match &self.job.intent {
            Intent::Save(snapshot) => Some(snapshot),
            Intent::Delete => None,
        }
    }

    pub(super) fn open(&self) -> bool {
        self.outcome.is_none()
    }

    /// Ends the job, unless it has ended: the first reason counts.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Whether it is, or will be, a lead.
    pub(super) fn is_lead(&self) -> bool {
        match self.known.target {
            Some(Target::Lead(_)) => true,
            Some(Target::Deal(_)) => false,
            None => self.lead.is_some(),
        }
    }
}

/// Many orders on their way at once.
#[derive(Debug)]
pub struct Wave {
    pub(super) jobs: Vec<State>,
    pub(super) customers: Vec<Customer>,
    pub(super) firms: Vec<Firm>,
    /// Contacts as they were read; none for one that is not there.
    pub(super) contacts: BTreeMap<u64, Option<ContactRow>>,
    /// Companies that were asked for, and whether the portal has them.
    pub(super) companies: BTreeMap<u64, bool>,
    pub(super) facts: PortalFacts,
    /// Funnels whose stages were read in this wave.
    pub(super) funnels_read: BTreeSet<u32>,
    pub(super) desk: Desk,
    pub(super) waiting: Vec<Group>,
    phase: Phase,
}

impl Wave {
    /// A wave over these jobs (at most one per order; the caller has left out superseded ones).
    pub fn new(jobs: Vec<Job>, facts: PortalFacts) -> Self {
        let mut wave = Self {
            jobs: jobs.into_iter().map(begin).collect(),
            customers: Vec::new(),
            firms: Vec::new(),
            contacts: BTreeMap::new(),
            companies: BTreeMap::new(),
            facts,
            funnels_read: BTreeSet::new(),
            desk: Desk::default(),
            waiting: Vec::new(),
            phase: Phase::Lookup,
        };
        wave.gather_customers();
        wave.ask_lookups();
        wave
    }

    /// The calls of the next round, in the order they are to be sent; empty when every job is settled. Each call given out must be
    /// answered with [`Wave::answer`] before the next round.
    pub fn next_round(&mut self) -> Vec<Call> {
        loop {
            if !self.waiting.is_empty() {
                return self.give_out();
            }
            match self.phase {
                Phase::Lookup => {
                    if !self.ask_further() {
                        self.judge_lookups();
                        self.phase = Phase::Customers;
                        self.ask_customers();
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
        if self.phase != Phase::Write {
            return self.desk.pack(groups, 0, |_| Vec::new());
        }
        let jobs = &self.jobs;
        let kinds: BTreeSet<_> = jobs
            .iter()
            .filter(|state| state.open())
            .map(targets::read_back_kind)
            .collect();
        // Each shop, and new and old, takes a command of its own: never so many that a group of four finds no room.
        let reserve = kinds.len().clamp(1, 40);
        self.desk.pack(groups, reserve, |steps| {
            targets::read_back(jobs, steps, reserve)
        })
    }

    /// Takes what became of a call.
    pub fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let mut answered = match answer {
            CallAnswer::Answered(answered) => answered,
            CallAnswer::InDoubt => return self.call_failed(call, Code::InDoubt),
            CallAnswer::NotRun => return self.call_failed(call, Code::Down),
        };
        for command in &call.commands {
            let Some(ask) = self.desk.take(&command.key) else {
                continue;
            };
            match answered.remove(&command.key) {
                Some(CommandAnswer::Done { result, .. }) => self.done(ask, &result),
                Some(CommandAnswer::Refused { error, description }) => {
                    self.refused(ask, &error, &description);
                }
                Some(CommandAnswer::Later) => self.put_off(&ask, Code::Operating),
                None => self.put_off(&ask, Code::InDoubt),
            }
        }
    }

    /// Only a write can be in doubt: what a lost look-up would have told is simply asked again.
    fn call_failed(&mut self, call: &Call, code: Code) {
        let writes = call.commands.iter().any(|command| {
            [".add", ".update", ".set", ".batchImport"]
                .iter()
                .any(|end| command.method.ends_with(end))
        });
        let code = if writes { code } else { Code::Down };
        for command in &call.commands {
            if let Some(ask) = self.desk.take(&command.key) {
                self.put_off(&ask, code);
            }
        }
    }

    /// The answer did not come: whoever needed it is done again later.
    fn put_off(&mut self, ask: &Ask, code: Code) {
        for job in self.concerned(ask) {
            self.jobs[job].end(Outcome::Again { code });
        }
    }

    fn done(&mut self, ask: Ask, result: &Value) {
        match ask {
            Ask::Targets { lead, jobs, so_far } => self.take_targets(lead, &jobs, so_far, result),
            Ask::TargetsById { jobs, .. } => self.take_targets_by_id(&jobs, result),
            Ask::Stages { funnel, so_far } => self.take_stages(funnel, so_far, result),
            Ask::Presets => self.take_presets(result),
            Ask::Contacts { ids } => self.take_contacts(&ids, result),
            Ask::ContactsByOrigin { customers } => self.take_contacts_by_origin(&customers, result),
            Ask::Duplicates { by_phone, values } => self.take_duplicates(by_phone, &values, result),
            Ask::Companies { ids } => self.take_companies(&ids, result),
            Ask::CompaniesByOrigin { firms } => self.take_companies_by_origin(&firms, result),
            Ask::Requisites { firms } => self.take_requisites(&firms, result),
            Ask::CompaniesByTitle { firm } => self.take_companies_by_title(firm, result),
            Ask::AddContact { customer } => self.contact_made(customer, result),
            Ask::AddCompany { firm } => self.company_made(firm, result),
            Ask::CompleteContact { .. } | Ask::AddToCompany { .. } | Ask::LinkCompany { .. } => {}
            Ask::Import { jobs } => self.take_import(&jobs, result),
            Ask::Imported { jobs } => self.take_imported(&jobs, result),
            Ask::Add { job } => self.target_made(job, result),
            Ask::Update { job, fields } => self.fields_written(job, fields),
            // What the rows should have made is still what is compared next time.
            Ask::FixSum { job } => self.jobs[job].wrote = true,
            Ask::SetRows { job, rows } => self.rows_written(job, rows),
            Ask::ReadBack { jobs } => self.check_written(&jobs, result),
        }
    }

    fn refused(&mut self, ask: Ask, error: &str, description: &str) {
        let words = if description.is_empty() {
            error
        } else {
            description
        };
        match ask {
            Ask::Import { jobs } => self.import_command_refused(&jobs, error, words),
            // Without rights to the dictionaries the bridge does without them.
            Ask::Stages { funnel, .. } => {
                self.funnels_read.insert(funnel);
                self.facts.stages.remove(&funnel);
            }
            Ask::Presets => self.facts.presets_refused = true,
            // What cannot be seen is taken to be there.
            Ask::Companies { ids } => self.companies.extend(ids.into_iter().map(|id| (id, true))),
            Ask::AddToCompany { firm, what } => {
                let note =
                    format!("the company was made, but the portal refused its {what}: {words}");
                for job in self
                    .jobs
                    .iter_mut()
                    .filter(|state| state.firm == Some(firm))
                {
                    job.note(&note);
                }
            }
            Ask::LinkCompany { job } => {
                self.jobs[job].note(format!(
                    "the contact could not be put to its company: {words}"
                ));
            }
            Ask::ReadBack { jobs } => {
                for job in jobs {
                    self.jobs[job]
                        .note(format!("what was written could not be read back: {words}"));
                }
            }
            // The rows of a deal that was itself refused: the deal's own reason counts.
            ask => {
                for job in self.concerned(&ask) {
                    let outcome = Outcome::Refused {
                        code: classify(words),
                        message: words.to_owned(),
                    };
                    self.jobs[job].end(outcome);
                }
            }
        }
    }

    /// The open jobs that wait for this answer.
    fn concerned(&self, ask: &Ask) -> Vec<usize> {
        let of_customers = |wanted: &[usize]| {
            self.jobs_where(|state| state.customer.is_some_and(|c| wanted.contains(&c)))
        };
        let of_firms = |wanted: &[usize]| {
            self.jobs_where(|state| state.firm.is_some_and(|f| wanted.contains(&f)))
        };
        match ask {
            Ask::Targets { jobs, .. }
            | Ask::TargetsById { jobs, .. }
            | Ask::Import { jobs }
            | Ask::Imported { jobs }
            | Ask::ReadBack { jobs } => jobs.clone(),
            Ask::Stages { .. } | Ask::Presets => self.jobs_where(|_| true),
            Ask::Contacts { ids } => {
                let linked = self
                    .jobs_where(|state| state.known.contact_id.is_some_and(|id| ids.contains(&id)));
                let found: Vec<usize> = (0..self.customers.len())
                    .filter(|customer| {
                        self.customers[*customer]
                            .candidates
                            .iter()
                            .any(|id| ids.contains(id))
                    })
                    .collect();
                linked.into_iter().chain(of_customers(&found)).collect()
            }
            Ask::ContactsByOrigin { customers } => of_customers(customers),
            Ask::Duplicates { values, .. } => of_customers(
                &values
                    .iter()
                    .map(|(_, customer)| *customer)
                    .collect::<Vec<_>>(),
            ),
            Ask::Companies { ids } => {
                let asked: Vec<usize> = (0..self.firms.len())
                    .filter(|firm| {
                        let firm = &self.firms[*firm];
                        let mut of_firm = firm.found.iter().chain(&firm.company);
                        of_firm.any(|id| ids.contains(id))
                    })
                    .collect();
                of_firms(&asked)
            }
            Ask::CompaniesByOrigin { firms } | Ask::Requisites { firms } => of_firms(firms),
            Ask::AddContact { customer } | Ask::CompleteContact { customer } => {
                of_customers(&[*customer])
            }
            Ask::CompaniesByTitle { firm } | Ask::AddCompany { firm } => of_firms(&[*firm]),
            Ask::AddToCompany { .. } => Vec::new(),
            Ask::Add { job }
            | Ask::Update { job, .. }
            | Ask::SetRows { job, .. }
            | Ask::LinkCompany { job }
            | Ask::FixSum { job } => vec![*job],
        }
    }

    pub(super) fn jobs_where(&self, wanted: impl Fn(&State) -> bool) -> Vec<usize> {
        (0..self.jobs.len())
            .filter(|job| self.jobs[*job].open() && wanted(&self.jobs[*job]))
            .collect()
    }

    /// Puts one command in waiting.
    pub(super) fn ask(&mut self, method: &'static str, params: Value, ask: Ask) {
        self.waiting.push(vec![Step::new(method, params, ask)]);
    }

    /// Ends the wave: jobs not settled yet end as [`Outcome::Again`]. Also returns what was learnt of the portal.
    pub fn finish(self) -> (Vec<Settlement>, PortalFacts) {
        let over = self.phase == Phase::Over;
        let settle = |(job, state): (usize, State)| {
            let done = Outcome::Done { wrote: state.wrote };
            let open = if over {
                done
            } else {
                Outcome::Again { code: Code::Down }
            };
            let outcome = state.outcome.clone().unwrap_or(open);
            let code = Code::InDoubt;
            let made_as = (state.made || outcome == Outcome::Again { code } && state.is_new())
                .then(|| state.snapshot().map(|snapshot| snapshot.status.clone()))
                .flatten()
                .zip(state.wanted.clone())
                .filter(|_| !state.is_lead());
            Settlement {
                job,
                outcome,
                known: state.known,
                notes: state.notes,
                stage: state.stage,
                made_as,
            }
        };
        (
            self.jobs.into_iter().enumerate().map(settle).collect(),
            self.facts,
        )
    }
}

/// What can be said of a job before anything is asked.
fn begin(job: Job) -> State {
    let mut state = State {
        known: job.known.clone(),
        desired: None,
        wanted: None,
        lead: None,
        row: None,
        stage_written: false,
        customer: None,
        firm: None,
        asked_by_id: false,
        import: Import::Not,
        made: false,
        wrote: false,
        fix: false,
        notes: Vec::new(),
        stage: None,
        outcome: None,
        job,
    };
    match &state.job.intent {
        Intent::Delete => match &state.job.rules.on_deleted {
            OnDeleted::Nothing => state.end(Outcome::Done { wrote: false }),
            OnDeleted::Stage(stage) => state.wanted = Some(stage.clone()),
        },
        Intent::Save(snapshot) => {
            let desired = desired(snapshot, &state.job.rules);
            state.notes.extend(snapshot.left_out.iter().cloned());
            state.notes.extend(desired.difference.iter().cloned());
            state.lead = lead_rule(snapshot, &state.job.rules).cloned();
            state.desired = Some(desired);
            if !state.is_lead() {
                want_stage(&mut state);
            }
        }
    }
    if state.open() && !state.job.recreate && targets::nothing_changed(&state) {
        state.end(Outcome::Done { wrote: false });
    }
    state
}

/// The stage of the status; a status without a row ends the job.
pub(super) fn want_stage(state: &mut State) {
    let Some(status) = state.snapshot().map(|snapshot| snapshot.status.clone()) else {
        return;
    };
    match state.job.rules.statuses.row(&status) {
        Some(row) if row.direction == Direction::ToShop => {
            state.note(format!(
                "the status {status:?} is never written to the portal: its stage was left alone"
            ));
        }
        Some(row) => state.wanted = Some(row.stage.clone()),
        None => state.end(Outcome::Hopeless {
            code: Code::Status,
            message: format!(
                "the status {status:?} is in no row of the status table of the shop {}",
                state.job.rules.shop
            ),
        }),
    }
}

/// Which fault the portal's words speak of. The codes of these methods are mostly empty; only the words tell.
pub(super) fn classify(words: &str) -> Code {
    let lower = words.to_lowercase();
    if lower.contains("валют") || lower.contains("currency") {
        Code::Currency
    } else if ["e-mail", "email", "электронн", "некорректный адрес"]
        .iter()
        .any(|word| lower.contains(word))
    {
        Code::Email
    } else if ["access denied", "access_denied", "доступ запрещ"]
        .iter()
        .any(|word| lower.contains(word))
    {
        Code::Rights
    } else {
        Code::Refused
    }
}
