//! How far another system's clock is from ours, measured from what passes by anyway.
//!
//! Two-way samples (we asked, it answered with its time) bound the offset from both sides; the one with the shortest
//! round trip bounds it best, as in NTP. One-way samples (it said when something happened, we know when we heard) bound
//! it only from below: something cannot be heard before it happened, but it may have waited long. What is assumed there:
//!
//! - the promptest message of a day came within [`ONE_WAY_DELAY`];
//! - unless even that one seems to come late. Then the clock may be slow or the message may have waited, and the estimate
//!   covers both, so that nobody orders two facts by it; only the same lateness in several messages that came at
//!   different times is a slow clock;
//! - if the latest messages agree among themselves on another offset than before, the clock was set.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How long the promptest one-way message of a window is assumed to have taken at most.
pub const ONE_WAY_DELAY: TimeDelta = TimeDelta::seconds(2);
/// How wrong a clock may be that was never measured.
pub const UNMEASURED: TimeDelta = TimeDelta::minutes(10);
/// Round trips longer than this say nothing worth keeping.
const LONGEST_ROUND_TRIP: TimeDelta = TimeDelta::minutes(2);
/// Two-way samples older than this, seen from the newest, are forgotten: clocks drift and are set right.
const TWO_WAY_WINDOW: TimeDelta = TimeDelta::hours(1);
/// The same for one-way samples: longer than an outage after which everything comes late.
const ONE_WAY_WINDOW: TimeDelta = TimeDelta::hours(24);
/// Samples kept of each kind.
const KEPT: usize = 64;
/// The newest samples, kept whatever they say.
const NEWEST: usize = 16;
/// How many samples have to agree to tell a slow clock from a late message, and over what time.
const AGREEING: (usize, TimeDelta) = (3, TimeDelta::seconds(10));
/// How many of the newest have to agree to tell that a clock was set, and over what time.
const SET: (usize, TimeDelta) = (8, TimeDelta::minutes(1));

/// How far a clock is ahead of ours, and how wrong that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offset {
    /// Remote time minus our time, in milliseconds.
    pub ahead_ms: i64,
    /// The true value is within this many milliseconds either way.
    pub uncertainty_ms: i64,
}

impl Offset {
    /// A clock that was never measured: taken as right, but not to be relied on.
    pub const UNMEASURED: Self = Self {
        ahead_ms: 0,
        uncertainty_ms: UNMEASURED.num_milliseconds(),
    };

    /// A remote time on our clock; a time that no clock can show is left as it is.
    pub fn to_ours(self, remote: DateTime<Utc>) -> DateTime<Utc> {
        shifted(remote, self.ahead_ms.saturating_neg())
    }

    /// Our time on the remote clock.
    pub fn to_theirs(self, ours: DateTime<Utc>) -> DateTime<Utc> {
        shifted(ours, self.ahead_ms)
    }

    /// Half the width of the interval in which the truth lies.
    pub fn uncertainty(self) -> TimeDelta {
        TimeDelta::try_milliseconds(self.uncertainty_ms).unwrap_or(UNMEASURED)
    }
}

fn shifted(time: DateTime<Utc>, by_ms: i64) -> DateTime<Utc> {
    TimeDelta::try_milliseconds(by_ms)
        .and_then(|delta| time.checked_add_signed(delta))
        .unwrap_or(time)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sample {
    received: DateTime<Utc>,
    two_way: bool,
    offset: Offset,
}

/// The measured offset of one system's clock: fed with samples, asked for an estimate. Bounded in size; can be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    samples: VecDeque<Sample>,
}

impl ClockOffset {
    /// A question and its answer: the remote clock showed `remote` at some moment between `sent` and `received`, told in
    /// steps of `step` and rounded down (one second where a fraction is missing).
    pub fn two_way(
        &mut self,
        sent: DateTime<Utc>,
        received: DateTime<Utc>,
        remote: DateTime<Utc>,
        step: TimeDelta,
    ) {
        let round_trip = received - sent;
        if round_trip < TimeDelta::zero() || round_trip > LONGEST_ROUND_TRIP {
            return;
        }
        let step = step.clamp(TimeDelta::zero(), TimeDelta::minutes(1));
        let ahead = (remote + step / 2) - (sent + round_trip / 2);
        self.keep(received, true, ahead, round_trip / 2 + step / 2);
    }

    /// Takes the samples of another measurement of the same clock.
    pub fn add(&mut self, other: Self) {
        for sample in other.samples {
            self.put(sample);
        }
    }

