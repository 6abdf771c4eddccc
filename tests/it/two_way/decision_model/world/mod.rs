//! The two sides, the network between them, and a bridge that keeps in memory what it would keep in
//! tables.

mod table;

pub(super) use table::{STAGES, STATUSES, UNMAPPED, policy, rule, stage};

use b24_bridge::decision::{
    Action, Basis, BridgeWrite, Decision, HistoryRow, Inputs, OwnWrite, Ruling, Waiting,
    WrittenValue, decide, decide_again, foreign_moves, overwritten,
};
use b24_bridge::domain::{
    Agreed, ClockOffset, Clocks, Fact, Observation, Policy, Side, Source, Stage, Winner,
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeSet;

/// No person changes one order twice within this many milliseconds.
const PEOPLE: i64 = 2_500;
pub(super) fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_767_225_600_000 + ms).unwrap()
}

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    version: u64,
    pub(super) status: &'static str,
    since: DateTime<Utc>,
    pub(super) paid: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Tell {
    id: u64,
    at: DateTime<Utc>,
    status: String,
    previous: String,
    by_person: bool,
    first_sent: Option<DateTime<Utc>>,
}

/// What happens next.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Wait(u32),
    ShopEdits(usize),
    ShopIsPaid,
    ManagerMoves(usize),
    /// The n-th message on its way arrives; it may arrive again later.
    /// Others act after the bridge decided on it and before it wrote.
    Snapshot(usize, bool, Vec<Op>),
    Webhook(usize),
    WebhookLost(usize),
    /// The shop's lane sends its oldest message; the acknowledgement may be lost.
    Callback(bool),
    /// The stage history is read and, between the bridge's reading and writing, others act.
    Reconcile(Vec<Op>),
}

pub(super) struct World {
    now: i64,
    pub(super) policy: Policy,
    shop_ahead: i64,
    portal_ahead: i64,
    pub(super) robot: Option<(Stage, Stage)>,
    // the shop
    pub(super) shop: Snapshot,
    carried_out: BTreeSet<u64>,
    // the portal
    pub(super) stage: Stage,
    moved: DateTime<Utc>,
    moved_by_us: bool,
    history: Vec<HistoryRow>,
    // the network
    snapshots: Vec<Snapshot>,
    webhooks: usize,
    tells: Vec<Tell>,
    // the bridge
    known: Snapshot,
    known_seen: DateTime<Utc>,
    agreed: Option<Agreed>,
    pub(super) turns: Vec<BridgeWrite>,
    waiting: Option<Waiting>,
    ruling: Option<Ruling>,
    pub(super) shop_clock: ClockOffset,
    portal_clock: ClockOffset,
    // what is watched
    pub(super) last: Option<Decision>,
    next_tell: u64,
    /// The machine itself decided against a payment that it knew of.
    pub(super) paid_turned_back: Option<String>,
    /// A manager's move that changes the meaning and that the bridge has not agreed to yet.
    pub(super) unanswered: Option<(Stage, DateTime<Utc>)>,
}

impl World {
    pub(super) fn new(policy: Policy, shop_ahead: i64, portal_ahead: i64) -> Self {
        let shop = Snapshot {
            version: 1,
            status: "N",
            since: at(shop_ahead),
            paid: false,
        };
        let mut world = Self {
            now: 1_000,
            policy,
            shop_ahead,
            portal_ahead,
            robot: None,
            known: shop.clone(),
            known_seen: at(0),
            shop,
            carried_out: BTreeSet::new(),
            stage: stage("NEW"),
            moved: at(portal_ahead).trunc_subsecs(0),
            moved_by_us: true,
            history: Vec::new(),
            snapshots: Vec::new(),
            webhooks: 0,
            tells: Vec::new(),
            agreed: Some(Agreed::new("N", stage("NEW"))),
            turns: Vec::new(),
            waiting: None,
            ruling: None,
            shop_clock: ClockOffset::default(),
            portal_clock: ClockOffset::default(),
            last: None,
            next_tell: 0,
            paid_turned_back: None,
            unanswered: None,
        };
        world.history_row(stage("NEW"));
        world
    }

    fn history_row(&mut self, to: Stage) {
        let id = self.history.len() as u64 + 1;
        self.moved = at(self.now + self.portal_ahead).trunc_subsecs(0);
        self.history.push(HistoryRow {
            id,
            stage: to.clone(),
            at: self.moved,
        });
        self.stage = to;
    }

    fn portal_moves(&mut self, to: &Stage, by_us: bool) {
        if self.stage == *to {
            return;
        }
        self.history_row(to.clone());
        self.moved_by_us = by_us;
        self.webhooks += 1;
        if let Some((from, back)) = self.robot.clone()
            && from == *to
        {
            self.history_row(back);
            self.moved_by_us = false;
            self.webhooks += 1;
        }
    }

    pub(super) fn manager_moves(&mut self, to: &Stage) {
        if self.stage == *to {
            return;
        }
        self.portal_moves(to, false);
        let known = self
            .agreed
            .as_ref()
            .is_some_and(|a| self.policy.statuses.consistent(&a.status, to));
        self.unanswered = (!known).then(|| (to.clone(), self.moved));
    }

