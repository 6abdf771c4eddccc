//! Entries on cards: calls, mails, to-dos and comments, each put once on the right card.
//!
//! PURE. An [`EntryWave`] looks for the card (the order's deal, else the customer's newest open
//! deal, else the newest open lead, else the contact), and puts on it what is not there yet. Calls
//! and mails carry an origin, by which they are found again; to-dos and comments carry a mark in
//! their last line. A card that is known from before is read first, with what stands on it: that is
//! how an answer that was lost is made up for.

mod commands;
mod search;

#[cfg(test)]
mod tests;

use super::{
    BATCH_LIMIT, Call, CallAnswer, Command, CommandAnswer, CrmEntity, Intention, KnownLinks,
    Landing, Outcome, Planned, Rounds, Settlement, WritesInFlight,
    indexes::{JobIx, indexed_by},
    json::{made_id, rows},
    list_query::is_told,
};
use crate::domain::{Entry, ErrorCode, OrderNumber, Phone, ShopName, happening::Note};
use search::Found;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

/// A card on which entries are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardId {
    /// A deal, by its id.
    Deal(u64),
    /// A lead, by its id.
    Lead(u64),
    /// A contact, by its id.
    Contact(u64),
}

impl CardId {
    pub(super) fn id(self) -> u64 {
        match self {
            Self::Deal(id) | Self::Lead(id) | Self::Contact(id) => id,
        }
    }
}

impl From<CrmEntity> for CardId {
    fn from(made: CrmEntity) -> Self {
        match made {
            CrmEntity::Deal(id) => Self::Deal(id),
            CrmEntity::Lead(id) => Self::Lead(id),
        }
    }
}

impl fmt::Display for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deal(id) => write!(f, "deal {id}"),
            Self::Lead(id) => write!(f, "lead {id}"),
            Self::Contact(id) => write!(f, "contact {id}"),
        }
    }
}

/// What is known of the card of something that is put on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// There is none: it is to be made, or is being made.
    ToMake,
    /// It is this one.
    On(CardId),
}

/// Something to put on a card.
#[derive(Debug, Clone)]
pub struct EntryJob {
    /// The shop that tells of it: `ORIGINATOR_ID` of the cards that are the shop's own.
    pub shop: ShopName,
    /// The key of the subject: ORIGIN_ID.
    pub number: OrderNumber,
    /// What to put there.
    pub entries: Vec<Entry>,
    /// Whose card it is.
    pub sought: Sought,
    /// The card, if it is known from before.
    pub card: Option<CardId>,
    /// What is known of the subject.
    pub known: KnownLinks,
    /// Whether a card is to be made where there is none.
    pub makes: bool,
    /// Who is to deal with it; `None`: whoever deals with the card.
    pub responsible_id: Option<u64>,
    /// What may still land of what was sent before.
    pub running: Option<WritesInFlight>,
}

/// Whose card is sought.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// The order whose deal it is.
    pub order: Option<OrderNumber>,
    /// The telephones by which cards are looked for.
    pub phones: Vec<Phone>,
    /// The e-mail addresses by which cards are looked for.
    pub emails: Vec<String>,
    /// Only an open deal will do.
    pub only_deals: bool,
}

impl Planned for EntryJob {
    fn number(&self) -> &OrderNumber {
        &self.number
    }

    fn customers(&self) -> Vec<String> {
        let phones = self.sought.phones.iter().map(ToString::to_string);
        phones.chain(self.sought.emails.iter().cloned()).collect()
    }
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The deal that the order has, as far as it is linked.
    Order,
    /// Cards with the customer's telephones or addresses.
    People,
    /// The customer's open deals.
    Deals,
    /// The leads of these customers.
    Leads,
    /// The customer's contacts, or the card itself where it is one.
    Contacts,
    /// The card that is known from before: whether it is there.
    Card,
    /// Activities with the subject's origin.
    Origin,
    /// To-dos or comments on the card.
    Marks,
    /// The entry of this number was put.
    Put(usize),
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one independent thing"
)]
struct State {
    job: EntryJob,
    found: Found,
    /// The card, once it is known.
    card: Option<CardId>,
    /// Which of the entries are there.
    seen: Vec<bool>,
    wrote: bool,
    lost: bool,
    waits: bool,
    gone: bool,
    outcome: Option<Outcome>,
}

indexed_by!(JobIx => State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Search,
    Further,
    Put,
    Over,
}

/// Entries on their way to their cards.
#[derive(Debug)]
pub struct EntryWave {
    jobs: Vec<State>,
    pending: HashMap<String, (JobIx, Question)>,
    keys: usize,
    phase: Phase,
}

