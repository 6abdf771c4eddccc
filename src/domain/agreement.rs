//! State that is kept with an order between two comparisons: the bridge's own writes, the
//! difference that waits for a person, and that person's word.

use super::{Agreed, Side, Stage};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One write of the bridge for one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeWrite {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The value that was sent, and to which side.
    pub wrote: WrittenValue,
}

/// What was written, and to which side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenValue {
    /// To the portal: the stage that the deal was moved to.
    Stage(Stage),
    /// To the shop: the status that it was told.
    Status(String),
    /// To 1C: the order's own status, against what 1C said.
    Onec(String),
}

/// The difference that a review is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What the shop says, in its own words.
    pub status: String,
    /// The stage of the deal at the same time.
    pub stage: Stage,
}

/// A person's word on one difference. It is handed in once: carried out, it is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The difference that it answers; of any other it says nothing.
    pub of: Waiting,
    /// The side whose value the other one is to take.
    pub winner: Side,
}

/// A person's word, kept until both sides agree: it is not asked for twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingRuling {
    /// What the person said.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// How often it was carried out.
    #[serde(default)]
    pub tries: u8,
}

impl StandingRuling {
    /// A word that was spoken just now.
    pub fn new(ruling: Ruling) -> Self {
        Self { ruling, tries: 0 }
    }
}

/// A stage on its way to the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageWriteInFlight {
    /// The stage that the deal is moved to.
    pub stage: Stage,
    /// The newest row of the history before it.
    pub guard: Option<u64>,
    /// What is agreed once it is written; `None` leaves what was agreed.
    pub agreed: Option<Agreed>,
    /// The decision that it carries out.
    pub decision: i64,
    /// When it was sent, on the bridge's clock.
    pub sent: DateTime<Utc>,
    /// Where the deal stood.
    #[serde(default)]
    pub from: Option<Stage>,
    /// When it was counted as a turn; `None`: it is no turn.
    #[serde(default)]
    pub turn: Option<DateTime<Utc>>,
    /// Tries that the portal refused.
    #[serde(default)]
    pub tries: u32,
    /// The last try was refused, nothing is on its way: when the next is due, on the bridge's
    /// clock.
    #[serde(default)]
    pub next_try: Option<DateTime<Utc>>,
    /// It brings back a move that a write of ours buried.
    #[serde(default)]
    pub restores: bool,
}
