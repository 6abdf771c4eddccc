//! Reading where deals stand, and moving them: many deals in one call.
//!
//! A [`DealScan`] is a state machine like a [`super::Wave`]: it gives out calls, takes their
//! answers and ends with what was [`ScanResult`]. The portal's stage history is always read before
//! the deals, so that a move which comes in between is found in the history later, and moves are
//! read back in the call that makes them.

mod result;

use result::read_each;
pub use result::{BrokenRow, DealState, MoveOutcome, ScanResult, StageMove};

use super::{
    BATCH_LIMIT, Call, CallAnswer, Command, CommandAnswer, Origin,
    json::{elements, id, list, rows},
    list_query::{PAGE, is_told, listed, of_ids, row_id},
};
use crate::domain::Stage;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Deals whose own history is asked for in one command: few moves each, so they fit a page.
const HISTORIES: usize = 10;
/// The most pages of history of one glance: what is left is read in the next.
const MOST_PAGES: u64 = 200;
/// Pages asked for at once, when it is known how many there are.
const PAGES_AT_ONCE: u64 = 40;

/// From where the portal's stage history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The history is not read in this scan.
    Skip,
    /// Only the newest row: for a portal that is read for the first time.
    Newest,
    /// Everything above this id.
    After(u64),
}

/// What to look at.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// The portal's stage history.
    pub history: History,
    /// Deals to read, each once.
    pub deals: Vec<u64>,
    /// Deals whose own moves are wanted, and above which id of the history.
    pub moves_of: Vec<(u64, Option<u64>)>,
    /// Whether to ask who the bridge is in the portal.
    pub ask_who: bool,
}

/// A deal to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageWrite {
    /// The id of the deal.
    pub deal: u64,
    /// The funnel that the deal is moved from.
    pub from_funnel: u32,
    /// The stage to move the deal to; its funnel may be another than `from_funnel`.
    pub stage: Stage,
    /// The newest row of the history before it.
    pub guard: Option<u64>,
    /// A comment for its timeline.
    pub comment: Option<String>,
}

#[derive(Debug, Clone)]
enum PendingQuestion {
    History { first: bool, after: Option<u64> },
    Who,
    Deals(Vec<u64>),
    MovesOf { deals: Vec<u64>, after: Option<u64> },
    Update(u64),
    Comment,
}

/// Deals being looked at.
#[derive(Debug)]
pub struct DealScan {
    asked: HashMap<String, PendingQuestion>,
    count: u32,
    waiting: Vec<(&'static str, Value, PendingQuestion)>,
    /// Calls that must be sent as they are.
    ready: Vec<Call>,
    pages: u64,
    seen: ScanResult,
}

impl DealScan {
    /// A scan that reads what is asked for, and changes nothing.
    pub fn read(what: &ScanRequest) -> Self {
        let mut glance = Self::new();
        glance.seen.newest = match what.history {
            History::After(after) => Some(after),
            History::Skip | History::Newest => None,
        };
        glance.ask_history(what.history);
        if what.ask_who {
            glance.ask("profile", json!({}), PendingQuestion::Who);
        }
        for part in what.deals.chunks(PAGE) {
            let (method, params) = deals_of(part);
            glance.ask(method, params, PendingQuestion::Deals(part.to_vec()));
        }
        glance.ask_moves(&what.moves_of);
        glance
    }

    /// Moves deals, and looks at them in the same call.
    pub fn write(writes: &[StageWrite]) -> Self {
        let mut glance = Self::new();
        let mut rest = writes;
        while !rest.is_empty() {
            let (mut count, mut commands) = (0, 0);
            for write in rest {
                let own = 1 + usize::from(write.comment.is_some());
                let after = (count + 1_usize).div_ceil(HISTORIES) + (count + 1).div_ceil(PAGE);
                if count > 0 && commands + own + after > BATCH_LIMIT {
                    break;
                }
                commands += own;
                count += 1;
            }
            let (now, later) = rest.split_at(count);
            glance.ask_writes(now);
            let call = glance.take_waiting(BATCH_LIMIT);
            glance.ready.push(call);
            rest = later;
        }
        glance
    }

