//! How far another system's clock is from ours, measured from what passes by anyway.
//!
//! Two-way samples (we asked, it answered with its time) bound the offset from both sides; the one with the shortest
//! round trip bounds it best, as in NTP. One-way samples (it said when something happened, we know when we heard) bound
//! it only from below: something cannot be heard before it happened, but it may have waited long. There it is assumed that
//! at least one message of the window came within [`ONE_WAY_DELAY`]; the least delayed one is taken.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How long the promptest one-way message of a window is assumed to have taken at most.
pub const ONE_WAY_DELAY: TimeDelta = TimeDelta::seconds(2);
/// How wrong a clock may be that was never measured.
pub const UNMEASURED: TimeDelta = TimeDelta::minutes(10);
/// Round trips longer than this say nothing worth keeping.
const LONGEST_ROUND_TRIP: TimeDelta = TimeDelta::minutes(2);
/// Samples older than this, seen from the newest, are forgotten: clocks drift and are set right.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// Samples kept.
const KEPT: usize = 64;

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
        self.samples.push_back(Sample {
            received,
            two_way,
            offset,
        });
        let newest = self.samples.iter().map(|s| s.received).max();
        self.samples
            .retain(|s| newest.is_none_or(|newest| newest - s.received <= WINDOW));
        while self.samples.len() > KEPT {
            self.samples.pop_front();
        }
    }

    /// The best estimate; none if nothing was measured. Two-way samples are believed before one-way ones.
    pub fn estimate(&self) -> Option<Offset> {
        self.samples
            .iter()
            .filter(|s| s.two_way)
            .map(|s| s.offset)
            .min_by_key(|o| o.uncertainty_ms)
            .or_else(|| {
                let one_way = self.samples.iter().map(|s| s.offset);
                one_way.max_by_key(|o| o.ahead_ms)
            })
    }
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
            clock.one_way(at(made - 600_000), at(made + delay));
        }
        let offset = clock.estimate().unwrap();
        assert!((offset.ahead_ms + 600_000).abs() <= offset.uncertainty_ms);
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
