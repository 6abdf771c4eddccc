//! The outcome of one comparison: what is put on record, written, told and said.

use crate::{
    decision::{Action, Basis, Decision},
    domain::{
        ErrorCode, Stage,
        happening::{Happening, SyncEvent},
    },
    planner::StageWrite,
    storage::{DecisionAction, DecisionBasis, DecisionWinner, journal::LineKind},
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
    pub(in crate::app::sync) kind: LineKind,
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
    /// Whether the portal shows the deal, and it is the order's.
    pub(in crate::app::sync) shown: bool,
}

impl RecordedDecision {
    /// What is done, as the decisions' table keeps it.
    pub(in crate::app::sync) fn action(&self) -> DecisionAction {
        match self.decision.action {
            Action::Agree { .. } => DecisionAction::Agree,
            Action::WritePortal { .. } => DecisionAction::WritePortal,
            Action::TellShop { .. } => DecisionAction::TellShop,
            Action::Refused { .. } => DecisionAction::Refused,
            Action::Review { .. } => DecisionAction::Review,
        }
    }

    /// What it rests on, as the decisions' table keeps it.
    pub(in crate::app::sync) fn basis(&self) -> DecisionBasis {
        stored_basis(self.decision.record.basis)
    }

    /// Who is right; `None` where nobody is.
    pub(in crate::app::sync) fn winner(&self) -> Option<DecisionWinner> {
        self.decision.record.winner.map(DecisionWinner::from)
    }
}

/// What a decision rests on, as the decisions' table keeps it.
pub(in crate::app) fn stored_basis(basis: Basis) -> DecisionBasis {
    match basis {
        Basis::Consistent => DecisionBasis::Consistent,
        Basis::OneSide => DecisionBasis::OneSide,
        Basis::Rule => DecisionBasis::Rule,
        Basis::Default => DecisionBasis::Default,
        Basis::Latest => DecisionBasis::Latest,
        Basis::Undated => DecisionBasis::Undated,
        Basis::Final(_) => DecisionBasis::Final,
        Basis::Source => DecisionBasis::Source,
        Basis::Ruling => DecisionBasis::Ruling,
        Basis::Doubtful => DecisionBasis::Doubtful,
    }
}