    /// A message that says it was made at `remote` and came in at `received`: a bound from below.
    pub fn one_way(&mut self, remote: DateTime<Utc>, received: DateTime<Utc>) {
        let half = ONE_WAY_DELAY / 2;
        self.keep(received, false, remote - received + half, half);
    }

    fn keep(
        &mut self,
        received: DateTime<Utc>,
        two_way: bool,
        ahead: TimeDelta,
        uncertainty: TimeDelta,
    ) {
        let offset = Offset {
            ahead_ms: ahead.num_milliseconds(),
            uncertainty_ms: uncertainty.num_milliseconds(),
        };
        self.put(Sample {
            received,
            two_way,
            offset,
        });
    }

    fn put(&mut self, sample: Sample) {
        let two_way = sample.two_way;
        self.samples.push_back(sample);
        let newest = self.samples.iter().map(|s| s.received).max();
        self.samples.retain(|s| {
            let window = if s.two_way {
                TWO_WAY_WINDOW
            } else {
                ONE_WAY_WINDOW
            };
            newest.is_none_or(|newest| newest - s.received <= window)
        });
        self.drop_least_telling(two_way);
    }

    /// Bounds the samples of one kind; a flood of late messages must not wash the prompt ones away.
    fn drop_least_telling(&mut self, two_way: bool) {
        let of_kind: Vec<usize> = (0..self.samples.len())
            .filter(|&i| self.samples.get(i).is_some_and(|s| s.two_way == two_way))
            .collect();
        if of_kind.len() <= KEPT {
            return;
        }
        let old = of_kind.iter().take(of_kind.len() - NEWEST);
        let worth = |&&i: &&usize| {
            self.samples.get(i).map(|s| {
                if two_way {
                    s.offset.uncertainty_ms.saturating_neg()
                } else {
                    s.offset.ahead_ms
                }
            })
        };
        if let Some(&least) = old.min_by_key(worth) {
            self.samples.remove(least);
        }
    }

    /// The best estimate; none if nothing was measured. Two-way samples are believed before one-way ones.
    pub fn estimate(&self) -> Option<Offset> {
        self.samples
            .iter()
            .filter(|s| s.two_way)
            .map(|s| s.offset)
            .min_by_key(|o| o.uncertainty_ms)
            .or_else(|| self.one_way_estimate())
    }

    fn one_way_estimate(&self) -> Option<Offset> {
        let half = ONE_WAY_DELAY.num_milliseconds() / 2;
        let mut samples: Vec<&Sample> = self.samples.iter().filter(|s| !s.two_way).collect();
        samples.sort_by_key(|s| s.received);
        let newest: Vec<&Sample> = samples.iter().rev().take(SET.0).copied().collect();
        let spread = newest.iter().map(|s| s.offset.ahead_ms).max()?
            - newest.iter().map(|s| s.offset.ahead_ms).min()?;
        if spread <= 2 * half && independent(&newest, SET) {
            samples = newest;
        }
        let best = samples
            .iter()
            .map(|s| s.offset)
            .max_by_key(|o| o.ahead_ms)?;
        let near: Vec<&Sample> = samples
            .into_iter()
            .filter(|s| best.ahead_ms - s.offset.ahead_ms <= 2 * half)
            .collect();
        if best.ahead_ms >= -half || independent(&near, AGREEING) {
            return Some(best);
        }
        // Slow by all of it, or late by all of it, or anything between.
        Some(Offset {
            ahead_ms: best.ahead_ms / 2,
            uncertainty_ms: best.ahead_ms.saturating_abs() / 2 + half,
        })
    }
}

/// Whether there are so many samples, received over so much time: a backlog comes at once, a clock is wrong at all times.
fn independent(samples: &[&Sample], (count, span): (usize, TimeDelta)) -> bool {
    let received = || samples.iter().map(|s| s.received);
    let over = received().max().zip(received().min());
    samples.len() >= count && over.is_some_and(|(last, first)| last - first >= span)
}

/// The offsets of both sides of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// The shop's.
    pub shop: Offset,
    /// The portal's.
    pub portal: Offset,
}

