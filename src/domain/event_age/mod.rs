//! The age of a state of an order: which of two is the newer one.
//!
//! What is known decides, in this order: the shop's count of changes, the time of the change, the
//! time of the status, within one second what the state itself says, and else arrival. What is
//! known is remembered: a state that carries no count and no time takes nothing away from what
//! older ones carried. A time is believed only as far as it can be true: nothing was changed after
//! it came in.

use super::{
    DELETED, EventBody, Fact, Faults, Finality, Offset, ReportedStatus, input::json_reader::Reader,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;

/// A time that is further ahead of its own arrival than this counts as the arrival.
pub const AHEAD: TimeDelta = TimeDelta::minutes(1);
/// States of one second that came further apart than this are ordered by arrival: the shop may tell
/// its times by the day.
const TIED: TimeDelta = TimeDelta::hours(1);

/// What tells how new a state of an order is; with what was remembered of those before it, how new
/// the newest known one is. What is not known, or not so, is not written: it lies beside every
/// order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Age {
    /// The last known count of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// Whether the state itself carries it; else it is not below that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    counted: bool,
    /// The last known time of change, by the shop's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    /// Whether the state itself carries it; else it is not before that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    timed: bool,
    /// When that time came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dated: Option<DateTime<Utc>>,
    /// When the state itself came in.
    seen: DateTime<Utc>,
    /// What the state itself says.
    #[serde(default)]
    says: Claim,
}

/// What a state says that has an order in time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The status by the shop's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Since when, by the shop's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_at: Option<DateTime<Utc>>,
    /// Whether it is paid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paid: bool,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Whether it is cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Whether it is deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// What an order of two states rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The shop's count of changes.
    Version,
    /// The times of change.
    Time,
    /// The times of change, once the shop's clock is set right.
    Clock,
    /// The times of the statuses.
    Status,
    /// What they say, within one second.
    Body,
    /// Within one second: nothing but arrival tells.
    Tie,
    /// Nothing but arrival tells.
    Arrival,
}

/// Whether a state is newer than what was remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the state that was compared is the newer one.
    pub newer: bool,
    /// What that rests on.
    pub ground: Ground,
    /// It is older by its time alone, but says what the newer one does not: a clock may have been
    /// set back.
    pub doubtful: bool,
}

impl Age {
    /// The age of what a message of the shop says, which was made at `made` and came in at `seen`.
    pub fn by(body: &EventBody, made: Option<DateTime<Utc>>, seen: DateTime<Utc>) -> Self {
        let updated_at = match body {
            // Changed before it was made: the clock was set back, and the time tells nothing.
            EventBody::Saved(order) => order
                .updated_at
                .filter(|at| order.created_at.is_none_or(|created| created <= *at)),
            EventBody::Deleted { updated_at, .. } => updated_at.or(made),
        };
        Self::of(body.version(), updated_at, Claim::by(body), seen)
    }

    /// The age of a message that cannot be read as a whole and came in at `seen`: what can be
    /// read of it counts as in one that can.
    pub fn of_unread(message: &Value, seen: DateTime<Utc>) -> Self {
        let mut faults = Faults::new();
        let Value::Object(object) = message else {
            return Self::of(None, None, Claim::default(), seen);
        };
        let reader = Reader::new(object, "");
        let Some(data) = reader.object("data", &mut faults) else {
            return Self::of(None, None, Claim::default(), seen);
        };
        let version = data.integer("version", &mut faults);
        let updated_at = data.moment("updated_at", &mut faults);
        if reader.text("type", 256, &mut faults).as_deref() == Some(DELETED) {
            let updated_at = updated_at.or_else(|| reader.moment("time", &mut faults));
            let says = Claim {
                deleted: true,
                ..Claim::default()
            };
            return Self::of(version, updated_at, says, seen);
        }
        let created_at = data.moment("created_at", &mut faults);
        let updated_at = updated_at.filter(|at| created_at.is_none_or(|created| created <= *at));
        let says = Claim {
            status: data.id("status", 100, &mut faults),
            status_at: data.moment("status_changed_at", &mut faults),
            paid: data.boolean("paid", &mut faults).unwrap_or_default(),
            paid_at: data.moment("paid_at", &mut faults),
            completed_at: data.moment("completed_at", &mut faults),
            cancelled: data.boolean("cancelled", &mut faults).unwrap_or_default(),
            deleted: false,
        };
        Self::of(version, updated_at, says, seen)
    }

