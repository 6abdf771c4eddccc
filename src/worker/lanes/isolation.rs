//! Orders that are tried in small company, because a call that carried them with others was refused
//! as a whole or never answered.
//!
//! Owns: the memory of who was in such a call, and how small the next company is: a quarter of the
//! last, in the end the order alone. Who is alone is judged. The memory is the process's: after a
//! restart it is gathered again.

use super::wave_runner::WaveResult;
use crate::{
    app::Claim,
    domain::OrderKey,
    planner::{JobIx, Outcome},
};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Orders that are remembered; beyond this all are forgotten, and found again.
const MOST: usize = 20_000;
/// In so many times smaller companies the members of one are tried next.
const SMALLER: usize = 4;
/// A call that takes longer than this keeps the others waiting.
const LONG: Duration = Duration::from_secs(2);
/// Silences of an order alone, one after the other with everybody else answered, after which each
/// counts as judged.
const PATIENCE: u32 = 1;

/// What was claimed, each with its job.
type Claimed<J> = Vec<(Claim, J)>;

/// Orders that are tried in small company.
#[derive(Debug, Default)]
pub(in crate::worker) struct IsolatedOrders {
    suspects: HashMap<OrderKey, SuspectOrder>,
    /// Until when none of them is tried, so that they take at most half of the lane's time.
    rest: Option<Instant>,
}

/// An order that was in a call that failed as a whole.
#[derive(Debug, Clone, Copy)]
struct SuspectOrder {
    /// With how many others, and itself, it may be tried.
    company: usize,
    /// How often it was left without an answer while alone, nobody else being so in between.
    silences: u32,
}

/// Who of a wave is to be tried in smaller company, and who no longer.
#[derive(Debug, Default)]
pub(in crate::worker) struct Lessons {
    suspects: Vec<OrderKey>,
    cleared: Vec<OrderKey>,
    silent: Vec<OrderKey>,
    /// Whether the portal failed as a whole.
    failed: bool,
}

impl Lessons {
    /// What a wave teaches of those whom it had claimed.
    pub(in crate::worker) fn of(claims: &[Claim], done: &WaveResult) -> Self {
        let of = |job: JobIx| claims.get(job.place()).map(key);
        let mut lessons = Self {
            silent: done.unanswered.iter().filter_map(|job| of(*job)).collect(),
            failed: done.failure.is_some(),
            ..Self::default()
        };
        for settlement in &done.settlements {
            let Some(order) = of(settlement.job) else {
                continue;
            };
            match settlement.outcome {
                Outcome::Apart { .. } => lessons.suspects.push(order),
                _ if done.unanswered.contains(&settlement.job) => lessons.suspects.push(order),
                Outcome::Done { .. } | Outcome::Hopeless { .. } | Outcome::Onward => {
                    lessons.cleared.push(order);
                }
                Outcome::Refused { .. } | Outcome::Again { .. } => {}
            }
        }
        lessons
    }
}

/// Which order a claim is of.
pub(in crate::worker) fn key(claim: &Claim) -> OrderKey {
    OrderKey::new(&claim.shop, &claim.number)
}

impl IsolatedOrders {
    /// The orders of the next ordinary wave, and those of the next small one.
    pub(in crate::worker) fn divide<J>(&self, claimed: Claimed<J>) -> (Claimed<J>, Claimed<J>) {
        let (suspects, ordinary): (Vec<_>, Vec<_>) = claimed
            .into_iter()
            .partition(|(claim, _)| self.suspects.contains_key(&key(claim)));
        let company = |one: &(Claim, J)| self.suspects.get(&key(&one.0)).map(|one| one.company);
        let Some(most) = suspects.first().and_then(company) else {
            return (ordinary, Vec::new());
        };
        if !self.rests().is_zero() {
            return (ordinary, Vec::new());
        }
        let alike = suspects
            .into_iter()
            .filter(|one| company(one) == Some(most));
        (ordinary, alike.take(most).collect())
    }

    /// How long none of them is tried.
    pub(in crate::worker) fn rests(&self) -> Duration {
        self.rest.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// A small wave took this long.
    pub(in crate::worker) fn took(&mut self, time: Duration) {
        self.rest = (time > LONG).then(|| Instant::now() + time);
    }

    /// One of these orders is to blame for a call that failed.
    pub(in crate::worker) fn suspect(&mut self, orders: &[OrderKey]) {
        if self.suspects.len() > MOST {
            self.suspects.clear();
        }
        let company = (orders.len() / SMALLER).max(1);
        for order in orders {
            let suspect = self.suspects.entry(order.clone()).or_insert(SuspectOrder {
                company,
                silences: 0,
            });
            suspect.company = suspect.company.min(company);
        }
    }

    /// Remembers what a wave taught.
    pub(in crate::worker) fn learn(&mut self, lessons: &Lessons) {
        for order in &lessons.cleared {
            self.clear(order);
        }
        self.suspect(&lessons.suspects);
        if !lessons.silent.is_empty() || lessons.failed {
            self.silent(&lessons.silent);
        }
    }

    /// Nothing is wrong with the order any more.
    pub(in crate::worker) fn clear(&mut self, order: &OrderKey) {
        self.suspects.remove(order);
    }

    /// Whether one more silence of this order, alone, counts as judged.
    pub(in crate::worker) fn exhausted(&self, order: &OrderKey) -> bool {
        self.suspects
            .get(order)
            .is_some_and(|suspect| suspect.silences >= PATIENCE)
    }

    /// A call of these orders was left without an answer. While others fail, too, nobody is blamed
    /// for it.
    pub(in crate::worker) fn silent(&mut self, orders: &[OrderKey]) {
        let lonely = match orders {
            [order] => Some(order),
            _ => None,
        };
        for (key, suspect) in &mut self.suspects {
            suspect.silences = match lonely {
                Some(order) if order == key => suspect.silences + 1,
                _ => 0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(many: usize) -> Vec<OrderKey> {
        let order = |n: usize| OrderKey::new("main", &n.to_string());
        (0..many).map(order).collect()
    }

    #[test]
    fn companies_get_smaller_until_the_one_is_alone() {
        let mut isolated = IsolatedOrders::default();
        let (all, guilty) = (orders(50), orders(1));
        let company = |isolated: &IsolatedOrders| isolated.suspects[&guilty[0]].company;
        isolated.suspect(&all);
        assert_eq!(company(&isolated), 12);
        isolated.suspect(&all[..12]);
        assert_eq!(company(&isolated), 3);
        isolated.suspect(&all[..3]);
        assert_eq!(company(&isolated), 1);
        // Who is in trouble with many later is not trusted again for that.
        isolated.suspect(&all);
        assert_eq!(company(&isolated), 1);
        isolated.clear(&guilty[0]);
        assert!(!isolated.suspects.contains_key(&guilty[0]));
    }

    #[test]
    fn silence_is_held_against_an_order_only_while_everybody_else_is_answered() {
        let mut isolated = IsolatedOrders::default();
        let two = orders(2);
        isolated.suspect(&two);
        assert!(!isolated.exhausted(&two[0]));
        isolated.silent(&two[..1]);
        assert!(isolated.exhausted(&two[0]));
        isolated.silent(&two[1..]);
        assert!(!isolated.exhausted(&two[0]));
        isolated.silent(&two);
        assert!(!isolated.exhausted(&two[1]));
    }
}