impl EntryWave {
    /// A wave over these jobs, before anything is asked.
    pub fn new(jobs: Vec<EntryJob>) -> Self {
        let state = |job: EntryJob| State {
            found: Found::default(),
            card: job.card,
            seen: vec![false; job.entries.len()],
            wrote: false,
            lost: false,
            waits: false,
            gone: false,
            outcome: None,
            job,
        };
        Self {
            jobs: jobs.into_iter().map(state).collect(),
            pending: HashMap::new(),
            keys: 0,
            phase: Phase::Search,
        }
    }

    /// Ends: one settlement for each job.
    pub fn finish(self) -> Vec<Settlement> {
        let over = self.phase == Phase::Over;
        let jobs = self.jobs.into_iter().enumerate();
        jobs.map(|(nth, state)| state.settlement(JobIx::at(nth), over))
            .collect()
    }

    fn command(&mut self, job: JobIx, (question, method, params): Planning) -> Command {
        let key = format!("e{}", self.keys);
        self.keys += 1;
        self.pending.insert(key.clone(), (job, question));
        Command {
            key,
            method,
            params,
        }
    }

    fn take(&mut self, job: JobIx, question: Question, answer: Option<CommandAnswer>) {
        let state = &mut self.jobs[job];
        match answer {
            Some(CommandAnswer::Done { result, .. }) if question.is_told_by(&result) => {
                state.done(question, &result);
            }
            Some(CommandAnswer::Refused { error, description }) => {
                let message = if description.is_empty() {
                    error
                } else {
                    description
                };
                let rights = ["denied", "доступ"];
                let denied = rights
                    .iter()
                    .any(|word| message.to_lowercase().contains(word));
                let code = if denied {
                    ErrorCode::Rights
                } else {
                    ErrorCode::Refused
                };
                state.end(Outcome::Refused { code, message });
            }
            Some(CommandAnswer::Later) => state.again(ErrorCode::Operating, question),
            Some(CommandAnswer::Done { .. }) | None => state.again(ErrorCode::InDoubt, question),
        }
    }
}

