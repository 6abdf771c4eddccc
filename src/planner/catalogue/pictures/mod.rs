//! Pictures on their way to the cards of their products.
//!
//! PURE. A [`PictureWave`] first looks at the pictures of every card. A file's name says whose it
//! is and what is in it: what is there under its name is not brought again, whether an answer was
//! lost, the bridge's database was put back, or two addresses lead to one file. A picture that the
//! shop names no more is deleted if its id and its name are those on record; a manager's picture
//! has neither.
//!
//! `catalog.productImage.add` takes one file a call, and no call with a file may be in a batch;
//! `MORE_PHOTO` is what today's card shows (b24-rest-docs, `api-reference/catalog/product-image`,
//! and `api-reference/files/how-to-upload-files`). That the name is kept as it was sent is seen in
//! the examples of these pages alone.

mod job;

#[cfg(test)]
mod tests;

pub use job::{PictureFault, PictureJob, PictureLink};

use super::{
    Hindrance,
    answers::{is_denied, said},
};
use crate::{
    domain::ErrorCode,
    planner::{
        Call, CallAnswer, Command, CommandAnswer, Intention, KnownLinks, Outcome, Rounds,
        Settlement, WritesInFlight,
        indexes::{JobIx, indexed_by},
        json::id,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The method that brings a file.
pub(in crate::planner) const ADD: &str = "catalog.productImage.add";
/// The method that takes a picture away.
pub(in crate::planner) const DELETE: &str = "catalog.productImage.delete";
const LIST: &str = "catalog.productImage.list";

/// What is asked next of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Look,
    Add,
    Delete(u64),
}

#[derive(Debug)]
struct State {
    job: PictureJob,
    /// The name of its file, where that is known.
    name: String,
    /// Why there is no file of which the name is known, as far as what it ends with.
    missing: Option<Outcome>,
    step: Step,
    outcome: Option<Outcome>,
    /// Whether a write was lost.
    lost: bool,
}

indexed_by!(JobIx => State);

impl State {
    fn new(mut job: PictureJob) -> Self {
        let rests = job.rests();
        let mut missing = None;
        let (name, outcome) = match &job.file {
            _ if rests => (String::new(), Some(Outcome::Done { wrote: false })),
            Some(Ok(file)) => (job.name_of(file), None),
            // It may be on the card all the same.
            Some(Err(fault)) => match job.known_name() {
                Some(name) => {
                    missing = Some(outcome_of(fault));
                    (name, None)
                }
                None => (String::new(), Some(outcome_of(fault))),
            },
            None if job.shown => {
                let code = ErrorCode::Down;
                (String::new(), Some(Outcome::Again { code }))
            }
            None => {
                let link = job.link.as_ref();
                (link.map(|link| link.name.clone()).unwrap_or_default(), None)
            }
        };
        if job.shown && !rests && job.link.as_ref().is_some_and(|l| l.element != job.element) {
            // Its product is another one by now: what it was there is gone with it.
            job.link = None;
        }
        Self {
            job,
            name,
            missing,
            step: Step::Look,
            outcome,
            lost: false,
        }
    }

    fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn refuse(&mut self, message: String) {
        let code = ErrorCode::Refused;
        self.end(Outcome::Refused { code, message });
    }

    /// The id of the product whose card is looked at.
    fn element(&self) -> u64 {
        let link = self.job.link.as_ref().filter(|_| !self.job.shown);
        link.map_or(self.job.element, |link| link.element)
    }

    fn command(&self) -> (&'static str, Value) {
        let element = self.element();
        match self.step {
            Step::Look => {
                // The others hold addresses with live tokens.
                let select = ["id", "name", "productId", "type"];
                (LIST, json!({ "productId": element, "select": select }))
            }
            Step::Delete(image) => (DELETE, json!({ "productId": element, "id": image })),
            Step::Add => {
                let file = self.job.file.as_ref().and_then(|file| file.as_ref().ok());
                let content = file.map(|file| STANDARD.encode(file)).unwrap_or_default();
                let fields = json!({ "productId": element, "type": "MORE_PHOTO" });
                (
                    ADD,
                    json!({ "fields": fields, "fileContent": [self.name, content] }),
                )
            }
        }
    }

    /// What the card shows: (id, name) of each picture.
    fn looked(&mut self, pictures: &[(u64, String)]) {
        let mut ours: Vec<&(u64, String)> = pictures
            .iter()
            .filter(|(_, name)| self.is_ours(name))
            .collect();
        ours.sort();
        if self.job.shown {
            match ours.first() {
                Some((image, name)) => self.has(*image, name.clone(), false),
                None => match self.missing.take() {
                    Some(outcome) => self.end(outcome),
                    None => self.step = Step::Add,
                },
            }
            return;
        }
        let on_record = self.job.link.as_ref().and_then(|link| link.image);
        let mut image = ours.iter().map(|(id, _)| *id);
        let image = image.find(|id| on_record.is_none_or(|known| known == *id));
        match image {
            Some(image) if !self.job.shared => self.step = Step::Delete(image),
            _ => self.gone(false),
        }
    }

    /// Whether a file on the card is this picture. What was sent from the same address before, and
    /// may be older, is the same one; a file without a name is nobody's.
    fn is_ours(&self, name: &str) -> bool {
        let sent = self.job.link.as_ref().map(|link| &*link.name);
        let is_own = match self.missing {
            Some(_) => name.starts_with(&self.name),
            None => name == self.name,
        };
        !name.is_empty() && (is_own || sent == Some(name))
    }

    fn has(&mut self, image: u64, name: String, wrote: bool) {
        self.job.link = Some(PictureLink {
            element: self.job.element,
            image: Some(image),
            name,
        });
        self.end(Outcome::Done { wrote });
    }

    fn gone(&mut self, wrote: bool) {
        self.job.link = None;
        self.end(Outcome::Done { wrote });
    }

    /// The portal's answer to what was asked.
    fn done(&mut self, result: &Value, next: Option<u64>) {
        match self.step {
            Step::Look => match listed(result) {
                Some(pictures) if next.is_none() => self.looked(&pictures),
                _ => self.refuse("the portal does not show the pictures of the card".to_owned()),
            },
            Step::Add => {
                let image = result.get("productImage").cloned().unwrap_or_default();
                let name = image.get("name").and_then(Value::as_str);
                let name = name.unwrap_or(&self.name).to_owned();
                match image.get("id").and_then(id) {
                    Some(id) => self.has(id, name, true),
                    None => {
                        self.refuse("the portal's answer does not hold the picture".to_owned());
                    }
                }
            }
            Step::Delete(_) => self.gone(true),
        }
    }

    fn refused(&mut self, message: String) {
        let absent = ["not found", "not exist", "не найден", "не существует"];
        let words = message.to_lowercase();
        let is_absent = absent.iter().any(|word| words.contains(word));
        if is_absent && !self.job.shown {
            return self.gone(false);
        }
        self.refuse(message);
    }

    /// A call was lost.
    fn lose(&mut self) {
        if self.step == Step::Look {
            return;
        }
        self.lost = true;
        if self.step == Step::Add {
            self.job.link = Some(PictureLink {
                element: self.job.element,
                image: None,
                name: self.name.clone(),
            });
        }
    }

    fn intended(&self) -> WritesInFlight {
        WritesInFlight {
            plan: self.name.clone(),
            ..WritesInFlight::default()
        }
    }

    fn settlement(self, job: JobIx, cut_by: ErrorCode) -> Settlement {
        let lost = self.lost.then(|| self.intended());
        let code = lost.as_ref().map_or(cut_by, |_| ErrorCode::InDoubt);
        let outcome = self.outcome.unwrap_or(Outcome::Again { code });
        let known = KnownLinks {
            picture: self.job.link,
            ..KnownLinks::default()
        };
        Settlement::of_subject(job, outcome, known, lost)
    }
}

fn outcome_of(fault: &PictureFault) -> Outcome {
    let (code, message) = (fault.code, fault.message.clone());
    if fault.lasts {
        Outcome::Hopeless { code, message }
    } else {
        Outcome::Refused { code, message }
    }
}

/// The pictures that an answer shows; `None`: it cannot be read.
fn listed(result: &Value) -> Option<Vec<(u64, String)>> {
    let rows = result.get("productImages")?.as_array()?;
    let one = |row: &Value| {
        let name = match row.get("name")? {
            // A manager's file may have no name.
            Value::Null => String::new(),
            name => name.as_str()?.to_owned(),
        };
        Some((row.get("id").and_then(id)?, name))
    };
    rows.iter().map(one).collect()
}

/// Pictures on their way to cards, at most one of each product.
#[derive(Debug)]
pub struct PictureWave {
    jobs: Vec<State>,
    asked: HashMap<String, JobIx>,
    keys: usize,
    hindrance: Option<Hindrance>,
}

impl PictureWave {
    /// Begins, with the files of those that want them.
    pub fn new(jobs: Vec<PictureJob>) -> Self {
        Self {
            jobs: jobs.into_iter().map(State::new).collect(),
            asked: HashMap::new(),
            keys: 0,
            hindrance: None,
        }
    }

    /// Ends: a settlement of each, and what stood in the way of all.
    pub fn finish(self) -> (Vec<Settlement>, Option<Hindrance>) {
        let by = self.hindrance.as_ref();
        let cut_by = by.map_or(ErrorCode::Down, |hindrance| hindrance.code);
        let jobs = self.jobs.into_iter().enumerate();
        let settled = jobs.map(|(nth, state)| state.settlement(JobIx::at(nth), cut_by));
        (settled.collect(), self.hindrance)
    }

    fn take(&mut self, job: JobIx, answer: Option<CommandAnswer>) {
        match answer {
            Some(CommandAnswer::Done { result, next }) => self.jobs[job].done(&result, next),
            Some(CommandAnswer::Refused { error, description }) => {
                let message = said(&error, &description);
                if is_denied(&error, &message) {
                    let code = ErrorCode::CatNoRight;
                    self.hindrance = Some(Hindrance { code, message });
                } else {
                    self.jobs[job].refused(message);
                }
            }
            Some(CommandAnswer::Later) | None => {
                let code = ErrorCode::Operating;
                self.jobs[job].end(Outcome::Again { code });
            }
        }
    }
}

impl Rounds for PictureWave {
    fn next_round(&mut self) -> Vec<Call> {
        if self.hindrance.is_some() {
            return Vec::new();
        }
        let mut calls: Vec<Call> = Vec::new();
        let mut looks: Vec<Command> = Vec::new();
        for (nth, state) in self.jobs.iter().enumerate() {
            if !state.is_open() || self.asked.values().any(|job| job.place() == nth) {
                continue;
            }
            let key = format!("c{}", self.keys);
            self.keys += 1;
            self.asked.insert(key.clone(), JobIx::at(nth));
            let (method, params) = state.command();
            let command = Command {
                key,
                method,
                params,
            };
            if state.step == Step::Look {
                looks.push(command);
            } else {
                calls.push(Call::from(vec![command]));
            }
        }
        if !looks.is_empty() {
            calls.insert(0, Call::from(looks));
        }
        calls
    }

    fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let keys = call.commands.iter().map(|command| &command.key);
        let asked: Vec<(String, JobIx)> = keys
            .filter_map(|key| Some((key.clone(), self.asked.remove(key)?)))
            .collect();
        match answer {
            CallAnswer::Answered(mut answered) => {
                for (key, job) in asked {
                    self.take(job, answered.remove(&key));
                }
            }
            CallAnswer::InDoubt => {
                for (_, job) in asked {
                    self.jobs[job].lose();
                    let code = ErrorCode::InDoubt;
                    self.jobs[job].end(Outcome::Again { code });
                }
            }
            CallAnswer::NotRun => {
                for (_, job) in asked {
                    let code = ErrorCode::Down;
                    self.jobs[job].end(Outcome::Again { code });
                }
            }
            CallAnswer::Poisoned { code, message } => {
                let alone = asked.len() == 1;
                for (_, job) in asked {
                    let message = message.clone();
                    if code == ErrorCode::Unanswered {
                        self.jobs[job].lose();
                    }
                    self.jobs[job].end(if alone {
                        Outcome::Refused { code, message }
                    } else {
                        Outcome::Apart { code, message }
                    });
                }
            }
        }
    }

    fn waiting_for(&self, call: &Call) -> Vec<JobIx> {
        let keys = call.commands.iter().map(|command| &command.key);
        keys.filter_map(|key| self.asked.get(key))
            .copied()
            .collect()
    }

    fn intentions(&self) -> Vec<Intention> {
        let writing = self
            .jobs
            .iter()
            .filter(|state| state.is_open() && state.step != Step::Look);
        let one = |state: &State| Intention {
            shop: state.job.shop.clone(),
            number: state.job.number.clone(),
            what: state.intended(),
        };
        writing.map(one).collect()
    }
}
