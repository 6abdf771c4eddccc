//! Messages to the shop, people who rule, and dumps that come back.

use super::World;
use crate::app::sync::order::model::{Who, at};
use crate::{
    app::{
        intake::reported_status::ReportedStatus,
        sync::{
            order::{StandingRuling, stored, value},
            status_changes::took,
            withdrawal::{died, judge, reopen, revived, sent},
        },
    },
    decision::{Ruling, Sending},
    domain::Side,
};
use serde_json::Value;

impl World {
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
                self.database.changes.remove(place);
                return;
            }
            Sending::Withdrawn(why) => {
                let awaited = reopen(row, |agreed| agreed.withdrawn(change.decided_at));
                self.database.changes.remove(place);
                self.drop_except(&awaited);
                self.tell(&format!(
                    "takes back {}: {}",
                    change.message.status,
                    why.words()
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
        self.database.changes.remove(place);
        match contradicts {
            None => {
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
        let said = ReportedStatus::read(self.database.row.said.as_ref());
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
        let spoken: Option<StandingRuling> = stored(self.database.row.ruling.as_ref());
        if !can || spoken.is_some() {
            return false;
        }
        self.rulings += 1;
        self.tell(&format!("a person says: {winner}"));
        self.database.row.ruling = Some(value(&Ruling { of, winner }));
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
        row.turns = Value::from(Vec::<Value>::new());
        row.writing = None;
        row.waiting = None;
        row.ruling = None;
        row.standing = None;
    }
}
