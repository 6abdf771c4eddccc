//! From orders to portal commands and back to settlements.
//!
//! PURE. A [`Wave`] is a state machine over many orders at once: it gives out calls (batches of at
//! most 50 commands), takes their answers, and ends with one [`Settlement`] for each job. It never
//! sends anything itself, so each step can be tested by hand-written answers.
//!
//! To add a round: a variant of `PendingCommand`, the asking as a method of [`Wave`], its place
//! among the phases, its answer in `responses`. If it writes: `Call::writes` knows the method, a
//! lost answer is looked up first, and what was written is read back. `deploy/contributing.md` has
//! each step.

mod card_entries;
mod cards;
mod catalogue;
mod customers;
mod deal_scan;
mod entities;
mod field_mapping;
mod indexes;
mod json;
mod lead_conversions;
mod list_query;
mod portal_identity;
mod portal_schema;
mod wave;

pub use card_entries::{CardId, EntryJob, EntryWave, Place, Sought};
pub use catalogue::{
    CatalogueFacts, Hindrance, LinkedElement, LinkedPrice, PictureFault, PictureJob, PictureLink,
    PictureWave, ProductAction, ProductJob, ProductLinks, ProductPlan, ProductWave, hex_digest,
};
pub use customers::card_match::{
    Because, Card, Evidence, NotOf, Passed, Recognised, Recognition, Refused, Who,
};
pub use deal_scan::{
    BrokenRow, DealScan, DealState, History, MoveOutcome as StageWritten, ScanRequest, ScanResult,
    StageMove, StageWrite, newest_history, tells_history,
};
pub use indexes::JobIx;
pub use lead_conversions::{Became, LEADS_AT_ONCE, ask_conversions, read_conversions};
pub use portal_identity::{
    FoundOrder, Inquiry, Origin, RememberedWitness, Search, Verdict, Witness,
};
pub use portal_schema::PortalFacts;
pub use wave::Wave;
pub use wave::responses::denies;
pub use wave::writes_in_flight::{Doubt, Intention, Landing, Making, Open, WritesInFlight};

use wave::job::State;

use crate::domain::{
    ErrorCode, LegalEntity, OrderNumber, Person, ShopRules, Snapshot, Stage,
    happening::{self, Note},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// The most commands one batch may carry (vendor limit).
pub const BATCH_LIMIT: usize = 50;

/// One order to bring to the portal.
#[derive(Debug, Clone)]
pub struct Job {
    /// How the order's shop wants its orders written.
    pub rules: Arc<ShopRules>,
    /// The order's number in its shop, or the key of a subject.
    pub number: OrderNumber,
    /// Whether the order is brought to a snapshot, or was deleted by the shop.
    pub intent: Intent,
    /// What the bridge knows of the order from before.
    pub known: KnownLinks,
    /// Make a new deal if the known one is gone (an operator said so).
    pub recreate: bool,
    /// If it becomes a new deal, import it: the portal then starts none of its automation for new
    /// deals.
    pub import: bool,
    /// What was under way when it was last worked on, if nobody heard how that ended.
    pub doubt: Option<Doubt>,
    /// The status that is agreed with the deal, where that was seen since: its echo is no news.
    pub agreed: Option<String>,
    /// What is known of who its customer is.
    pub who: Who,
}

/// Something that a wave brings to the portal.
pub trait Planned {
    /// The order's number, or the key of a subject.
    fn number(&self) -> &OrderNumber;

    /// What tells its customer: who share some of it may be one person or firm.
    fn customers(&self) -> Vec<String>;
}

/// Calls that are given out round by round, and what their answers come to.
pub trait Rounds {
    /// The calls of the next round, in the order they are to be sent; empty when nothing is left to
    /// ask. Each call given out must be answered before the next round.
    fn next_round(&mut self) -> Vec<Call>;

    /// Takes what became of a call.
    fn answer(&mut self, call: &Call, answer: CallAnswer);

    /// The open jobs that wait for an answer to this call.
    fn waiting_for(&self, call: &Call) -> Vec<JobIx>;

    /// What may be written from here on, of each open job.
    fn intentions(&self) -> Vec<Intention>;
}

impl Rounds for Wave {
    fn next_round(&mut self) -> Vec<Call> {
        self.next_round()
    }

    fn answer(&mut self, call: &Call, answer: CallAnswer) {
        self.answer(call, answer);
    }

    fn waiting_for(&self, call: &Call) -> Vec<JobIx> {
        self.waiting_for(call)
    }

    fn intentions(&self) -> Vec<Intention> {
        self.intentions()
    }
}

impl Planned for Job {
    fn number(&self) -> &OrderNumber {
        &self.number
    }

    fn customers(&self) -> Vec<String> {
        match &self.intent {
            Intent::Save(snapshot) => snapshot
                .customer
                .as_ref()
                .map_or_else(Vec::new, |customer| {
                    customers::tells(customer, &self.rules.shop, &self.number)
                }),
            Intent::Delete => Vec::new(),
        }
    }
}

/// What to do with an order.
#[derive(Debug, Clone)]
pub enum Intent {
    /// Bring the portal to this snapshot.
    Save(Box<Snapshot>),
    /// The shop deleted the order.
    Delete,
}

/// What the bridge knows of an order and its customer from before: the links, and what it last
/// wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLinks {
    /// The deal or lead of the order; `None` until it is known to have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<CrmEntity>,
    /// The contact of its customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<u64>,
    /// The company of its customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<u64>,
    /// Whom the contact stands for, as the shop told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// Which firm the company stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm: Option<LegalEntity>,
    /// How they were recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised: Option<Recognised>,
    /// What was last written; `None` if that is not known (then the portal's own values are
    /// compared).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<LastWritten>,
    /// What was sent and is not known to have arrived: it counts as unknown, and is done before the
    /// order is.
    #[serde(default, skip_serializing_if = "Open::is_nothing")]
    pub open: Open,
    /// The card on which something is put that is no order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Place>,
    /// What stands for a product in the portal's catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<ProductLinks>>,
    /// What stands for a picture on a product's card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureLink>,
}

