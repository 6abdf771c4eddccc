//! A bridge that keeps in memory what it keeps in tables, between a shop and a portal; and
//! everything that can happen to the three.

mod messages;

use super::{
    DEAL, ME, Op, STAGES, STATUSES, WriteFate, at,
    onec::Base,
    sides::{Habits, Message, Portal, Shop, Snapshot},
    stage,
};
use crate::domain::happening::Tell;
use crate::{
    app::{
        RetryPolicy, SyncRules,
        sync::order::{ConflictChange, NextStep, OrderSync, Outcome, StatusMessage, SyncContext},
    },
    domain::{Agreed, ClockOffset, Clocks, Policy, ReportedStatus, Side, Stage, Waiting, Winner},
    planner::{ScanResult, StageWrite, StageWritten},
    storage::{AskedBy, DecisionBasis, sync::agreements::Row},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::BTreeMap, time::Duration};

/// How long a write whose answer was lost may land, in milliseconds.
pub(super) const DOUBT: i64 = 5_000;
/// No person does two things within this many milliseconds.
const PEOPLE: i64 = 2_500;
const MOST_PASSES: usize = 3;

/// A message to the shop, as it is stored.
#[derive(Debug, Clone)]
struct Change {
    decided_at: DateTime<Utc>,
    /// The change is 1C's word, and not the portal's.
    is_onecs: bool,
    first_sent: Option<DateTime<Utc>>,
    /// Sending it was given up.
    is_dead: bool,
    message: Message,
}

/// Everything that a dump of the bridge's database holds.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pub(super) row: Row,
    pub(super) version: u64,
    changes: Vec<Change>,
    moves: Vec<crate::planner::StageMove>,
    shop_clock: ClockOffset,
    portal_clock: ClockOffset,
    pub(super) base: Base,
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) two_way: SyncRules,
    tries: RetryPolicy,
    pub(super) shop: Shop,
    pub(super) portal: Portal,
    /// There is a 1C.
    pub(super) exchanges: bool,
    /// The status that 1C has.
    pub(super) onec: String,
    pub(super) database: Database,
    dump: Option<Database>,
    fates: Vec<WriteFate>,
    last_message: u64,
    last_decision: i64,
    /// How often the portal refused a write.
    pub(super) refused: usize,
    /// How often a person ruled.
    pub(super) rulings: usize,
    /// How often the bridge wrote: stages, and statuses that are no questions.
    pub(super) writes: usize,
    /// The shop is to send its order once more when it has taken what waited in the dump that came
    /// back.
    resends: bool,
    life: Vec<String>,
}

impl World {
    pub(super) fn new(policy: Policy, habits: Habits, ahead: (i64, i64)) -> Self {
        let shop = Shop::new(habits, ahead.0);
        let portal = Portal::new(ahead.1);
        let row = Row {
            shop: "main".to_owned(),
            number: "A-1".to_owned(),
            deal_id: Some(1),
            stage: Some("NEW".to_owned()),
            said: None,
            agreed: Some(Agreed::new("N", stage("NEW"))),
            turns: Vec::new(),
            writing: None,
            waiting: None,
            ruling: None,
            standing: None,
            lost: None,
            gone_at: None,
        };
        let two_way = SyncRules {
            callback: policy.asks,
            policy,
            overruled_comment: None,
        };
        let mut world = Self {
            now: 1_000,
            two_way,
            tries: RetryPolicy {
                most: 2,
                pause: Duration::from_millis(500),
                cap: Duration::from_secs(2),
                doubt: Duration::from_secs(5),
            },
            database: Database {
                row,
                version: 0,
                changes: Vec::new(),
                moves: Vec::new(),
                shop_clock: ClockOffset::default(),
                portal_clock: ClockOffset::default(),
                base: Base::default(),
            },
            exchanges: false,
            onec: "N".to_owned(),
            shop,
            portal,
            dump: None,
            fates: Vec::new(),
            last_message: 0,
            last_decision: 0,
            refused: 0,
            rulings: 0,
            writes: 0,
            resends: false,
            life: Vec::new(),
        };
        world.hears(&world.shop.books.order.clone(), false);
        world
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.two_way.policy
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now += ms;
        self.portal.land(self.now);
    }