    fn shop_sets(&mut self, status: &'static str, paid: bool) {
        if self.shop.status == status && self.shop.paid == paid {
            return;
        }
        if self.shop.status != status {
            self.shop.since = at(self.now + self.shop_ahead);
        }
        self.shop.status = status;
        self.shop.paid = paid;
        self.shop.version += 1;
        self.snapshots.push(self.shop.clone());
    }

    fn take_snapshot(&mut self, snapshot: Snapshot) {
        self.shop_clock.one_way(snapshot.since, at(self.now));
        if snapshot.version > self.known.version {
            self.known = snapshot;
            self.known_seen = at(self.now);
        }
    }

    fn callback(&mut self, acknowledged: bool) {
        let now = at(self.now);
        let Some(tell) = self.tells.first_mut() else {
            return;
        };
        let first_sent = *tell.first_sent.get_or_insert(now);
        let tell = tell.clone();
        self.now += 40;
        if !self.carried_out.contains(&tell.id) {
            let expected = [&tell.previous, &tell.status]
                .iter()
                .any(|s| *s == self.shop.status);
            let denies = !tell.by_person
                && !self.portal_may_undo()
                && self.denies_payment(&self.shop, &tell.status);
            if expected && !denies {
                let status = STATUSES.into_iter().find(|s| *s == tell.status).unwrap();
                self.carried_out.insert(tell.id);
                self.shop_sets(status, self.shop.paid);
            } else {
                if acknowledged {
                    self.tells.remove(0);
                    self.store(self.agreed.clone().and_then(|a| a.refused(tell.at)));
                    self.take_snapshot(self.shop.clone());
                    self.look(&[]);
                }
                return;
            }
        }
        if acknowledged {
            self.tells.remove(0);
            let now = at(self.now);
            self.store(
                self.agreed
                    .clone()
                    .map(|a| a.delivered(tell.at, first_sent, now)),
            );
        }
    }

    /// Stores what is agreed; messages that it no longer awaits are dropped.
    fn store(&mut self, agreed: Option<Agreed>) {
        self.tells
            .retain(|tell| agreed.as_ref().is_some_and(|a| a.awaits(tell.at)));
        let answered = |(to, moved): &(Stage, DateTime<Utc>)| {
            agreed.as_ref().is_some_and(|a| {
                let known = a.told.iter().all(|told| told.delivered_at.is_some());
                // Without a time the stage was written by the bridge: where the manager wanted it,
                // too.
                let seen = a.stage != *to || a.portal_since.is_none_or(|since| since >= *moved);
                known && seen && self.policy.statuses.consistent(&a.status, to)
            })
        };
        if self.unanswered.as_ref().is_some_and(answered) {
            self.unanswered = None;
        }
        self.agreed = agreed;
    }

    pub(super) fn denies_payment(&self, snapshot: &Snapshot, to: &str) -> bool {
        let policy = &self.policy;
        snapshot.paid
            && !policy
                .finality
                .keeps(Fact::Paid, snapshot.status, to, &policy.statuses)
    }

    fn portal_may_undo(&self) -> bool {
        self.policy
            .rules
            .iter()
            .any(|rule| rule.winner == Winner::Portal)
    }

    fn observations(&self) -> (Observation<String>, Observation<Stage>) {
        let shop = Observation {
            source: Source::Shop,
            value: self.known.status.to_owned(),
            since: Some(self.known.since),
            seen: self.known_seen,
            as_of: None,
        };
        let portal = Observation {
            source: Source::Bitrix24,
            value: self.stage.clone(),
            since: Some(self.moved),
            seen: at(self.now),
            as_of: None,
        };
        (shop, portal)
    }

    fn with_inputs<T>(&self, portal: &Observation<Stage>, ask: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let (shop, _) = self.observations();
        ask(&Inputs {
            shop: &shop,
            portal,
            agreed: self.agreed.as_ref(),
            paid: self.known.paid,
            cancelled: false,
            policy: &self.policy,
            clocks: Clocks::measured(&self.shop_clock, &self.portal_clock),
            history: self.history.last().map(|row| row.id),
            turns: &self.turns,
            ruling: self.ruling.as_ref(),
            waiting: self.waiting.as_ref(),
            now: at(self.now),
        })
    }

    /// The bridge reads the deal, decides, and carries the decision out; `meanwhile` happens after
    /// it decided.
    fn look(&mut self, meanwhile: &[Op]) {
        let sent = at(self.now);
        self.now += 60;
        let shown = at(self.now - 30 + self.portal_ahead);
        self.portal_clock
            .two_way(sent, at(self.now), shown, TimeDelta::milliseconds(1));
        let (_, portal) = self.observations();
        let decision = self.with_inputs(&portal, decide);
        for op in meanwhile {
            self.happen(op);
        }
        self.carry_out(decision);
    }