impl Clocks {
    /// From measurements; what was not measured is [`Offset::UNMEASURED`].
    pub fn measured(shop: &ClockOffset, portal: &ClockOffset) -> Self {
        Self {
            shop: shop.estimate().unwrap_or(Offset::UNMEASURED),
            portal: portal.estimate().unwrap_or(Offset::UNMEASURED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_767_225_600_000 + ms).unwrap()
    }

    #[test]
    fn the_shortest_round_trip_is_believed() {
        let mut clock = ClockOffset::default();
        clock.two_way(at(0), at(10_000), at(609_000), TimeDelta::zero());
        clock.two_way(at(20_000), at(20_100), at(620_050), TimeDelta::zero());
        clock.two_way(at(30_000), at(34_000), at(630_100), TimeDelta::zero());
        let offset = clock.estimate().unwrap();
        assert_eq!((offset.ahead_ms, offset.uncertainty_ms), (600_000, 50));
        assert_eq!(offset.to_ours(at(600_000)), at(0));
        assert_eq!(offset.to_theirs(at(0)), at(600_000));
    }

    #[test]
    fn one_way_messages_are_judged_by_the_promptest() {
        let mut clock = ClockOffset::default();
        for (made, delay) in [(0, 3_000_000), (3_100_000, 500), (3_200_000, 90_000)] {
            clock.one_way(at(made + 600_000), at(made + delay));
        }
        let offset = clock.estimate().unwrap();
        assert!((offset.ahead_ms - 600_000).abs() <= offset.uncertainty_ms);
        assert!(offset.uncertainty_ms <= 1_000);
    }

    #[test]
    fn a_single_late_message_is_not_taken_for_a_slow_clock() {
        let mut clock = ClockOffset::default();
        clock.one_way(at(0), at(3_600_000));
        for truth in [0, -1_800_000, -3_600_000] {
            let offset = clock.estimate().unwrap();
            assert!(
                (offset.ahead_ms - truth).abs() <= offset.uncertainty_ms,
                "{truth}"
            );
        }
        for n in 0..200 {
            clock.one_way(at(n), at(3_600_000 + n));
        }
        assert!(
            clock.estimate().unwrap().uncertainty_ms > 1_000_000,
            "a backlog is no proof either"
        );
        clock.one_way(at(4_000_000), at(4_000_100));
        assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
    }

    #[test]
    fn the_same_lateness_at_different_times_is_a_slow_clock() {
        let mut clock = ClockOffset::default();
        for n in 0..3 {
            clock.one_way(at(n * 20_000 - 600_000), at(n * 20_000 + 300));
        }
        let offset = clock.estimate().unwrap();
        assert!((offset.ahead_ms + 600_000).abs() <= offset.uncertainty_ms);
        assert!(offset.uncertainty_ms <= 1_000);
    }

    #[test]
    fn a_backlog_does_not_wash_away_what_was_measured_before_it() {
        let mut clock = ClockOffset::default();
        clock.one_way(at(0), at(100));
        for n in 0..500 {
            clock.one_way(at(n * 100), at(7_200_000 + n));
        }
        assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
        assert_eq!(clock.samples.len(), KEPT);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let mut clock = ClockOffset::default();
        for n in 0..20 {
            clock.one_way(at(n * 10_000 + 600_000), at(n * 10_000 + 200));
        }
        for n in 20..30 {
            clock.one_way(at(n * 10_000), at(n * 10_000 + 200));
        }
        assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
    }

    #[test]
    fn old_samples_are_forgotten_and_their_number_is_bounded() {
        let mut clock = ClockOffset::default();
        clock.two_way(at(0), at(10), at(900_000), TimeDelta::zero());
        for n in 0..1_000 {
            let sent = 4_000_000 + n * 10;
            clock.two_way(at(sent), at(sent + 200), at(sent + 100), TimeDelta::zero());
        }
        assert_eq!(clock.samples.len(), KEPT);
        assert_eq!(clock.estimate().unwrap().ahead_ms, 0);
    }

    #[test]
    fn a_clock_that_runs_backwards_between_question_and_answer_is_no_sample() {
        let mut clock = ClockOffset::default();
        clock.two_way(at(10), at(0), at(5), TimeDelta::zero());
        assert_eq!(clock.estimate(), None);
    }

    proptest! {
        #[test]
        fn the_truth_is_within_the_uncertainty(
            ahead in -3_600_000_i64..3_600_000,
            trips in prop::collection::vec((0_i64..5_000, 0_i64..5_000), 1..20),
            coarse: bool,
        ) {
            let mut clock = ClockOffset::default();
            let step = if coarse { 1_000 } else { 1 };
            for (n, (there, back)) in trips.iter().enumerate() {
                let sent = i64::try_from(n).unwrap() * 10_000;
                let shown = (sent + there + ahead).div_euclid(step) * step;
                clock.two_way(at(sent), at(sent + there + back), at(shown), TimeDelta::milliseconds(step));
            }
            let offset = clock.estimate().unwrap();
            prop_assert!((offset.ahead_ms - ahead).abs() <= offset.uncertainty_ms + 1);
        }
    }
}
