//! Messages to the shop, people who rule, and dumps that come back.

use super::{Change, World};
use crate::app::sync::order::model::{Who, at, sides::Message};
use crate::domain::happening::Tell;
use crate::{
    app::sync::withdrawal::{died, judge, reopen, revived, sent, took},
    decision::Sending,
    domain::{Ruling, SentStatus, Side, StandingRuling},
};
use chrono::{DateTime, Utc};

impl World {
    pub(super) fn drop_except(&mut self, awaited: &[DateTime<Utc>]) {
        let changes = &mut self.database.changes;
        let is_dropped = |change: &Change| !awaited.contains(&change.decided_at);
        let reopens = changes.iter().any(|one| one.is_onecs && is_dropped(one));
        changes.retain(|change| !is_dropped(change));
        if reopens {
            self.reopen();
        }
    }

    /// What 1C says is on its way to the shop.
    pub(in crate::app::sync::order::model) fn tells(&mut self, told: &SentStatus, may_undo: bool) {
        self.last_message += 1;
        self.writes += 1;
        let facts = told.denies.iter().map(|fact| fact.word().to_owned());
        self.database.changes.push(Change {
            decided_at: told.at,
            is_onecs: true,
            first_sent: None,
            is_dead: false,
            message: Message {
                id: self.last_message,
                status: told.status.clone(),
                previous: told.previous.clone(),
                denies: facts.collect(),
                may_undo,
            },
        });
    }

    fn drop_one(&mut self, place: usize) {
        if self.database.changes.remove(place).is_onecs {
            self.reopen();
        }
    }

    /// The shop's lane sends its oldest message.
    pub(super) fn send(&mut self, arrives: bool, answered: bool) {
        let Some(place) = self.oldest() else {
            return;
        };
        let change = self.database.changes[place].clone();
        let now = at(self.now);
        let clock = self.clocks().shop;
        let what = (change.decided_at, change.first_sent.is_some());
        let row = &mut self.database.row;
        match judge(what, row, &self.two_way.policy, clock, now) {
            Sending::Stands => {}
            Sending::Held => return,
            Sending::Overtaken => {
                self.drop_one(place);
                return;
            }
            Sending::Withdrawn(why) => {
                let awaited = reopen(row, |agreed| agreed.withdrawn(change.decided_at));
                self.drop_one(place);
                self.drop_except(&awaited);
                self.tell(&format!(
                    "takes back {}: {}",
                    change.message.status,
                    why.because().sentence()
                ));
                return;
            }
        }
        let first_sent = *self.database.changes[place].first_sent.get_or_insert(now);
        sent(&mut self.database.row, change.decided_at, now);
        if !arrives {
            return;
        }
        self.pass(20);
        let policy = &self.two_way.policy;
        let contradicts = self.shop.take(self.now, &change.message, policy);
        self.tell(&format!(
            "sends {} instead of {} ({}): {contradicts:?}",
            change.message.status, change.message.previous, change.message.id
        ));
        self.pass(20);
        if !answered {
            return;
        }
        match contradicts {
            None => {
                self.database.changes.remove(place);
                let now = at(self.now);
                // What died before it is not told any more.
                let changes = &mut self.database.changes;
                changes.retain(|other| other.decided_at > change.decided_at);
                took(&mut self.database.row, (change.decided_at, first_sent), now);
            }
            Some(snapshot) => {
                self.hears(&snapshot, true);
                let row = &mut self.database.row;
                let awaited = reopen(row, |agreed| agreed.refused(change.decided_at));
                self.drop_one(place);
                self.drop_except(&awaited);
            }
        }
    }

    /// The oldest message that waits.
    pub(super) fn oldest(&self) -> Option<usize> {
        let changes = &self.database.changes;
        changes.iter().position(|change| !change.is_dead)
    }

    /// The oldest message is given up. A shop that says its status by itself is compared.
    pub(super) fn give_up(&mut self) {
        let Some(place) = self.oldest() else {
            return;
        };
        let change = &mut self.database.changes[place];
        change.is_dead = true;
        let status = change.message.status.clone();
        died(&mut self.database.row, change.decided_at, at(self.now));
        self.tell(&format!("gives up telling {status}"));
        let said = self.database.row.said.clone();
        if said.and_then(|said| said.status) == Some(status) {
            self.look(&[], &[]);
        }
    }

    /// People have what was given up tried again, unless something newer stands for it.
    pub(super) fn try_again(&mut self) {
        let database = &mut self.database;
        let newest = database.changes.pop();
        database.changes.retain(|change| !change.is_dead);
        if let Some(mut newest) = newest {
            if newest.is_dead {
                newest.is_dead = false;
                revived(&mut database.row, newest.decided_at);
            }
            database.changes.push(newest);
        }
    }

    /// Whether something was given up, and still counts.
    pub(in crate::app::sync::order::model) fn has_letters(&self) -> bool {
        let changes = &self.database.changes;
        changes.iter().any(|change| change.is_dead)
    }

    /// A person says who is right, where one is asked and the table has a way.
    pub(super) fn rule(&mut self, winner: Side) -> bool {
        let Some(of) = self.waiting() else {
            return false;
        };
        let map = &self.policy().statuses;
        let can = match winner {
            Side::Shop => map.there(&of.status).is_ok(),
            Side::Portal => map.back(&of.stage).is_ok(),
        };
        if !can || self.database.row.ruling.is_some() {
            return false;
        }
        self.rulings += 1;
        self.tell(&format!("a person says: {winner}"));
        self.database.row.ruling = Some(StandingRuling::new(Ruling { of, winner }));
        true
    }

    pub(super) fn back_up(&mut self, which: Who) {
        match which {
            Who::Shop => self.shop.backup = Some(self.shop.books.clone()),
            Who::Portal => self.portal.backup = Some(self.portal.records.clone()),
            Who::Bridge => self.dump = Some(self.database.clone()),
        }
    }

    /// An older back-up comes back, and what the page about back-ups says is done.
    pub(super) fn restore(&mut self, which: Who) {
        match which {
            Who::Shop => self.shop.restore(self.now),
            Who::Portal => {
                if self.portal.restore() {
                    self.let_go();
                    let snapshot = self.shop.says(self.now);
                    self.hears(&snapshot, false);
                }
            }
            Who::Bridge => {
                if let Some(dump) = self.dump.clone() {
                    self.database = dump;
                    // The clocks that it knew are older, too.
                    let snapshot = self.shop.says(self.now);
                    self.hears(&snapshot, false);
                    self.resends = true;
                }
            }
        }
        self.tell(&format!("restored: {which:?}"));
    }

    /// The portal went back: what was known of it is let go, and the deal is found again by its
    /// origin.
    pub(super) fn let_go(&mut self) {
        let known = self.portal.newest();
        let database = &mut self.database;
        database.moves.retain(|row| Some(row.id) <= known);
        let row = &mut database.row;
        row.agreed = None;
        row.turns = Vec::new();
        row.writing = None;
        row.waiting = None;
        row.ruling = None;
        row.standing = None;
    }
}
