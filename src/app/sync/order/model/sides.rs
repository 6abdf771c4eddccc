//! The two sides: a shop with its people and its clock, and a portal with its managers and its
//! history.

use super::{DEAL, MANAGER, ME, STATUSES, at, stage};
use crate::{
    domain::{Fact, Policy, Stage},
    planner::{DealState, StageMove},
};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::BTreeSet;

/// How a shop's system behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// Every edit stamps the time of the status.
    pub(super) stamps: bool,
    /// What it takes from a message it posts as its own change.
    pub(super) echoes: bool,
    /// How long a snapshot waits before it is sent, in milliseconds.
    pub(super) delay: i64,
}

/// An order as the shop posts it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) version: u64,
    pub(super) status: &'static str,
    pub(super) since: DateTime<Utc>,
    pub(super) made: DateTime<Utc>,
    pub(super) paid: bool,
}

/// What a back-up of the shop holds.
#[derive(Debug, Clone)]
pub(super) struct Books {
    pub(super) order: Snapshot,
    /// Ids of messages that were taken.
    taken: BTreeSet<u64>,
}

#[derive(Debug)]
pub(super) struct Shop {
    pub(super) habits: Habits,
    /// How far its clock is ahead, in milliseconds.
    pub(super) ahead: i64,
    pub(super) books: Books,
    pub(super) backup: Option<Books>,
    /// Snapshots on their way, each with when it leaves.
    pub(super) posted: Vec<(i64, Snapshot)>,
    newest: u64,
    /// A message that denied money was taken all the same.
    pub(super) turned_back: Option<String>,
}

/// A message as the shop reads it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) status: String,
    pub(super) previous: String,
    pub(super) denies: Vec<String>,
    /// Whether money may be taken back by it: a person said so, or a rule does.
    pub(super) may_undo: bool,
}

impl Shop {
    pub(super) fn new(habits: Habits, ahead: i64) -> Self {
        Self {
            habits,
            ahead,
            books: Books {
                order: Snapshot {
                    version: 1,
                    status: "N",
                    since: at(ahead),
                    made: at(ahead),
                    paid: false,
                },
                taken: BTreeSet::new(),
            },
            backup: None,
            posted: Vec::new(),
            newest: 1,
            turned_back: None,
        }
    }

    pub(super) fn status(&self) -> &'static str {
        self.books.order.status
    }

    fn post(&mut self, now: i64) {
        self.posted
            .push((now + self.habits.delay, self.books.order.clone()));
    }

    fn change(&mut self, now: i64, status: &'static str, paid: bool) {
        let moved = self.books.order.status != status;
        self.newest += 1;
        let order = &mut self.books.order;
        order.version = self.newest;
        order.made = at(now + self.ahead);
        if moved || self.habits.stamps {
            order.since = order.made;
        }
        order.status = status;
        order.paid = paid;
    }

    /// Somebody edits the order; the same status is an edit of something else.
    pub(super) fn edit(&mut self, now: i64, status: &'static str, paid: bool) {
        self.change(now, status, paid);
        self.post(now);
    }

    /// Somebody edits something else, and the shop tells at once.
    pub(super) fn says(&mut self, now: i64) -> Snapshot {
        self.change(now, self.books.order.status, self.books.order.paid);
        self.books.order.clone()
    }

    /// What the receivers that come with the bridge do with a message; a snapshot where they
    /// contradict.
    pub(super) fn take(
        &mut self,
        now: i64,
        message: &Message,
        policy: &Policy,
    ) -> Option<Snapshot> {
        let order = &self.books.order;
        if self.books.taken.contains(&message.id) {
            return None;
        }
        if order.status != message.status {
            let denied = order.paid && message.denies.iter().any(|fact| fact == "paid");
            if denied || order.status != message.previous {
                return Some(order.clone());
            }
            let status = STATUSES.into_iter().find(|s| *s == message.status);
            let status = status.unwrap_or("?");
            let finality = &policy.finality;
            let kept = finality.keeps(Fact::Paid, order.status, status, &policy.statuses);
            if order.paid && !kept && !message.may_undo {
                self.turned_back = Some(format!("{} -> {status}", order.status));
            }
            let paid = order.paid && kept;
            self.change(now, status, paid);
            if self.habits.echoes {
                self.post(now);
            }
        }
        self.books.taken.insert(message.id);
        None
    }

    /// An older back-up comes back, and the shop sends its order as it is now, its counter above
    /// all that it ever gave.
    pub(super) fn restore(&mut self, now: i64) {
        if let Some(books) = self.backup.clone() {
            self.books = books;
            self.newest += 1;
            self.books.order.version = self.newest;
            self.post(now);
        }
    }

    /// One of the snapshots that may leave by now; it may come again.
    pub(super) fn deliver(&mut self, now: i64, nth: usize, again: bool) -> Option<Snapshot> {
        let ready: Vec<usize> = (0..self.posted.len())
            .filter(|&n| self.posted[n].0 <= now)
            .collect();
        let place = *ready.get(nth.checked_rem(ready.len())?)?;
        let snapshot = self.posted[place].1.clone();
        if !again {
            self.posted.remove(place);
        }
        Some(snapshot)
    }
}