/// What an order became in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrmEntity {
    /// A deal, by id.
    Deal(u64),
    /// A lead, by id.
    Lead(u64),
}

impl CrmEntity {
    fn new(lead: bool, id: u64) -> Self {
        if lead { Self::Lead(id) } else { Self::Deal(id) }
    }

    fn id(self) -> u64 {
        match self {
            Self::Deal(id) | Self::Lead(id) => id,
        }
    }
}

impl KnownLinks {
    /// Whom its contact stands for; who told no name is known by the one that stood on the card.
    pub fn customer(&self) -> Option<Person> {
        let person = self.person.clone()?;
        let contact = self
            .recognised
            .as_ref()
            .and_then(|all| all.contact.as_ref());
        let contact = contact.filter(|contact| Some(contact.id) == self.contact_id);
        Some(match contact {
            Some(contact) => person.known_as(&contact.names),
            None => person,
        })
    }

    /// Forgets whose contact it is: another is looked for at the next turn.
    pub fn forget_contact(&mut self) {
        self.contact_id = None;
        self.person = None;
        if let Some(recognised) = &mut self.recognised {
            recognised.contact = None;
        }
    }

    /// The same of its company.
    pub fn forget_company(&mut self) {
        self.company_id = None;
        self.firm = None;
        if let Some(recognised) = &mut self.recognised {
            recognised.company = None;
        }
    }
}

impl From<CrmEntity> for happening::Card {
    fn from(entity: CrmEntity) -> Self {
        match entity {
            CrmEntity::Deal(id) => Self::Deal(id),
            CrmEntity::Lead(id) => Self::Lead(id),
        }
    }
}

impl fmt::Display for CrmEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deal(id) => write!(f, "deal {id}"),
            Self::Lead(id) => write!(f, "lead {id}"),
        }
    }
}

fn or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// What the bridge last wrote for an order, as far as an answer or a reading confirmed it: compared
/// with what it would write now, so that only changes are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWritten {
    /// Fields by their portal names.
    pub fields: serde_json::Map<String, Value>,
    /// How the portal shows the fields that it shows otherwise than they were sent.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub shown: serde_json::Map<String, Value>,
    /// Product rows as sent.
    pub rows: Vec<Value>,
    /// Whether rows that could be linked to the catalogue are left as they are: people changed
    /// them, or the deal was closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub links_left: bool,
    /// Phones and e-mails of the customer that the portal was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// A fingerprint of all that the shop told, but for the status, when the order was last seen in
    /// the portal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub told: String,
    /// The status that the shop told then; the first version wrote null for none.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_empty"
    )]
    pub status: String,
}

/// One method call inside a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Unique within its call; never numeric (PHP would make a list of numeric keys).
    pub key: String,
    /// The REST method, for example `crm.deal.add`.
    pub method: &'static str,
    /// Parameters; string values may hold `$result[key]`.
    pub params: Value,
}

/// Commands that travel in one batch call, in this order, at most [`BATCH_LIMIT`].
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The commands, in the order in which they run.
    pub commands: Vec<Command>,
    /// Whether none is run after the first that fails: the later ones lean on it.
    pub halts: bool,
}