/// What is asked, by which method, and with what.
type Planning = (Question, &'static str, Value);

impl Rounds for EntryWave {
    fn next_round(&mut self) -> Vec<Call> {
        while self.phase != Phase::Over {
            let phase = self.phase;
            self.phase = match phase {
                Phase::Search => Phase::Further,
                Phase::Further => Phase::Put,
                Phase::Put | Phase::Over => Phase::Over,
            };
            let mut commands = Vec::new();
            for job in JobIx::all(self.jobs.len()) {
                let state = &mut self.jobs[job];
                if state.outcome.is_some() {
                    continue;
                }
                let planned = match phase {
                    Phase::Search => state.search(),
                    Phase::Further => state.search_further(),
                    Phase::Put | Phase::Over => state.put(),
                };
                for one in planned {
                    commands.push(self.command(job, one));
                }
            }
            if !commands.is_empty() {
                let calls = commands.chunks(BATCH_LIMIT).map(<[_]>::to_vec);
                return calls.map(Call::from).collect();
            }
        }
        Vec::new()
    }

    fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let asks = call.commands.iter();
        let asks: Vec<_> = asks
            .filter_map(|command| Some((command.key.clone(), self.pending.remove(&command.key)?)))
            .collect();
        let sharing: BTreeSet<JobIx> = asks.iter().map(|(_, (job, _))| *job).collect();
        match answer {
            CallAnswer::Answered(mut answered) => {
                for (key, (job, question)) in asks {
                    self.take(job, question, answered.remove(&key));
                }
            }
            CallAnswer::InDoubt | CallAnswer::NotRun => {
                let doubt = matches!(answer, CallAnswer::InDoubt) && call.writes();
                let code = if doubt {
                    ErrorCode::InDoubt
                } else {
                    ErrorCode::Down
                };
                for (_, (job, question)) in asks {
                    self.jobs[job].again(code, question);
                }
            }
            CallAnswer::Poisoned { code, message } => {
                for (_, (job, question)) in asks {
                    let state = &mut self.jobs[job];
                    state.lost |= code == ErrorCode::Unanswered && question.writes();
                    let message = message.clone();
                    state.end(if sharing.len() > 1 {
                        Outcome::Apart { code, message }
                    } else {
                        Outcome::Refused { code, message }
                    });
                }
            }
        }
    }

    fn waiting_for(&self, call: &Call) -> Vec<JobIx> {
        let asks = call.commands.iter();
        let jobs = asks.filter_map(|command| Some(self.pending.get(&command.key)?.0));
        jobs.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn intentions(&self) -> Vec<Intention> {
        let open = self.jobs.iter().filter(|state| state.outcome.is_none());
        open.filter_map(|state| {
            Some(Intention {
                shop: state.job.shop.clone(),
                number: state.job.number.clone(),
                what: on(state.card?),
            })
        })
        .collect()
    }
}

impl Question {
    fn writes(self) -> bool {
        matches!(self, Self::Put(_))
    }

    /// Whether an answer tells what was asked: what is no list is not an empty one.
    fn is_told_by(self, result: &Value) -> bool {
        match self {
            Self::Put(_) => true,
            Self::People => result.is_array() || result.is_object(),
            _ => is_told(result),
        }
    }
}

/// That entries are being put on this card.
fn on(card: CardId) -> WritesInFlight {
    WritesInFlight {
        card: Some(card),
        ..WritesInFlight::default()
    }
}

impl State {
    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    /// Ends the job for now: nobody judged the command, and the job is tried again.
    fn again(&mut self, code: ErrorCode, question: Question) {
        self.lost |= code == ErrorCode::InDoubt && question.writes();
        self.end(Outcome::Again { code });
    }

    fn done(&mut self, question: Question, result: &Value) {
        match question {
            Question::Put(entry) => match made_id(result) {
                Some(_) => {
                    self.seen[entry] = true;
                    self.wrote = true;
                }
                None => self.end(Outcome::Refused {
                    code: ErrorCode::Refused,
                    message: format!("the portal's answer holds no id: {result}"),
                }),
            },
            Question::Card => {
                self.found.card = rows(result).first().and_then(search::Row::read);
                if self.found.card.is_none() {
                    self.lose_card();
                }
            }
            Question::Origin | Question::Marks => self.recognise(question, &rows(result)),
            _ => self.found.take(question, result),
        }
    }

    /// The card is not there any more: another is sought at the next try.
    fn lose_card(&mut self) {
        let card = self.card.map_or_else(String::new, |card| card.to_string());
        self.gone = true;
        self.end(Outcome::Refused {
            code: ErrorCode::Refused,
            message: format!("the {card} is not there any more"),
        });
    }

    /// The commands that put what is missing; nothing if nothing is, or nothing can be.
    fn put(&mut self) -> Vec<Planning> {
        let before = self.card.is_some();
        if !before {
            self.card = self.found.choose(self.job.sought.only_deals);
        }
        let Some(card) = self.card else {
            return Vec::new();
        };
        let missing: Vec<usize> = (0..self.seen.len()).filter(|at| !self.seen[*at]).collect();
        if before && self.job.running.is_some() && !missing.is_empty() {
            self.waits = true;
            self.end(Outcome::Again {
                code: ErrorCode::InDoubt,
            });
            return Vec::new();
        }
        let planned = missing.into_iter().map(|at| {
            let (method, params) = self.entry(card, &self.job.entries[at]);
            (Question::Put(at), method, params)
        });
        planned.collect()
    }

    fn settlement(mut self, job: JobIx, over: bool) -> Settlement {
        let (mut notes, mut known) = (Vec::new(), self.job.known.clone());
        if let (None, Some(running)) = (self.card, &self.job.running) {
            self.card = running.card;
        }
        known.card = self.card.filter(|_| !self.gone).map(Place::On);
        if self.gone && known.target.map(CardId::from) == self.card {
            known.target = None;
        }
        match known.card {
            Some(Place::On(CardId::Deal(id))) => known.target = Some(CrmEntity::Deal(id)),
            Some(Place::On(CardId::Lead(id))) => known.target = Some(CrmEntity::Lead(id)),
            Some(Place::On(CardId::Contact(id))) => known.contact_id = Some(id),
            _ => {}
        }
        let all = self.seen.iter().all(|seen| *seen);
        let nobody = over && self.card.is_none();
        let outcome = match (self.outcome.take(), nobody, over && all) {
            (Some(outcome), _, _) => outcome,
            (None, true, _) if self.job.makes => {
                known.card = Some(Place::ToMake);
                Outcome::Onward
            }
            (None, true, _) => {
                notes.push(Note::NobodyKnown);
                Outcome::Done { wrote: false }
            }
            (None, false, true) => Outcome::Done { wrote: self.wrote },
            (None, false, false) => Outcome::Again {
                code: ErrorCode::Down,
            },
        };
        let landing = match (self.card, self.job.running.take()) {
            (Some(card), _) if self.lost => Landing::Lost(on(card)),
            (_, Some(running)) if !all => Landing::AsBefore(running),
            _ => Landing::Nothing,
        };
        Settlement {
            job,
            outcome,
            known,
            notes,
            stage: None,
            links_contact: false,
            links_company: false,
            made_as: None,
            landing,
            waits: self.waits,
        }
    }
}
