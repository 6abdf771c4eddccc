//! Products on their way to the portal's catalogue.
//!
//! PURE. A [`ProductWave`] reads what the catalogue looks like, looks for what is not known by its
//! external code (and by its article, where products were typed by hand), and only then makes what
//! is missing and writes the fields that differ: a product and its price in one call with many
//! others, parents before their variations. What was found as it is to be costs nothing more.
//!
//! A wave writes as much as fills some calls; the rest stays due. Nothing is sent while a call
//! whose answer was lost may still land (the queue waits), so what is looked up is certain.

mod answers;
mod commands;
mod element;
mod fields;
mod job;
mod links;
mod matching;
mod pictures;
mod plan;
mod schema;

#[cfg(test)]
mod tests;

pub use job::ProductJob;
pub use links::{LinkedElement, LinkedPrice, ProductLinks};
pub(super) use pictures::{ADD as ADD_PICTURE, DELETE as DELETE_PICTURE};
pub use pictures::{PictureFault, PictureJob, PictureLink, PictureWave};
pub use plan::{ProductAction, ProductPlan};
pub use schema::CatalogueFacts;

use super::{
    Call, CallAnswer, Command, Intention, KnownLinks, Outcome, Rounds, Settlement, WritesInFlight,
    indexes::{JobIx, PartIx, indexed_by},
};
use crate::domain::{ErrorCode, happening::Note};
use element::{Group, Part};
use fields::Kind;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// So many commands are written in one wave: what comes meanwhile waits for so many at most.
const MOST_WRITES: usize = 1_000;

/// Why a wave ended before its time: it lies with the portal, not with a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// The code under which the incident is shown.
    pub code: ErrorCode,
    /// What the portal said, in its own words.
    pub message: String,
}

/// What a command asks for.
#[derive(Debug, Clone)]
enum Ask {
    Blocks,
    Kinds,
    Currencies,
    Rates,
    Units,
    /// The properties of the elements of a block.
    Properties {
        block: u64,
    },
    /// Whether the portal keeps stock itself.
    Mode,
    Sections {
        page: u64,
    },
    /// Elements with these external codes.
    Codes {
        kind: Kind,
        jobs: Vec<JobIx>,
    },
    /// Elements with these articles: by article.
    Articles {
        kind: Kind,
        field: String,
        jobs: Vec<JobIx>,
    },
    /// Prices of these elements.
    Prices {
        jobs: Vec<JobIx>,
    },
    /// A section for these jobs.
    Section {
        jobs: Vec<JobIx>,
    },
    /// A write for a part of a job.
    Write {
        job: JobIx,
        part: PartIx,
        what: Write,
    },
    /// An element of another kind that stands for it no more.
    Retire {
        job: JobIx,
        id: u64,
    },
}

impl Ask {
    fn jobs(&self) -> Vec<JobIx> {
        match self {
            Self::Codes { jobs, .. }
            | Self::Articles { jobs, .. }
            | Self::Prices { jobs }
            | Self::Section { jobs } => jobs.clone(),
            Self::Write { job, .. } | Self::Retire { job, .. } => vec![*job],
            _ => Vec::new(),
        }
    }

    fn writes(&self) -> bool {
        matches!(
            self,
            Self::Section { .. } | Self::Write { .. } | Self::Retire { .. }
        )
    }

    /// Whether an answer tells what was asked: what is no list is not an empty one.
    fn is_told_by(&self, result: &Value) -> bool {
        match self {
            Self::Codes { kind, .. } | Self::Articles { kind, .. } => {
                schema::tells(result, kind.list().1)
            }
            Self::Prices { .. } => schema::tells(result, "prices"),
            Self::Sections { .. } => schema::tells(result, "sections"),
            Self::Mode => true,
            _ => self.writes() || result.is_array() || result.is_object(),
        }
    }
}

#[derive(Debug, Clone)]
enum Write {
    Add {
        sent: serde_json::Map<String, Value>,
    },
    Update {
        sent: serde_json::Map<String, Value>,
    },
    AddPrice {
        kind: u64,
        amount: String,
        currency: String,
    },
    UpdatePrice {
        kind: u64,
        amount: String,
        currency: String,
    },
}

/// A command before it has a key: what is asked, by which method, and with what.
type Planning = (Ask, &'static str, Value);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Blocks,
    Facts,
    Codes,
    Articles,
    Prices,
    Sections,
    Elements,
    Variations,
    End,
    Over,
}