    fn new() -> Self {
        Self {
            asked: HashMap::new(),
            count: 0,
            waiting: Vec::new(),
            ready: Vec::new(),
            pages: 0,
            seen: ScanResult::default(),
        }
    }

    fn ask(&mut self, method: &'static str, params: Value, ask: PendingQuestion) {
        self.waiting.push((method, params, ask));
    }

    fn ask_history(&mut self, history: History) {
        let (params, after) = match history {
            History::Skip => return,
            History::Newest => (newest_history().1, None),
            History::After(after) => (history_page(after, 0), Some(after)),
        };
        self.ask(
            HISTORY_LIST,
            params,
            PendingQuestion::History { first: true, after },
        );
    }

    fn ask_moves(&mut self, moves_of: &[(u64, Option<u64>)]) {
        for part in moves_of.chunks(HISTORIES) {
            let deals: Vec<u64> = part.iter().map(|(deal, _)| *deal).collect();
            let after = part
                .iter()
                .map(|(_, guard)| guard.unwrap_or(0))
                .min()
                .filter(|after| *after > 0);
            self.ask_moves_page(deals, after);
        }
    }

    fn ask_moves_page(&mut self, deals: Vec<u64>, after: Option<u64>) {
        let mut filter = json!({ "OWNER_ID": deals });
        if let Some(after) = after {
            filter[">ID"] = json!(after);
        }
        let params = json!({
            "entityTypeId": 2, "order": {"ID": "ASC"}, "filter": filter, "select": HISTORY_FIELDS
        });
        self.ask(
            HISTORY_LIST,
            params,
            PendingQuestion::MovesOf { deals, after },
        );
    }

    fn ask_writes(&mut self, writes: &[StageWrite]) {
        for write in writes {
            let (method, params) = if write.stage.funnel == write.from_funnel {
                (
                    "crm.deal.update",
                    json!({"id": write.deal, "fields": {"STAGE_ID": write.stage.id}}),
                )
            } else {
                // The classic method cannot change the funnel, and says nothing about it.
                let fields = json!({"categoryId": write.stage.funnel, "stageId": write.stage.id});
                (
                    "crm.item.update",
                    json!({"entityTypeId": 2, "id": write.deal, "fields": fields}),
                )
            };
            self.ask(method, params, PendingQuestion::Update(write.deal));
            if let Some(comment) = &write.comment {
                let fields =
                    json!({"ENTITY_ID": write.deal, "ENTITY_TYPE": "deal", "COMMENT": comment});
                self.ask(
                    "crm.timeline.comment.add",
                    json!({ "fields": fields }),
                    PendingQuestion::Comment,
                );
            }
        }
        let guards: Vec<_> = writes.iter().map(|w| (w.deal, w.guard)).collect();
        self.ask_moves(&guards);
        let deals: Vec<u64> = writes.iter().map(|write| write.deal).collect();
        for part in deals.chunks(PAGE) {
            let (method, params) = deals_of(part);
            self.ask(method, params, PendingQuestion::Deals(part.to_vec()));
        }
    }

    fn take_waiting(&mut self, most: usize) -> Call {
        let most = most.min(self.waiting.len());
        let commands = self.waiting.drain(..most).collect::<Vec<_>>();
        let commands = commands
            .into_iter()
            .map(|(method, params, ask)| {
                self.count += 1;
                let key = format!("g{:06}", self.count);
                self.asked.insert(key.clone(), ask);
                Command {
                    key,
                    method,
                    params,
                }
            })
            .collect::<Vec<_>>();
        Call::from(commands)
    }

    /// The next call; `None` when all was seen. Each must be answered before the next is asked for.
    pub fn next_call(&mut self) -> Option<Call> {
        if !self.ready.is_empty() {
            return Some(self.ready.remove(0));
        }
        (!self.waiting.is_empty()).then(|| self.take_waiting(BATCH_LIMIT))
    }