    fn carry_out(&mut self, decision: Decision) {
        assert!(decision.record.sentence.ends_with('.'));
        self.waiting = None;
        self.ruling = None;
        self.last = Some(decision.clone());
        match decision.action {
            Action::Agree { agreed } => self.store(Some(agreed)),
            Action::WritePortal {
                stage,
                guard,
                agreed,
                ..
            } => self.write(&stage, guard, agreed),
            Action::TellShop {
                status,
                previous,
                agreed,
                ..
            } => {
                self.turns.push(BridgeWrite {
                    at: at(self.now),
                    wrote: WrittenValue::Status(status.clone()),
                });
                self.next_tell += 1;
                let told_at = agreed.told.last().unwrap().at;
                let by_person = decision.record.basis == Basis::Ruling;
                if !by_person
                    && !self.portal_may_undo()
                    && self.denies_payment(&self.known, &status)
                {
                    self.paid_turned_back = Some(decision.record.sentence.clone());
                }
                self.tells.push(Tell {
                    id: self.next_tell,
                    at: told_at,
                    status,
                    previous,
                    by_person,
                    first_sent: None,
                });
                self.store(Some(agreed));
            }
            Action::Review { .. } => {
                self.waiting = Some(Waiting {
                    status: decision.record.shop_counts_as,
                    stage: self.stage.clone(),
                });
            }
            Action::Refused { .. } => {}
        }
    }

    fn write(&mut self, to: &Stage, guard: Option<u64>, agreed: Option<Agreed>) {
        let sent = at(self.now + self.portal_ahead);
        self.turns.push(BridgeWrite {
            at: at(self.now),
            wrote: WrittenValue::Stage(to.clone()),
        });
        self.now += 30;
        self.portal_moves(to, true);
        self.now += 30;
        let write = OwnWrite {
            stage: to.clone(),
            guard,
            sent,
            answered: at(self.now + self.portal_ahead),
            moved_last_by_us: Some(self.moved_by_us),
        };
        let moves = foreign_moves(&self.history, &write);
        let Some(buried) = overwritten(&moves) else {
            if agreed.is_some() {
                self.store(agreed);
            }
            return;
        };
        let (_, portal) = self.observations();
        let decision = self.with_inputs(&portal, |inputs| decide_again(inputs, buried));
        self.carry_out(decision);
    }

    pub(super) fn happen(&mut self, op: &Op) {
        let by_hand = matches!(op, Op::ShopEdits(_) | Op::ShopIsPaid | Op::ManagerMoves(_));
        self.now += if by_hand { PEOPLE } else { 1 };
        match op {
            Op::Wait(ms) => self.now += i64::from(*ms),
            Op::ShopEdits(n) => self.shop_sets(STATUSES[n % STATUSES.len()], false),
            Op::ShopIsPaid => self.shop_sets("P", true),
            Op::ManagerMoves(n) => self.manager_moves(&stage(STAGES[n % STAGES.len()])),
            Op::Snapshot(n, again, meanwhile) => {
                if !self.snapshots.is_empty() {
                    let n = n % self.snapshots.len();
                    let snapshot = self.snapshots[n].clone();
                    if !again {
                        self.snapshots.remove(n);
                    }
                    self.take_snapshot(snapshot);
                    self.look(meanwhile);
                }
            }
            Op::Webhook(times) => {
                if self.webhooks > 0 {
                    self.webhooks -= 1;
                    for _ in 0..=(times % 2) {
                        self.look(&[]);
                    }
                }
            }
            Op::WebhookLost(n) => self.webhooks = self.webhooks.saturating_sub(*n),
            Op::Callback(acknowledged) => self.callback(*acknowledged),
            Op::Reconcile(meanwhile) => self.look(meanwhile),
        }
    }

    /// Nobody edits any more: everything on its way arrives, the history is read each 30 seconds,
    /// people answer reviews. Gives how many writes that took.
    pub(super) fn settle(&mut self, people: Option<Side>) -> usize {
        let before = self.turns.len();
        let mut quiet = 0;
        for _ in 0..80 {
            let writes = self.turns.len();
            self.now += 30_000;
            for snapshot in std::mem::take(&mut self.snapshots) {
                self.take_snapshot(snapshot);
            }
            self.webhooks = 0;
            self.look(&[]);
            while !self.tells.is_empty() {
                self.callback(true);
            }
            if let (Some(winner), Some(of)) = (people, self.waiting.clone()) {
                self.ruling = Some(Ruling { of, winner });
                quiet = 0;
            } else if self.turns.len() == writes && self.snapshots.is_empty() {
                quiet += 1;
            } else {
                quiet = 0;
            }
            if quiet == 3 {
                return self.turns.len() - before;
            }
        }
        panic!(
            "it does not come to rest: {:?}",
            self.last.as_ref().map(|d| &d.record.sentence)
        );
    }

    pub(super) fn agrees(&self) -> bool {
        self.policy
            .statuses
            .consistent(self.shop.status, &self.stage)
    }

    pub(super) fn story(&self) -> String {
        format!(
            "shop {} (paid {}), portal {}, agreed {:?}, last {:?}",
            self.shop.status, self.shop.paid, self.stage, self.agreed, self.last
        )
    }
}