impl Phase {
    fn next(self) -> Self {
        match self {
            Self::Blocks => Self::Facts,
            Self::Facts => Self::Codes,
            Self::Codes => Self::Articles,
            Self::Articles => Self::Prices,
            Self::Prices => Self::Sections,
            Self::Sections => Self::Elements,
            Self::Elements => Self::Variations,
            Self::Variations => Self::End,
            Self::End | Self::Over => Self::Over,
        }
    }
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one independent thing"
)]
struct State {
    job: ProductJob,
    parts: Vec<Part>,
    /// Elements of another kind that stood for it.
    retired: Vec<(u64, Kind)>,
    outcome: Option<Outcome>,
    /// Whether it is written in this wave.
    chosen: bool,
    wrote: bool,
    /// Whether a write was lost.
    lost: bool,
    /// Whether what is known of it is true no more.
    unsure: bool,
    notes: Vec<Note>,
}

indexed_by!(JobIx => State);
indexed_by!(PartIx => Part);

impl State {
    fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn refuse(&mut self, code: ErrorCode, message: String) {
        self.end(Outcome::Refused { code, message });
    }

    fn hopeless(&mut self, code: ErrorCode, message: String) {
        self.end(Outcome::Hopeless { code, message });
    }

    /// What is known of the product now.
    fn links(&self) -> ProductLinks {
        if self.lost || self.unsure {
            return ProductLinks::default();
        }
        let mut links = ProductLinks::default();
        if matches!(self.outcome, Some(Outcome::Done { .. })) {
            links.told.clone_from(&self.job.told);
        }
        for part in self.parts.iter().filter(|part| !part.gone) {
            let element = part.element.clone();
            match (&part.variation, element) {
                (None, element) => links.own = element,
                (Some(id), Some(element)) => {
                    links.variations.insert(id.clone(), element);
                }
                (Some(_), None) => {}
            }
        }
        links
    }

    fn settlement(mut self, job: JobIx, cut_by: ErrorCode) -> Option<Settlement> {
        if !self.chosen && self.outcome.is_none() {
            return None;
        }
        let code = if self.lost {
            ErrorCode::InDoubt
        } else {
            cut_by
        };
        let outcome = self.outcome.get_or_insert(Outcome::Again { code }).clone();
        let untouched = matches!(outcome, Outcome::Done { wrote: false });
        let lost = self.lost.then(WritesInFlight::default);
        let known = KnownLinks {
            product: Some(Box::new(self.links())),
            ..KnownLinks::default()
        };
        Some(Settlement {
            notes: if untouched { Vec::new() } else { self.notes },
            ..Settlement::of_subject(job, outcome, known, lost)
        })
    }
}

/// The SHA-256 of a text, as hex.
pub fn hex_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Products on their way to the catalogue.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that holds or not"
)]
pub struct ProductWave {
    jobs: Vec<State>,
    facts: CatalogueFacts,
    /// Whether they are read in this wave.
    reads: bool,
    /// Whether nothing speaks against them since they were read.
    sound: bool,
    /// Whether nothing is written.
    is_dry: bool,
    /// Whether it is known what is written in this wave.
    chose: bool,
    phase: Phase,
    asked: HashMap<String, Ask>,
    keys: usize,
    /// What is still to be asked in this phase: what stands together goes in one call.
    waiting: VecDeque<Vec<Planning>>,
    /// Who is looked for by this external code.
    codes: HashMap<(Group, String), Vec<(JobIx, PartIx)>>,
    /// The fields of properties that are written besides the article, by block.
    properties: BTreeMap<u64, BTreeSet<String>>,
    /// Sections that were asked to be made.
    made: BTreeSet<Vec<String>>,
    hindrance: Option<Hindrance>,
}

impl ProductWave {
    /// Begins; with what is known of the catalogue, if that was read lately.
    pub fn new(jobs: Vec<ProductJob>, facts: Option<CatalogueFacts>) -> Self {
        let state = |job: ProductJob| {
            let (parts, retired) = element::of_job(&job);
            let known = !job.told.is_empty() && job.links.told == job.told;
            State {
                parts,
                retired,
                outcome: known.then_some(Outcome::Done { wrote: false }),
                chosen: false,
                wrote: false,
                lost: false,
                unsure: false,
                notes: Vec::new(),
                job,
            }
        };
        Self {
            jobs: jobs.into_iter().map(state).collect(),
            reads: facts.is_none(),
            sound: true,
            is_dry: false,
            chose: false,
            phase: if facts.is_some() {
                Phase::Facts
            } else {
                Phase::Blocks
            },
            facts: facts.unwrap_or_default(),
            asked: HashMap::new(),
            keys: 0,
            waiting: VecDeque::new(),
            codes: HashMap::new(),
            properties: BTreeMap::new(),
            made: BTreeSet::new(),
            hindrance: None,
        }
    }