    /// Takes what became of a call.
    pub fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let poisoned = match &answer {
            CallAnswer::Poisoned { message, .. } => Some(message.clone()),
            _ => None,
        };
        let (mut answered, lost) = match answer {
            CallAnswer::Answered(answered) => (answered, MoveOutcome::InDoubt),
            CallAnswer::InDoubt => (HashMap::new(), MoveOutcome::InDoubt),
            CallAnswer::NotRun | CallAnswer::Poisoned { .. } => {
                (HashMap::new(), MoveOutcome::NotRun)
            }
        };
        for command in &call.commands {
            let Some(ask) = self.asked.remove(&command.key) else {
                continue;
            };
            if let (PendingQuestion::Update(deal), Some(words)) = (&ask, &poisoned) {
                self.seen.poisoned.insert(*deal, words.clone());
            }
            match answered.remove(&command.key) {
                Some(CommandAnswer::Done { result, next }) => self.done(ask, &result, next),
                Some(CommandAnswer::Refused { error, description }) => {
                    let words = if description.is_empty() {
                        error
                    } else {
                        description
                    };
                    self.refused(&ask, words);
                }
                Some(CommandAnswer::Later) => self.lost(&ask, MoveOutcome::NotRun),
                None => self.lost(&ask, lost.clone()),
            }
        }
    }

    fn lost(&mut self, ask: &PendingQuestion, how: MoveOutcome) {
        if let PendingQuestion::Update(deal) = ask {
            self.seen.written.insert(*deal, how);
        }
    }

    fn refused(&mut self, ask: &PendingQuestion, words: String) {
        match ask {
            PendingQuestion::Update(deal) => {
                self.seen.written.insert(*deal, MoveOutcome::Refused(words));
            }
            // Where nothing tells who the bridge is, it does without.
            PendingQuestion::Who => {}
            PendingQuestion::Comment => self
                .seen
                .refused
                .push(format!("the comment was refused: {words}")),
            PendingQuestion::History { .. } | PendingQuestion::MovesOf { .. } => {
                self.seen.history_fault = Some(words);
            }
            PendingQuestion::Deals(_) => self
                .seen
                .refused
                .push(format!("reading deals was refused: {words}")),
        }
    }

    fn done(&mut self, ask: PendingQuestion, result: &Value, next: Option<u64>) {
        match ask {
            PendingQuestion::History { .. } | PendingQuestion::MovesOf { .. }
                if !tells_history(result) =>
            {
                self.seen.history_fault = Some(NO_HISTORY.to_owned());
            }
            PendingQuestion::History { first, after } => {
                let (page, broken) = read_each(&rows(result), StageMove::read);
                self.seen.history_read = true;
                let ids = page.iter().map(|row| row.id);
                let newest = ids.chain(broken.iter().filter_map(|row| row.id)).max();
                self.seen.newest = self.seen.newest.max(newest);
                match after {
                    // The newest page of a portal whose past does not matter.
                    None => {}
                    Some(after) => {
                        if first {
                            self.further_pages(after, next, page.len() + broken.len());
                        }
                        let new = |row: &BrokenRow| row.id.is_none_or(|id| id > after);
                        self.seen.broken.extend(broken.into_iter().filter(new));
                        self.seen
                            .history
                            .extend(page.into_iter().filter(|row| row.id > after));
                    }
                }
            }
            PendingQuestion::Who => self.seen.me = result.get("ID").and_then(id),
            PendingQuestion::Deals(asked) => {
                let read = rows(result);
                for row in &read {
                    if let Some((deal, state)) = DealState::read(row) {
                        if row.contains_key("ORIGIN_ID") {
                            self.seen.origins.insert(deal, Origin::read(row));
                        }
                        self.seen.deals.insert(deal, Some(state));
                    }
                }
                // What cannot be read is not gone.
                if is_told(result) {
                    let shown: BTreeSet<u64> = read.iter().filter_map(row_id).collect();
                    for deal in asked.into_iter().filter(|deal| !shown.contains(deal)) {
                        self.seen.deals.insert(deal, None);
                    }
                }
            }
            PendingQuestion::MovesOf { deals, after } => {
                let page: Vec<StageMove> =
                    rows(result).iter().filter_map(StageMove::read).collect();
                let last = page.iter().map(|row| row.id).max();
                let full = next.is_some() || page.len() >= PAGE;
                for deal in &deals {
                    self.seen.moves.entry(*deal).or_default();
                }
                let wanted: BTreeSet<u64> = deals.iter().copied().collect();
                for row in page.into_iter().filter(|row| wanted.contains(&row.deal)) {
                    let moves = self.seen.moves.entry(row.deal).or_default();
                    if !moves.contains(&row) {
                        moves.push(row);
                    }
                }
                if full && last > after {
                    self.ask_moves_page(deals, last);
                }
            }
            PendingQuestion::Update(deal) => {
                self.seen.written.insert(deal, MoveOutcome::Answered);
            }
            PendingQuestion::Comment => {}
        }
    }

