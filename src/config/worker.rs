//! `[worker]` and `[retention]`: lanes, tries, and how long settled things are kept.

use super::Problem;
use serde::Deserialize;

/// How lanes work: their leases, looks, tries and pauses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Seconds a lane's lease lasts without renewal: a killed owner is replaced after that.
    pub lease_seconds: u64,
    /// Seconds between looks at the tables when no hint comes.
    pub poll_seconds: u64,
    /// Tries that the portal may refuse before an event becomes a dead letter.
    pub max_attempts: u32,
    /// First pause between tries, in seconds; each further one may be twice as long.
    pub backoff_base_seconds: u64,
    /// Longest pause between tries, in seconds.
    pub backoff_cap_seconds: u64,
    /// Seconds for which a write whose answer was lost may still land. Never less than the portals'
    /// own limit for a call and a margin: a smaller number is taken as that.
    pub doubt_seconds: u64,
    /// Seconds between readings of a portal's stage history when nothing was heard; up to ten times
    /// as many where nothing has moved for days.
    pub reconcile_seconds: u64,
    /// Most orders taken up at once. 192 new ones fill thirteen calls.
    pub wave: u32,
    /// Seconds the call in flight may take to finish when the bridge is stopped.
    pub stop_grace_seconds: u64,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            lease_seconds: 15,
            poll_seconds: 2,
            max_attempts: 5,
            backoff_base_seconds: 5,
            backoff_cap_seconds: 900,
            doubt_seconds: 75,
            reconcile_seconds: 30,
            wave: 192,
            stop_grace_seconds: 30,
        }
    }
}

impl Worker {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut range = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                problems.push(Problem::new(
                    format!("worker.{key}"),
                    "out of range",
                    format!("choose {low} to {high}"),
                ));
            }
        };
        range("lease_seconds", self.lease_seconds, 2, 300);
        range("poll_seconds", self.poll_seconds, 1, 300);
        range("max_attempts", self.max_attempts.into(), 1, 100);
        range("backoff_base_seconds", self.backoff_base_seconds, 1, 3_600);
        range(
            "backoff_cap_seconds",
            self.backoff_cap_seconds,
            self.backoff_base_seconds,
            86_400,
        );
        range("doubt_seconds", self.doubt_seconds, 0, 7_200);
        range("reconcile_seconds", self.reconcile_seconds, 1, 3_600);
        range("wave", self.wave.into(), 1, 1_000);
        range("stop_grace_seconds", self.stop_grace_seconds, 1, 300);
    }
}

/// How long settled things are kept. What is not settled is kept for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that settled events, and with them their identity, are kept: a repetition after that is
    /// a new event.
    pub settled_days: u32,
    /// Days that closed dead letters are kept.
    pub closed_letters_days: u32,
    /// Days that the lines of an order's life are kept.
    pub timeline_days: u32,
    /// Days that it is kept who did what by hand.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            settled_days: 30,
            closed_letters_days: 180,
            timeline_days: 365,
            audit_days: 400,
        }
    }
}

impl Retention {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        for (key, days) in [
            ("settled_days", self.settled_days),
            ("closed_letters_days", self.closed_letters_days),
            ("timeline_days", self.timeline_days),
            ("audit_days", self.audit_days),
        ] {
            if !(1..=36_500).contains(&days) {
                problems.push(Problem::new(
                    format!("retention.{key}"),
                    "out of range",
                    "choose 1 to 36500",
                ));
            }
        }
    }
}