impl From<Vec<Command>> for Call {
    /// Commands that stand each for itself.
    fn from(commands: Vec<Command>) -> Self {
        Self {
            commands,
            halts: false,
        }
    }
}

impl Call {
    /// Whether anything in it may change the portal.
    pub fn writes(&self) -> bool {
        self.commands.iter().any(|command| {
            [".add", ".update", ".set", ".batchImport"]
                .iter()
                .any(|end| command.method.ends_with(end))
                || command.method == catalogue::DELETE_PICTURE
        })
    }

    /// Whether it brings a file: such a call is none of a batch.
    pub fn brings_a_file(&self) -> bool {
        let mut commands = self.commands.iter();
        commands.any(|command| command.method == catalogue::ADD_PICTURE)
    }
}

/// What became of a [`Call`].
#[derive(Debug, Clone, PartialEq)]
pub enum CallAnswer {
    /// The portal answered: what it said of each command, by key. A command it does not mention was
    /// not run.
    Answered(std::collections::HashMap<String, CommandAnswer>),
    /// Sent, and no usable answer came: it may or may not have run.
    InDoubt,
    /// Not run: refused as a whole, or never sent.
    NotRun,
    /// Refused, or left without a usable answer, as a whole, while other calls go through:
    /// something in it is to blame.
    Poisoned {
        /// What it came to.
        code: ErrorCode,
        /// What exactly, for people.
        message: String,
    },
}

/// What the portal said of one command.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandAnswer {
    /// Done; the `result` value.
    Done {
        /// The command's entry in `result` of the batch, in the method's own form.
        result: Value,
        /// `next` of list methods: another page exists from this offset.
        next: Option<u64>,
    },
    /// Refused for what it asks.
    Refused {
        /// `error`, as text; often empty.
        error: String,
        /// `error_description`: the portal's words.
        description: String,
    },
    /// Not run for a reason that has nothing to do with the order (method blocked, portal trouble):
    /// to be asked again later.
    Later,
}

/// The end of one job in this wave. Links found or made on the way are reported whatever the
/// outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// Which job of the wave.
    pub job: JobIx,
    /// How the job ended, which says whether it is tried again.
    pub outcome: Outcome,
    /// What is known of the order now; to be stored whatever the outcome.
    pub known: KnownLinks,
    /// What somebody who reads the order's life should know.
    pub notes: Vec<Note>,
    /// The stage read back from the portal, if it was.
    pub stage: Option<Stage>,
    /// Whether the contact is to be linked to the shop's customer id.
    pub links_contact: bool,
    /// Whether the company is to be linked to the taxpayer number.
    pub links_company: bool,
    /// The status and the stage that a new deal was made with; also where its answer was lost.
    pub made_as: Option<(String, Stage)>,
    /// What may still land in the portal.
    pub landing: Landing,
    /// Whether nothing can be done until that is over.
    pub waits: bool,
}

impl Settlement {
    /// The end of a job of no order, of which nothing but its links is known. `lost`: what was
    /// sent, where nobody heard how that ended.
    fn of_subject(
        job: JobIx,
        outcome: Outcome,
        known: KnownLinks,
        lost: Option<WritesInFlight>,
    ) -> Self {
        Self {
            job,
            outcome,
            known,
            notes: Vec::new(),
            stage: None,
            links_contact: false,
            links_company: false,
            made_as: None,
            waits: lost.is_some(),
            landing: lost.map_or(Landing::Nothing, Landing::Lost),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The portal holds what the shop sent. `wrote` is false if nothing had to be written.
    Done {
        /// Whether anything was written.
        wrote: bool,
    },
    /// The portal refused: an attempt is used up, a later one may succeed.
    Refused {
        /// What kind of refusal it is.
        code: ErrorCode,
        /// The portal's own words.
        message: String,
    },
    /// No retry can cure this.
    Hopeless {
        /// What kind of fault it is.
        code: ErrorCode,
        /// What exactly, for people.
        message: String,
    },
    /// Nobody judged the order: to be done again, no attempt used up. What was sent may have been
    /// written.
    Again {
        /// What kept it from being judged.
        code: ErrorCode,
    },
    /// A part of it is done: the rest is due at once.
    Onward,
    /// Something that the order shares with others was refused, and nobody knows whose fault that
    /// is: to be done again in smaller company, no attempt used up. An order that is alone is
    /// judged.
    Apart {
        /// What kind of refusal it is.
        code: ErrorCode,
        /// What exactly, for people.
        message: String,
    },
}

#[cfg(test)]
mod tests;