/// What a back-up of the portal holds.
#[derive(Debug, Clone)]
pub(super) struct Records {
    pub(super) stage: Stage,
    moved: DateTime<Utc>,
    by: u64,
    pub(super) history: Vec<StageMove>,
}

#[derive(Debug)]
pub(super) struct Portal {
    pub(super) ahead: i64,
    pub(super) records: Records,
    pub(super) backup: Option<Records>,
    /// Writes of ours that land later.
    late: Vec<(i64, Stage)>,
}

impl Portal {
    pub(super) fn new(ahead: i64) -> Self {
        let mut portal = Self {
            ahead,
            records: Records {
                stage: stage("?"),
                moved: at(ahead),
                by: ME,
                history: Vec::new(),
            },
            backup: None,
            late: Vec::new(),
        };
        portal.goes(0, &stage("NEW"), ME);
        portal
    }

    fn goes(&mut self, now: i64, to: &Stage, by: u64) -> bool {
        if self.records.stage == *to {
            return false;
        }
        let records = &mut self.records;
        let newest = records.history.last().map_or(0, |row| row.id);
        records.moved = at(now + self.ahead).trunc_subsecs(0);
        records.history.push(StageMove {
            id: newest + 1,
            deal: DEAL,
            stage: to.clone(),
            kind: 2,
            at: records.moved,
        });
        records.stage = to.clone();
        records.by = by;
        true
    }

    /// A manager moves the deal.
    pub(super) fn moved_by_manager(&mut self, now: i64, to: &Stage) -> bool {
        self.goes(now, to, MANAGER)
    }

    pub(super) fn written(&mut self, now: i64, to: &Stage) {
        self.goes(now, to, ME);
    }

    pub(super) fn written_later(&mut self, then: i64, to: &Stage) {
        self.late.push((then, to.clone()));
    }

    /// What was sent long ago lands.
    pub(super) fn land(&mut self, now: i64) {
        let late = std::mem::take(&mut self.late);
        for (then, to) in late {
            if then <= now {
                self.goes(then, &to, ME);
            } else {
                self.late.push((then, to));
            }
        }
    }

    pub(super) fn state(&self) -> DealState {
        DealState {
            stage: self.records.stage.clone(),
            moved_at: Some(self.records.moved),
            moved_by: Some(self.records.by),
        }
    }

    pub(super) fn newest(&self) -> Option<u64> {
        self.records.history.last().map(|row| row.id)
    }

    pub(super) fn above(&self, id: Option<u64>) -> Vec<StageMove> {
        let rows = self.records.history.iter();
        rows.filter(|row| id.is_none_or(|id| row.id > id))
            .cloned()
            .collect()
    }

    pub(super) fn restore(&mut self) -> bool {
        self.late.clear();
        match self.backup.clone() {
            Some(records) => {
                self.records = records;
                true
            }
            None => false,
        }
    }
}