    /// Ends: settlements of those that were looked at, what is known of the catalogue if that is
    /// still sound, and what stood in the way.
    pub fn finish(self) -> (Vec<Settlement>, Option<CatalogueFacts>, Option<Hindrance>) {
        let jobs = self.jobs.into_iter().enumerate();
        let cut_by = self.hindrance.as_ref();
        let cut_by = cut_by.map_or(ErrorCode::Down, |hindrance| hindrance.code);
        let settled = jobs.filter_map(|(nth, state)| state.settlement(JobIx::at(nth), cut_by));
        let facts = (self.sound && self.facts.products > 0).then_some(self.facts);
        (settled.collect(), facts, self.hindrance)
    }

    /// What stood in the way of all of them, if something did.
    pub fn hindrance(&self) -> Option<&Hindrance> {
        self.hindrance.as_ref()
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Over || !self.jobs.iter().any(State::is_open)
    }

    /// Ends the wave: it lies with the portal.
    fn hinder(&mut self, code: ErrorCode, message: String) {
        self.sound = false;
        self.waiting.clear();
        self.phase = Phase::Over;
        self.hindrance.get_or_insert(Hindrance { code, message });
    }

    fn call(&mut self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        while let Some(group) = self.waiting.pop_front() {
            let fits = |call: &Call| call.commands.len() + group.len() <= super::BATCH_LIMIT;
            if !calls.last().is_some_and(fits) {
                calls.push(Call::from(Vec::new()));
            }
            let first = format!("c{}", self.keys);
            for (ask, method, mut params) in group {
                let key = format!("c{}", self.keys);
                self.keys += 1;
                commands::refer(&mut params, &first);
                self.asked.insert(key.clone(), ask);
                if let Some(call) = calls.last_mut() {
                    call.commands.push(Command {
                        key,
                        method,
                        params,
                    });
                }
            }
        }
        calls
    }
}

impl Rounds for ProductWave {
    fn next_round(&mut self) -> Vec<Call> {
        loop {
            if !self.waiting.is_empty() {
                return self.call();
            }
            if self.is_over() {
                self.phase = Phase::Over;
                return Vec::new();
            }
            self.plan();
        }
    }

    fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let asks = call.commands.iter();
        let asks: Vec<_> = asks
            .filter_map(|command| Some((command.key.clone(), self.asked.remove(&command.key)?)))
            .collect();
        match answer {
            CallAnswer::Answered(mut answered) => {
                for (key, ask) in asks {
                    self.take(ask, answered.remove(&key));
                }
            }
            CallAnswer::InDoubt | CallAnswer::NotRun => {
                let doubt = matches!(answer, CallAnswer::InDoubt);
                for (_, ask) in asks {
                    self.unanswered(&ask, doubt);
                }
            }
            CallAnswer::Poisoned { code, message } => {
                let all: BTreeSet<JobIx> = asks.iter().flat_map(|(_, ask)| ask.jobs()).collect();
                if all.is_empty() {
                    return self.hinder(code, message);
                }
                let alone = all.len() == 1;
                for (_, ask) in &asks {
                    let doubt = code == ErrorCode::Unanswered && ask.writes();
                    for job in ask.jobs() {
                        let state = &mut self.jobs[job];
                        state.lost |= doubt;
                        state.unsure |= ask.writes();
                        let message = message.clone();
                        state.end(if alone {
                            Outcome::Refused { code, message }
                        } else {
                            Outcome::Apart { code, message }
                        });
                    }
                }
            }
        }
    }

    fn waiting_for(&self, call: &Call) -> Vec<JobIx> {
        let asks = call.commands.iter();
        let jobs = asks.filter_map(|command| self.asked.get(&command.key));
        let jobs: BTreeSet<JobIx> = jobs.flat_map(Ask::jobs).collect();
        jobs.into_iter().collect()
    }

    fn intentions(&self) -> Vec<Intention> {
        let writing = self
            .jobs
            .iter()
            .filter(|state| state.chosen && state.is_open());
        let one = |state: &State| Intention {
            shop: state.job.shop.clone(),
            number: state.job.number.clone(),
            what: WritesInFlight::default(),
        };
        writing.map(one).collect()
    }
}
