//! A decision's outcome, and its record.

use crate::domain::{Agreed, Fact, Side, Stage, Untranslatable, happening::Explanation};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A decision: what to do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What is to be done: carried out by the caller, who stores it first.
    pub action: Action,
    /// What it rests on, for the record.
    pub record: Record,
    /// The same for people, as data.
    pub explanation: Explanation,
}

impl Decision {
    /// Whether a move in the portal was overruled: worth a word in the deal, so that nobody wonders
    /// who moved it.
    pub fn overrules_a_move(&self) -> bool {
        matches!(self.action, Action::WritePortal { .. })
            && matches!(self.record.change, Change::Portal | Change::Both)
            && self.record.winner == Some(Side::Shop)
    }
}

/// What a decision asks of its caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Both sides say the same: write nothing, store what is agreed.
    Agree {
        /// What is agreed now.
        agreed: Agreed,
    },
    /// The deal is moved: the portal takes the shop's side.
    WritePortal {
        /// The stage that the deal is moved to.
        stage: Stage,
        /// The newest history row that this rests on: rows after it, other than the write's own,
        /// are foreign moves.
        guard: Option<u64>,
        /// Why the deal is moved.
        purpose: Purpose,
        /// What is agreed once it is written; `None` leaves what was agreed as it is.
        agreed: Option<Agreed>,
    },
    /// A message is stored for the shop: the shop takes the portal's side.
    TellShop {
        /// The status that the shop is to take, in its own words.
        status: String,
        /// The status that the shop is believed to have. A message may cross a change of the shop,
        /// which nobody but the shop can notice: if it has another status, or took money that the
        /// message would deny, it is to answer 409.
        previous: String,
        /// One plain sentence, the record's own.
        reason: String,
        /// What is agreed once the message is stored for delivery.
        agreed: Agreed,
    },
    /// Write nothing; the difference stays and is on record.
    Refused {
        /// What stands against every write.
        why: Refusal,
    },
    /// Write nothing until a person decides.
    Review {
        /// What the rules leave to a person.
        why: ReviewWhy,
    },
}

/// To what end the deal is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The portal follows the shop.
    Follow,
    /// A move in the portal is undone.
    PutBack,
    /// A move that a write of ours buried is brought back.
    Restore,
}

/// Why a change goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The table has no way from the shop's status to a stage.
    Status(Untranslatable),
    /// The table has no way from the portal's stage to a status.
    Stage(Untranslatable),
    /// Nobody changed anything: the table of statuses was changed under what was agreed.
    Table,
    /// It would take back a final fact, and the deal cannot be put back either.
    Final(Fact),
}

/// Why a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewWhy {
    /// A rule, or the default, leaves it to people.
    Rule,
    /// Time cannot tell, and people are the authority then.
    Undated,
    /// A rule leaves a final fact to people.
    Final(Fact),
    /// The same was written again and again: something answers each write with another.
    PingPong {
        /// How many writes were counted.
        turns: usize,
    },
    /// A review of exactly this difference is open already.
    Waiting,
}

/// Who changed since both sides agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nobody: the sides still agree, or the table was changed under them.
    Neither,
    /// Only the shop's status changed.
    Shop,
    /// Only the portal's stage changed.
    Portal,
    /// The shop's status and the portal's stage both changed.
    Both,
    /// Nothing was agreed before.
    FirstMeeting,
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Both sides mean the same.
    Consistent,
    /// Only one side changed.
    OneSide,
    /// The matching rule, by its plain word.
    Rule,
    /// The default, by its plain word.
    Default,
    /// `latest`: the corrected times are far enough apart.
    Latest,
    /// `latest` could not tell: the authority for that case.
    Undated,
    /// A final fact is protected.
    Final(Fact),
    /// Only another system brings an order into that status.
    Source,
    /// An operator's ruling on this very difference.
    Ruling,
    /// The shop's snapshot may be from before it took what it was told: it is asked.
    Doubtful,
}

/// What is recorded of a decision besides its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which side changed since both agreed.
    pub change: Change,
    /// What it rests on.
    pub basis: Basis,
    /// The first matching rule, counted from 0, where one was asked.
    pub rule: Option<usize>,
    /// Who was right; `None` where nobody had to be, or a person will say.
    pub winner: Option<Side>,
    /// When the shop changed, on the bridge's clock.
    pub shop_at: Option<DateTime<Utc>>,
    /// When the portal changed, on the bridge's clock.
    pub portal_at: Option<DateTime<Utc>>,
    /// What the shop's status counted as: what it says, or what it was told since.
    pub shop_counts_as: String,
    /// One plain sentence for people, in English: the explanation's.
    pub sentence: String,
}