    /// The age of an order's newest event that came in at `seen`, by what is stored of it besides:
    /// its version, its time of change, and what it reports.
    pub fn of_head(
        version: Option<i64>,
        updated_at: Option<DateTime<Utc>>,
        reported: ReportedStatus,
        seen: DateTime<Utc>,
    ) -> Self {
        let says = Claim {
            status: reported.status,
            status_at: reported.since,
            paid: reported.paid,
            cancelled: reported.cancelled,
            deleted: reported.deleted,
            ..Claim::default()
        };
        Self::of(version, updated_at, says, seen)
    }

    /// The age of a state that came in at `seen`.
    pub fn of(
        version: Option<i64>,
        updated_at: Option<DateTime<Utc>>,
        says: Claim,
        seen: DateTime<Utc>,
    ) -> Self {
        Self {
            version,
            counted: version.is_some(),
            updated_at,
            timed: updated_at.is_some(),
            dated: updated_at.map(|_| seen),
            seen,
            says,
        }
    }

    /// The same, come in at another time.
    #[must_use]
    pub fn at(mut self, seen: DateTime<Utc>) -> Self {
        self.dated = self.updated_at.map(|_| seen);
        self.seen = seen;
        self
    }

    /// What is remembered once `newer` was found to be newer: its own count and time where it has
    /// them, else what was known.
    #[must_use]
    pub fn then(&self, newer: &Self) -> Self {
        let dated = if newer.updated_at.is_some() {
            newer
        } else {
            self
        };
        Self {
            version: newer.version.or(self.version),
            updated_at: dated.updated_at,
            dated: dated.dated,
            ..newer.clone()
        }
    }

    /// What is remembered once `older` was found to be older: the newest state is not below what
    /// that carries, where it carries nothing itself.
    #[must_use]
    pub fn over(&self, older: &Self) -> Self {
        let dated = if self.timed || older.updated_at <= self.updated_at {
            self
        } else {
            older
        };
        let counted = if self.counted || older.version <= self.version {
            self
        } else {
            older
        };
        Self {
            version: counted.version,
            updated_at: dated.updated_at,
            dated: dated.dated,
            ..self.clone()
        }
    }

    /// Whether `next` is newer than this, of which it is known that it was the newest so far.
    /// `clock` is how far the shop's clock is ahead, as measured; it is used only where it is
    /// certain.
    pub fn judge(&self, next: &Self, clock: Offset, finality: &Finality) -> Verdict {
        if let (Some(mine), Some(other)) = (self.version, next.version)
            && mine != other
            && (self.counted || other < mine)
        {
            return Verdict::by(Ground::Version, other > mine);
        }
        let ahead = certain(clock);
        let tied = match self.changed(ahead).zip(next.changed(ahead)) {
            Some((mine, other)) if mine != other && (self.timed || other < mine) => {
                let newer = other > mine;
                let set = newer && self.updated_at > next.updated_at && !self.to_come();
                let ground = if set { Ground::Clock } else { Ground::Time };
                return self.by_time(ground, newer, next, finality);
            }
            Some((mine, other)) => mine == other,
            None => false,
        };
        if tied && self.says.deleted != next.says.deleted && self.near(next) {
            return Verdict::by(Ground::Body, next.says.deleted);
        }
        if let Some((mine, other)) = self.status_since(ahead).zip(next.status_since(ahead))
            && mine != other
        {
            return self.by_time(Ground::Status, other > mine, next, finality);
        }
        match self.says.compare(&next.says, finality) {
            _ if !tied => Verdict::by(Ground::Arrival, true),
            Some(order) if order != Ordering::Equal && self.near(next) => {
                Verdict::by(Ground::Body, order == Ordering::Less)
            }
            _ => Verdict::by(Ground::Tie, true),
        }
    }

    /// Whether `other`, of which nothing else is known, is older than this: whichever came first
    /// is judged by the one after it.
    pub fn outdates(&self, other: &Self, clock: Offset, finality: &Finality) -> bool {
        if other.seen <= self.seen {
            other.judge(self, clock, finality).newer
        } else {
            !self.judge(other, clock, finality).newer
        }
    }

