//! Moves of others while the bridge wrote, read from the portal's stage history.
//!
//! The history names no author. Our own write is the row with the stage that we wrote whose time is
//! nearest to the call; every other row after the guard is somebody else's: a manager's or a
//! robot's.

use super::{Action, Decision, Inputs, Purpose, decide, explanation};
use crate::domain::{Observation, Stage};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A row of `crm.stagehistory.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// ID: grows over the whole portal.
    pub id: u64,
    /// Where the deal went.
    pub stage: Stage,
    /// CREATED_TIME, by the portal's clock.
    pub at: DateTime<Utc>,
}

/// A write of ours to one deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnWrite {
    /// The stage that the deal was moved to.
    pub stage: Stage,
    /// The newest history row known before; `None` if the deal had none.
    pub guard: Option<u64>,
    /// When the call was sent, on the portal's clock ([`crate::domain::Offset::to_theirs`]).
    pub sent: DateTime<Utc>,
    /// When its answer came, on the portal's clock.
    pub answered: DateTime<Utc>,
    /// Whether MOVED_BY_ID, read back after the write, is the bridge's own user; `None` if that was
    /// not read. Where it is not, the newest row is not ours: somebody moved the deal later, or had
    /// moved it there before us.
    pub moved_last_by_us: Option<bool>,
}

/// A move that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignMove {
    /// The row of the stage history that tells of it.
    pub row: HistoryRow,
    /// Where it stands to our write.
    pub place: Place,
}

/// Where a foreign move stands to our write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before it: our write buried it.
    Before,
    /// After it: it stands, and the next look sees it.
    After,
}

/// The moves after the guard that are not our write, by growing id. Rows may come in any order,
/// doubled, and from before.
///
/// If no row is our write (the deal stood there already, or the write did not take), all of them
/// stand: [`Place::After`].
pub fn foreign_moves(rows: &[HistoryRow], write: &OwnWrite) -> Vec<ForeignMove> {
    let mut rows: Vec<&HistoryRow> = rows
        .iter()
        .filter(|row| write.guard.is_none_or(|guard| row.id > guard))
        .collect();
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    let newest = rows.last().map(|row| row.id);
    let own = rows
        .iter()
        .filter(|row| row.stage == write.stage)
        .filter(|row| write.moved_last_by_us != Some(false) || Some(row.id) != newest)
        .min_by_key(|row| (distance(row.at, write), std::cmp::Reverse(row.id)))
        .map(|row| row.id);
    rows.into_iter()
        .filter(|row| Some(row.id) != own)
        .map(|row| ForeignMove {
            row: row.clone(),
            place: if own.is_some_and(|own| row.id < own) {
                Place::Before
            } else {
                Place::After
            },
        })
        .collect()
}

/// How far outside the call a row lies. The portal tells whole seconds, so anything closer counts
/// as within.
fn distance(at: DateTime<Utc>, write: &OwnWrite) -> TimeDelta {
    let outside = (write.sent - at).max(at - write.answered);
    if outside <= TimeDelta::seconds(1) {
        TimeDelta::zero()
    } else {
        outside
    }
}

/// The move that our write buried: the last one before it, if nobody moved the deal since.
pub fn overwritten(moves: &[ForeignMove]) -> Option<&ForeignMove> {
    moves.last().filter(|last| last.place == Place::Before)
}

/// Decides again as if our write had not been made: `inputs` with the deal as it is now (in the
/// stage that we wrote), the newest history id, and what was agreed before the write; `buried` is
/// the move that nobody saw in time.
///
/// Where the buried move is right, or may be, the deal is brought back to it and what was agreed
/// stays: the next look decides the rest with both claims in sight.
pub fn decide_again(inputs: &Inputs<'_>, buried: &ForeignMove) -> Decision {
    let claim = Observation {
        value: buried.row.stage.clone(),
        since: Some(buried.row.at),
        ..inputs.portal.clone()
    };
    let as_if = Inputs {
        portal: &claim,
        ..*inputs
    };
    let mut decision = decide(&as_if);
    let agreed_now = match &decision.action {
        Action::WritePortal { stage, agreed, .. } if *stage == inputs.portal.value => {
            let Some(mut agreed) = agreed.clone() else {
                return decision;
            };
            agreed.portal_since = inputs.portal.since;
            decision.action = Action::Agree { agreed };
            return explained(&as_if, decision);
        }
        Action::WritePortal { .. } => return decision,
        Action::Agree { agreed } => {
            let mut agreed = agreed.clone();
            agreed.portal_since = None;
            Some(agreed)
        }
        Action::TellShop { .. } | Action::Refused { .. } | Action::Review { .. } => None,
    };
    // Not counted against the limit of turns: it only follows a write of ours, and those are
    // counted.
    decision.action = Action::WritePortal {
        stage: claim.value.clone(),
        guard: inputs.history,
        purpose: Purpose::Restore,
        agreed: agreed_now,
    };
    explained(&as_if, decision)
}

/// The decision with another action, explained anew.
fn explained(inputs: &Inputs<'_>, mut decision: Decision) -> Decision {
    decision.explanation = explanation::put(
        inputs,
        inputs.agreed,
        &decision.action,
        &mut decision.record,
    );
    decision
}