    pub(super) fn clocks(&self) -> Clocks {
        Clocks::measured(&self.database.shop_clock, &self.database.portal_clock)
    }

    /// Whether an order's difference waits for a person.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.database.row.waiting.clone()
    }

    pub(super) fn agrees(&self) -> bool {
        let map = &self.policy().statuses;
        map.consistent(self.shop.status(), &self.portal.records.stage)
    }

    pub(super) fn story(&self) -> String {
        format!(
            "shop {:?}\nportal {:?}\nrow {:?}\n{}",
            self.shop.books.order,
            self.portal.records.stage,
            self.database.row,
            self.life.join("\n")
        )
    }

    pub(super) fn tell(&mut self, what: &str) {
        let line = format!(
            "{:>9} shop {} portal {}: {what}",
            self.now,
            self.shop.status(),
            self.portal.records.stage.id
        );
        self.life.push(line);
    }

    // The bridge.

    /// A snapshot comes in.
    fn hears(&mut self, snapshot: &Snapshot, preferred: bool) {
        let now = at(self.now);
        let database = &mut self.database;
        database.shop_clock.one_way(snapshot.made, now);
        if snapshot.version <= database.version && !preferred {
            return;
        }
        database.version = snapshot.version;
        database.row.said = Some(ReportedStatus {
            status: Some(snapshot.status.to_owned()),
            since: Some(snapshot.since),
            seen: Some(now),
            made: Some(snapshot.made),
            paid: snapshot.paid,
            cancelled: false,
            deleted: false,
        });
    }

    fn snapshot(&mut self, nth: usize, again: bool, meanwhile: &[Op]) {
        let Some(snapshot) = self.shop.deliver(self.now, nth, again) else {
            return;
        };
        self.tell(&format!("hears {snapshot:?}"));
        self.hears(&snapshot, false);
        let seen = ScanResult::default();
        #[expect(clippy::redundant_closure_for_method_calls, reason = "of any lifetime")]
        let confirmed = self.asked(&seen, &BTreeMap::new(), |order| order.confirm());
        match confirmed {
            Some(outcome) => {
                self.carry(outcome);
            }
            None => self.look(&[], meanwhile),
        }
    }

    /// Asks the order about what was seen.
    fn asked<T>(
        &mut self,
        seen: &ScanResult,
        later: &BTreeMap<u64, Vec<crate::decision::HistoryRow>>,
        how: impl FnOnce(OrderSync<'_>) -> T,
    ) -> T {
        let clocks = self.clocks();
        let around = SyncContext {
            seen,
            two_way: &self.two_way,
            clocks,
            now: at(self.now),
            me: Some(ME),
            doubt: TimeDelta::milliseconds(DOUBT),
            tries: &self.tries,
            why: AskedBy::Event,
            title: None,
            later,
        };
        let mut decision = self.last_decision;
        let mut next_id = || {
            decision += 1;
            decision
        };
        let row = &mut self.database.row;
        let done = how(OrderSync::new(row, DEAL, &around, &mut next_id));
        self.last_decision = decision;
        done
    }

    /// What the bridge stores after a comparison; what is to be written.
    fn carry(&mut self, outcome: Outcome) -> Option<StageWrite> {
        for line in &outcome.lines {
            self.tell(&format!("{}: {}", line.kind.as_str(), line.what.sentence()));
        }
        if let Some(awaited) = &outcome.awaited {
            self.drop_except(awaited);
        }
        if let Some(StatusMessage {
            status, previous, ..
        }) = outcome.tell
        {
            self.last_message += 1;
            self.writes += usize::from(status != previous);
            let by_person = outcome
                .recorded
                .iter()
                .any(|one| one.basis() == DecisionBasis::Ruling);
            let rules = &self.policy().rules;
            let by_rule = rules.iter().any(|rule| rule.winner == Winner::Portal);
            self.database.changes.push(Change {
                decided_at: at(self.now),
                is_onecs: false,
                first_sent: None,
                is_dead: false,
                message: Message {
                    id: self.last_message,
                    status,
                    previous,
                    denies: outcome.denies,
                    may_undo: by_person || by_rule,
                },
            });
        }
        if let ConflictChange::Open { what, .. } = &outcome.conflict {
            let sentence = what.sentence();
            self.tell(&format!("asks a person: {sentence}"));
        }
        match outcome.then {
            NextStep::Written(write) => Some(write),
            NextStep::Done | NextStep::Again(_) => None,
        }
    }

    /// Reads the deal, and the history above what is known.
    fn read(&mut self) -> ScanResult {
        let sent = at(self.now);
        self.pass(60);
        let shown = at(self.now - 30 + self.portal.ahead);
        let second = TimeDelta::milliseconds(1);
        let clock = &mut self.database.portal_clock;
        clock.two_way(sent, at(self.now), shown, second);
        let writing = self.database.row.writing.clone();
        let mut seen = ScanResult {
            newest: self.portal.newest(),
            me: Some(ME),
            ..ScanResult::default()
        };
        let state = Some(self.portal.state());
        seen.deals.insert(DEAL, state);
        if let Some(writing) = writing {
            seen.moves.insert(DEAL, self.portal.above(writing.guard));
        }
        seen
    }

    fn later(&self) -> BTreeMap<u64, Vec<crate::decision::HistoryRow>> {
        let agreed = self.database.row.agreed.clone();
        let Some(known) = agreed.and_then(|agreed| agreed.portal_row) else {
            return BTreeMap::new();
        };
        let rows = self.database.moves.iter().filter(|row| row.id > known);
        let rows = rows.map(|row| crate::decision::HistoryRow {
            id: row.id,
            stage: row.stage.clone(),
            at: row.at,
        });
        BTreeMap::from([(DEAL, rows.collect())])
    }

    /// Reads, decides, and carries out; `before` happens between reading and deciding, `after`
    /// between deciding and writing.
    pub(super) fn look(&mut self, before: &[Op], after: &[Op]) {
        let mut seen = self.read();
        let known = self.database.moves.last().map(|row| row.id);
        let new = self.portal.above(known);
        self.database.moves.extend(new);
        for op in before {
            self.happen(op);
        }
        for pass in 0..MOST_PASSES {
            let later = self.later();
            #[expect(clippy::redundant_closure_for_method_calls, reason = "of any lifetime")]
            let outcome = self.asked(&seen, &later, |order| order.compare());
            let Some(write) = self.carry(outcome) else {
                return;
            };
            if pass == 0 {
                for op in after {
                    self.happen(op);
                }
            }
            seen = self.write(&write);
        }
    }

    fn write(&mut self, write: &StageWrite) -> ScanResult {
        self.writes += 1;
        let fate = self.fates.pop().unwrap_or(WriteFate::Answered);
        self.tell(&format!("writes {} ({fate:?})", write.stage));
        self.pass(30);
        let written = match fate {
            WriteFate::Answered => {
                self.portal.written(self.now, &write.stage);
                StageWritten::Answered
            }
            WriteFate::Refused => {
                self.refused += 1;
                StageWritten::Refused("no".to_owned())
            }
            WriteFate::NotRun => StageWritten::NotRun,
            WriteFate::AnswerLost => {
                self.portal.written(self.now, &write.stage);
                StageWritten::InDoubt
            }
            WriteFate::Never => StageWritten::InDoubt,
            WriteFate::Late(ms) => {
                let then = self.now + i64::from(ms) % (DOUBT - 500);
                self.portal.written_later(then, &write.stage);
                StageWritten::InDoubt
            }
        };
        let mut seen = match written {
            StageWritten::Answered | StageWritten::Refused(_) => self.read(),
            _ => ScanResult::default(),
        };
        seen.written.insert(DEAL, written);
        seen
    }

    // Everything that happens.

    pub(super) fn happen(&mut self, op: &Op) {
        self.pass(if op.by_people() { PEOPLE } else { 1 });
        match op {
            Op::Wait(ms) => self.pass(i64::from(*ms)),
            Op::Edit(n) => {
                let status = STATUSES[n % STATUSES.len()];
                self.shop.edit(self.now, status, false);
                self.tell("the shop edits");
            }
            Op::Touch => {
                let order = self.shop.books.order.clone();
                self.shop.edit(self.now, order.status, order.paid);
                self.tell("the shop touches");
            }
            Op::Pay => {
                self.shop.edit(self.now, "P", true);
                self.tell("the shop is paid");
            }
            Op::Move(n) => {
                self.manager(&stage(STAGES[n % STAGES.len()]));
            }
            Op::Snapshot(n, again, meanwhile) => self.snapshot(*n, *again, meanwhile),
            Op::Look(before, after) => self.look(before, after),
            Op::Send(arrives, answered) => self.send(*arrives, *answered),
            Op::GiveUp => self.give_up(),
            Op::Write(fate) => self.fates = vec![*fate],
            Op::Rule(winner) => {
                self.rule(*winner);
            }
            Op::SetShopClock(ahead) => {
                self.shop.ahead = *ahead;
                self.tell(&format!("the shop's clock is set: {ahead}"));
                let snapshot = self.shop.says(self.now);
                self.hears(&snapshot, false);
            }
            Op::SetPortalClock(ahead) => {
                self.portal.ahead = *ahead;
                self.tell(&format!("the portal's clock is set: {ahead}"));
            }
            Op::Account(n) => self.account(STATUSES[n % STATUSES.len()]),
            Op::Exchange => self.exchange(),
            Op::BackUp(which) => self.back_up(*which),
            Op::Restore(which) => self.restore(*which),
        }
    }

    pub(super) fn manager(&mut self, to: &Stage) -> bool {
        self.pass(PEOPLE);
        let moved = self.portal.moved_by_manager(self.now, to);
        self.tell("a manager moves");
        moved
    }

    /// Nobody does anything any more: everything on its way arrives, the lanes go on, people answer
    /// when they are asked, and have dead letters tried again. Gives how many writes that took.
    pub(super) fn settle(&mut self, ruled: Option<Side>) -> usize {
        let before = self.writes;
        self.fates.clear();
        let mut quiet = 0;
        for _ in 0..120 {
            let writes = self.writes;
            self.pass(30_000);
            while !self.shop.posted.is_empty() && self.shop.posted.iter().any(|p| p.0 <= self.now) {
                self.snapshot(0, false, &[]);
            }
            self.look(&[], &[]);
            self.try_again();
            for _ in 0..8 {
                self.send(true, true);
            }
            let resent = self.resends && self.database.changes.is_empty();
            if resent {
                self.resends = false;
                let snapshot = self.shop.says(self.now);
                self.hears(&snapshot, false);
                self.tell("the shop sends its order once more");
            }
            if self.exchanges {
                self.exchange();
            }
            let asked = match ruled {
                Some(winner) => self.rule(winner) | self.rule_onec(winner),
                None => false,
            };
            let still = self.writes == writes
                && !asked
                && !resent
                && !self.resends
                && self.shop.posted.is_empty()
                && self.database.changes.is_empty()
                && self.database.base.is_quiet()
                && self.database.row.writing.is_none();
            quiet = if still { quiet + 1 } else { 0 };
            if quiet == 3 {
                return self.writes - before;
            }
        }
        panic!("it does not come to rest\n{}", self.story());
    }
}