    /// Whether the time of change was further ahead than can be when it came in.
    pub fn to_come(&self) -> bool {
        self.updated_at
            .zip(self.dated)
            .is_some_and(|(at, dated)| at > latest(dated))
    }

    /// The time of change as the state tells it.
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }

    /// When the state came in.
    pub fn seen(&self) -> DateTime<Utc> {
        self.seen
    }

    /// When it was changed, on the bridge's clock: not after it came in.
    fn changed(&self, ahead: Offset) -> Option<DateTime<Utc>> {
        Some(bounded(self.updated_at?, self.dated?, ahead))
    }

    /// Since when it has its status, on the bridge's clock.
    fn status_since(&self, ahead: Offset) -> Option<DateTime<Utc>> {
        Some(bounded(self.says.status_at?, self.seen, ahead))
    }

    fn near(&self, next: &Self) -> bool {
        (next.seen - self.seen).abs() <= TIED
    }

    fn by_time(&self, ground: Ground, newer: bool, next: &Self, finality: &Finality) -> Verdict {
        let says_more = || {
            let (mine, other) = (self.says.facts(finality), next.says.facts(finality));
            other.iter().any(|fact| !mine.contains(fact)) || next.says.deleted && !self.says.deleted
        };
        Verdict {
            newer,
            ground,
            doubtful: !newer && says_more(),
        }
    }
}

impl Verdict {
    fn by(ground: Ground, newer: bool) -> Self {
        Self {
            newer,
            ground,
            doubtful: false,
        }
    }
}

impl Claim {
    /// What an event says.
    pub fn by(body: &EventBody) -> Self {
        match body {
            EventBody::Saved(snapshot) => Self {
                status: Some(snapshot.status.clone()),
                status_at: snapshot.status_changed_at,
                paid: snapshot.paid,
                paid_at: snapshot.paid_at,
                completed_at: snapshot.completed_at,
                cancelled: snapshot.cancelled,
                deleted: false,
            },
            EventBody::Deleted { .. } => Self {
                deleted: true,
                ..Self::default()
            },
        }
    }

    fn facts(&self, finality: &Finality) -> Vec<Fact> {
        let status = self.status.as_deref().unwrap_or_default();
        let paid = self.paid || self.paid_at.is_some();
        let mut facts = finality.facts(status, paid, self.cancelled);
        if self.completed_at.is_some() && !facts.contains(&Fact::Delivered) {
            facts.push(Fact::Delivered);
        }
        facts
    }

    /// Which of two states of one second comes first in an order's life; `None` if they do not
    /// tell.
    fn compare(&self, other: &Self, finality: &Finality) -> Option<Ordering> {
        let (mine, others) = (self.facts(finality), other.facts(finality));
        let (more, less) = (
            mine.iter().any(|fact| !others.contains(fact)),
            others.iter().any(|fact| !mine.contains(fact)),
        );
        match (more, less) {
            (true, true) => None,
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => [
                (self.completed_at, other.completed_at),
                (self.paid_at, other.paid_at),
            ]
            .into_iter()
            .filter_map(|(mine, other)| Some(mine?.cmp(&other?)))
            .find(|order| *order != Ordering::Equal),
        }
    }
}

/// A time on the bridge's clock; the arrival, if it would be after it.
fn bounded(at: DateTime<Utc>, arrived: DateTime<Utc>, ahead: Offset) -> DateTime<Utc> {
    let ours = ahead.to_ours(at);
    if ours > latest(arrived) {
        arrived
    } else {
        ours
    }
}

fn latest(arrived: DateTime<Utc>) -> DateTime<Utc> {
    arrived.checked_add_signed(AHEAD).unwrap_or(arrived)
}

/// The offset, if it is certain that the clock is wrong by more than times may be; else none.
fn certain(clock: Offset) -> Offset {
    let ahead = clock.ahead_ms.saturating_abs();
    let told = ahead > clock.uncertainty_ms.saturating_mul(2) && ahead > AHEAD.num_milliseconds();
    if told {
        clock
    } else {
        Offset {
            ahead_ms: 0,
            ..clock
        }
    }
}

#[cfg(test)]
mod tests;
