//! The result of a scan: where deals stand, how they came there, and the outcomes of moves.

use crate::{
    domain::Stage,
    planner::{
        Origin,
        entities::stage_of,
        json::{id, text},
        list_query::row_id,
    },
    process::bug,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A row of the portal's stage history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageMove {
    /// Its id: grows over the whole portal.
    pub id: u64,
    /// The id of the deal that was moved.
    pub deal: u64,
    /// The stage that the deal was moved to.
    pub stage: Stage,
    /// `TYPE_ID`: 1 made, 2 moved, 3 ended, 5 another funnel; 0 where it is not told.
    pub kind: u8,
    /// When, by the portal's clock.
    pub at: DateTime<Utc>,
}

/// A row of the portal's stage history that cannot be read, or over which the bridge panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRow {
    /// Its id, if that can be read.
    pub id: Option<u64>,
    /// The deal, if that can be read.
    pub deal: Option<u64>,
    /// The row as it came.
    pub row: Value,
    /// Where it broke, and in which words.
    pub words: String,
}

/// A deal as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealState {
    /// The stage that the deal is in.
    pub stage: Stage,
    /// When it was moved there, by the portal's clock (`MOVED_TIME`).
    pub moved_at: Option<DateTime<Utc>>,
    /// The portal's user who moved it (`MOVED_BY_ID`).
    pub moved_by: Option<u64>,
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveOutcome {
    /// The portal said yes.
    Answered,
    /// The portal refused, in these words.
    Refused(String),
    /// Sent, and no usable answer came.
    InDoubt,
    /// Not sent, or put off by the portal.
    NotRun,
}

/// What was seen. What is missing here was not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanResult {
    /// New rows of the portal's history.
    pub history: Vec<StageMove>,
    /// Rows of that history that could not be read, each by its own fault.
    pub broken: Vec<BrokenRow>,
    /// Whether the history was read at all.
    pub history_read: bool,
    /// Why a part of it was not, where the portal did answer: it refuses, or what it answers is no
    /// history.
    pub history_fault: Option<String>,
    /// The newest row's id, as known before the deals were read.
    pub newest: Option<u64>,
    /// Who the bridge is in the portal.
    pub me: Option<u64>,
    /// Deals that were asked for; `None` for one that the portal does not show.
    pub deals: BTreeMap<u64, Option<DealState>>,
    /// Where the deals that were read come from.
    pub origins: BTreeMap<u64, Origin>,
    /// The moves of deals whose own history was asked for.
    pub moves: BTreeMap<u64, Vec<StageMove>>,
    /// What became of moves.
    pub written: BTreeMap<u64, MoveOutcome>,
    /// What the portal refused besides, in its own words.
    pub refused: Vec<String>,
    /// Deals whose move was in a call that was refused as a whole, and how: one of them is to
    /// blame.
    pub poisoned: BTreeMap<u64, String>,
}

impl ScanResult {
    /// Takes what another scan saw.
    pub fn absorb(&mut self, other: Self) {
        self.history.extend(other.history);
        self.broken.extend(other.broken);
        self.history_read |= other.history_read;
        self.history_fault = self.history_fault.take().or(other.history_fault);
        self.newest = self.newest.max(other.newest);
        self.me = self.me.or(other.me);
        self.deals.extend(other.deals);
        self.origins.extend(other.origins);
        self.moves.extend(other.moves);
        self.written.extend(other.written);
        self.refused.extend(other.refused);
        self.poisoned.extend(other.poisoned);
    }
}

impl DealState {
    /// A deal and its state, from a row of a list of deals.
    pub(super) fn read(row: &Map<String, Value>) -> Option<(u64, Self)> {
        let stage = stage_of(row);
        if stage.id.is_empty() {
            return None;
        }
        let state = Self {
            stage,
            moved_at: moment(row.get("MOVED_TIME")),
            moved_by: row.get("MOVED_BY_ID").and_then(id),
        };
        Some((row_id(row)?, state))
    }
}

impl StageMove {
    /// A move, from a row of the stage history.
    pub(super) fn read(row: &Map<String, Value>) -> Option<Self> {
        let stage = stage_of(row);
        if stage.id.is_empty() {
            return None;
        }
        Some(Self {
            id: row_id(row)?,
            deal: row.get("OWNER_ID").and_then(id)?,
            stage,
            kind: text(row.get("TYPE_ID")).parse().unwrap_or(0),
            at: moment(row.get("CREATED_TIME"))?,
        })
    }
}

/// Reads rows, each by itself: one that cannot be read, or over which the bridge panics, is put
/// aside, and costs no other.
pub(super) fn read_each<T>(
    rows: &[Map<String, Value>],
    read: impl Fn(&Map<String, Value>) -> Option<T>,
) -> (Vec<T>, Vec<BrokenRow>) {
    let (mut good, mut broken) = (Vec::new(), Vec::new());
    for row in rows {
        match bug::caught(|| read(row)) {
            Ok(Some(one)) => good.push(one),
            Ok(None) => broken.push(BrokenRow::new(row, UNREADABLE.to_owned())),
            Err(bug) => broken.push(BrokenRow::new(row, bug.to_string())),
        }
    }
    (good, broken)
}

/// What is said of a row that tells too little.
const UNREADABLE: &str = "the row tells no id, deal, stage or time that can be read";

impl BrokenRow {
    fn new(row: &Map<String, Value>, words: String) -> Self {
        let tried =
            |read: fn(&Map<String, Value>) -> Option<u64>| bug::caught(|| read(row)).ok().flatten();
        Self {
            id: tried(row_id),
            deal: tried(|row| row.get("OWNER_ID").and_then(id)),
            row: Value::Object(row.clone()),
            words,
        }
    }
}

/// A time as portals write it: with an offset, mostly; what has none cannot be compared.
fn moment(value: Option<&Value>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value?.as_str()?.trim())
        .ok()
        .map(|at| at.with_timezone(&Utc))
}