    /// The pages after the first: all at once, since rows come in by growing id and only at the
    /// end.
    fn further_pages(&mut self, after: u64, next: Option<u64>, rows: usize) {
        if next.is_none() && rows < PAGE || self.pages >= MOST_PAGES {
            return;
        }
        let start = next.unwrap_or(PAGE as u64);
        let many = if self.pages == 0 {
            PAGES_AT_ONCE / 4
        } else {
            PAGES_AT_ONCE
        };
        self.pages += many;
        for nth in 0..many {
            let params = history_page(after, start.saturating_add(nth * PAGE as u64));
            // Only the last page of a round asks for more.
            let ask = PendingQuestion::History {
                first: nth + 1 == many,
                after: Some(after),
            };
            self.ask(HISTORY_LIST, params, ask);
        }
    }

    /// All that was read, the history by growing id and each of its rows once.
    pub fn finish(mut self) -> ScanResult {
        self.seen.history.sort_by_key(|row| row.id);
        self.seen.history.dedup_by_key(|row| row.id);
        self.seen
    }
}

const HISTORY_LIST: &str = "crm.stagehistory.list";
const HISTORY_FIELDS: [&str; 6] = [
    "ID",
    "TYPE_ID",
    "OWNER_ID",
    "CREATED_TIME",
    "CATEGORY_ID",
    "STAGE_ID",
];

/// What is said of an answer that is no history.
const NO_HISTORY: &str = "what the portal answers is no list of rows";

/// The newest page of a portal's stage history: the method, and its parameters.
pub fn newest_history() -> (&'static str, Value) {
    let params = json!({"entityTypeId": 2, "order": {"ID": "DESC"}, "select": HISTORY_FIELDS});
    (HISTORY_LIST, params)
}

/// Whether an answer is a stage history: rows, or none. A page on which no row has an id is none.
pub fn tells_history(answer: &Value) -> bool {
    let listed = list(answer);
    let all = elements(listed);
    let has_id = |row: &&Value| row.as_object().and_then(row_id).is_some();
    (listed.is_array() || listed.is_object()) && (all.is_empty() || all.iter().any(has_id))
}

fn history_page(after: u64, start: u64) -> Value {
    json!({
        "entityTypeId": 2, "order": {"ID": "ASC"}, "filter": {">ID": after}, "select":
            HISTORY_FIELDS, "start": start
    })
}

fn deals_of(part: &[u64]) -> (&'static str, Value) {
    let select = [
        "ID",
        "CATEGORY_ID",
        "STAGE_ID",
        "MOVED_TIME",
        "MOVED_BY_ID",
        "ORIGINATOR_ID",
        "ORIGIN_ID",
        "TITLE",
    ];
    ("crm.deal.list", listed(&of_ids(part), &select))
}

#[cfg(test)]
mod tests;
