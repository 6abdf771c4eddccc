//! The outcome of one comparison: what is put on record, written, told and said.

use crate::{
    decision::{Action, Basis, Decision},
    domain::{
        ErrorCode, Side, Stage,
        happening::{Happening, SyncEvent},
    },
    planner::StageWrite,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// A decision that is to be put on record.
pub(in crate::app::sync) struct RecordedDecision {
    pub(in crate::app::sync) id: i64,
    pub(in crate::app::sync) decision: Decision,
    pub(in crate::app::sync) inputs: Value,
}

/// What becomes of the order on the list of comparisons.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::app::sync) enum NextStep {
    /// It is compared, and leaves the list.
    Done,
    /// A stage is being written: looked at again after it.
    Written(StageWrite),
    /// To be looked at again after this time.
    Again(TimeDelta),
}

/// What happens to the open conflict of the order.
pub(in crate::app::sync) enum ConflictChange {
    Keep,
    Close,
    Open {
        code: ErrorCode,
        what: SyncEvent,
        decision: i64,
    },
}

/// A line of the order's life.
pub(in crate::app::sync) struct OutcomeLine {
    pub(in crate::app::sync) kind: &'static str,
    pub(in crate::app::sync) what: Happening,
    pub(in crate::app::sync) detail: Value,
}

/// What the shop is told of its order.
pub(in crate::app::sync) struct StatusMessage {
    /// The status that it is to take.
    pub(in crate::app::sync) status: String,
    /// The one that it is believed to have.
    pub(in crate::app::sync) previous: String,
    /// Where the deal stands.
    pub(in crate::app::sync) stage: Stage,
    /// Why, in the decision's own sentence.
    pub(in crate::app::sync) reason: String,
    /// The decision that says so.
    pub(in crate::app::sync) decision: i64,
}

/// What follows from one comparison.
pub(in crate::app::sync) struct Outcome {
    pub(in crate::app::sync) then: NextStep,
    pub(in crate::app::sync) recorded: Vec<RecordedDecision>,
    pub(in crate::app::sync) conflict: ConflictChange,
    pub(in crate::app::sync) lines: Vec<OutcomeLine>,
    /// What the shop is told.
    pub(in crate::app::sync) tell: Option<StatusMessage>,
    /// Facts that the message would deny.
    pub(in crate::app::sync) denies: Vec<String>,
    /// Whether messages that are no longer awaited are to be dropped, and which are awaited.
    pub(in crate::app::sync) awaited: Option<Vec<DateTime<Utc>>>,
    /// Whether the deal is another's.
    pub(in crate::app::sync) foreign: bool,
}

impl RecordedDecision {
    /// The action in one word, as the decisions' table keeps it.
    pub(in crate::app::sync) fn action(&self) -> &'static str {
        match self.decision.action {
            Action::Agree { .. } => "agree",
            Action::WritePortal { .. } => "write_portal",
            Action::TellShop { .. } => "tell_shop",
            Action::Refused { .. } => "refused",
            Action::Review { .. } => "review",
        }
    }

    /// The basis in one word, as the decisions' table keeps it.
    pub(in crate::app::sync) fn basis(&self) -> &'static str {
        match self.decision.record.basis {
            Basis::Consistent => "consistent",
            Basis::OneSide => "one_side",
            Basis::Rule => "rule",
            Basis::Default => "default",
            Basis::Latest => "latest",
            Basis::Undated => "undated",
            Basis::Final(_) => "final",
            Basis::Source => "source",
            Basis::Ruling => "ruling",
            Basis::Doubtful => "doubtful",
        }
    }

    /// `shop` or `portal`; `None` where nobody is right.
    pub(in crate::app::sync) fn winner(&self) -> Option<&'static str> {
        self.decision.record.winner.map(Side::as_str)
    }
}
