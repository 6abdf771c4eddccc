//! The offset of another system's clock from ours, measured from what passes by anyway.
//!
//! Two-way samples (we asked, it answered with its time) bound the offset from both sides; the one
//! with the shortest round trip bounds it best, as in NTP. One-way samples (it said when something
//! happened, we know when we heard) bound it only from below: something cannot be heard before it
//! happened, but it may have waited long. What is assumed there:
//!
//! - the promptest message of a day came within [`ONE_WAY_DELAY`];
//! - unless even that one seems to come late. Then the clock may be slow or the message may have
//!   waited, and the estimate covers both, so that nobody orders two facts by it; only the same
//!   lateness in several messages that came at different times is a slow clock;
//! - if the latest messages agree among themselves on another offset than before, the clock was
//!   set; while they are few, both are possible, and the estimate covers both;
//! - a single message from far in the future was dated wrongly, unless it is the newest: then both
//!   are possible, too.
//!
//! Of two-way samples the newest that can all be true are believed; what contradicts them is from
//! before the clock was set.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How long the promptest one-way message of a window is assumed to have taken at most.
pub const ONE_WAY_DELAY: TimeDelta = TimeDelta::seconds(2);
/// How wrong a clock may be that was never measured.
pub const UNMEASURED: TimeDelta = TimeDelta::minutes(10);
/// Round trips longer than this say nothing worth keeping.
const LONGEST_ROUND_TRIP: TimeDelta = TimeDelta::minutes(2);
/// Two-way samples older than this, seen from the newest, are forgotten: clocks drift and are set
/// right.
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

    /// Where the truth lies if it is in one of both.
    fn or(self, other: Self) -> Self {
        let low = |o: Self| o.ahead_ms.saturating_sub(o.uncertainty_ms);
        let high = |o: Self| o.ahead_ms.saturating_add(o.uncertainty_ms);
        let (low, high) = (low(self).min(low(other)), high(self).max(high(other)));
        let half = high.saturating_sub(low) / 2;
        Self {
            ahead_ms: low.saturating_add(half),
            uncertainty_ms: half,
        }
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

/// The measured offset of one system's clock: fed with samples, asked for an estimate. Bounded in
/// size; can be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    samples: VecDeque<Sample>,
}

impl ClockOffset {
    /// A question and its answer: the remote clock showed `remote` at some moment between `sent`
    /// and `received`, told in steps of `step` and rounded down (one second where a fraction is
    /// missing).
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

    /// Takes the samples of another measurement of the same clock; what both have counts once.
    pub fn add(&mut self, other: Self) {
        for sample in other.samples {
            if !self.samples.contains(&sample) {
                self.put(sample);
            }
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

    /// The best estimate; `None` if nothing was measured. Two-way samples are believed before
    /// one-way ones.
    pub fn estimate(&self) -> Option<Offset> {
        self.two_way_estimate().or_else(|| self.one_way_estimate())
    }

    /// The sample that bounds best, of the newest that can all be true. What contradicts them is
    /// from before the clock was set; a single newest one that contradicts the others may be
    /// either.
    fn two_way_estimate(&self) -> Option<Offset> {
        let mut samples: Vec<&Sample> = self.samples.iter().filter(|s| s.two_way).collect();
        samples.sort_by_key(|s| std::cmp::Reverse(s.received));
        let newest = agreeing(&samples);
        let best = |samples: &[&Sample]| {
            let offsets = samples.iter().map(|s| s.offset);
            offsets.min_by_key(|o| o.uncertainty_ms)
        };
        let (run, rest) = samples.split_at(newest);
        let (before, _) = rest.split_at(agreeing(rest));
        let (now, before) = (best(run)?, best(before));
        Some(match before.filter(|_| run.len() == 1) {
            Some(before) => now.or(before),
            None => now,
        })
    }

    fn one_way_estimate(&self) -> Option<Offset> {
        let mut samples: Vec<&Sample> = self.samples.iter().filter(|s| !s.two_way).collect();
        samples.sort_by_key(|s| s.received);
        let run = near_the_last(&samples).to_vec();
        if independent(&run, SET) {
            return promptest(&run).map(|s| s.offset);
        }
        // What claims to be from the future, far beyond all others, was dated wrongly: unless it is
        // the last that was heard, and the clock may have been set.
        while let Some(top) = promptest(&samples).filter(|top| far_ahead(top, &samples)) {
            let others: Vec<&Sample> = samples.iter().copied().filter(|s| *s != top).collect();
            if samples.last() == Some(&top) {
                return Some(top.offset.or(from_below(&others)?));
            }
            samples = others;
        }
        let estimate = from_below(&samples)?;
        // Late, all by the same; or set back a while ago.
        let now = promptest(&run).filter(|_| independent(&run, AGREEING));
        let elsewhere = now.map(|s| s.offset).filter(|now| {
            let apart = (estimate.ahead_ms - now.ahead_ms).saturating_abs();
            let margin = ONE_WAY_DELAY.num_milliseconds();
            apart > estimate.uncertainty_ms.saturating_add(margin)
        });
        Some(elsewhere.map_or(estimate, |now| estimate.or(now)))
    }
}

/// How many samples, from the first on, can be true together.
fn agreeing(samples: &[&Sample]) -> usize {
    // Times are told in milliseconds, rounded.
    const ROUNDED: i64 = 2;
    let together = |a: &Offset, b: &Offset| {
        let apart = (a.ahead_ms - b.ahead_ms).saturating_abs();
        apart
            <= a.uncertainty_ms
                .saturating_add(b.uncertainty_ms)
                .saturating_add(ROUNDED)
    };
    let contradicts = |(i, one): (usize, &&Sample)| {
        let mut newer = samples.iter().take(i);
        newer.any(|s| !together(&s.offset, &one.offset))
    };
    let mut all = samples.iter().enumerate();
    all.position(contradicts).unwrap_or(samples.len())
}

/// The newest samples that agree among themselves.
fn near_the_last<'s, 'a>(samples: &'s [&'a Sample]) -> &'s [&'a Sample] {
    let mut bounds: Option<(i64, i64)> = None;
    let mut from = samples.len();
    for (i, sample) in samples.iter().enumerate().rev() {
        let ahead = sample.offset.ahead_ms;
        let (low, high) = bounds.map_or((ahead, ahead), |(l, h)| (l.min(ahead), h.max(ahead)));
        if high.saturating_sub(low) > ONE_WAY_DELAY.num_milliseconds() {
            break;
        }
        bounds = Some((low, high));
        from = i;
    }
    samples.get(from..).unwrap_or_default()
}

/// The message that waited least.
fn promptest<'a>(samples: &[&'a Sample]) -> Option<&'a Sample> {
    samples.iter().copied().max_by_key(|s| s.offset.ahead_ms)
}

/// Whether a sample claims to be from the future, alone, by more than clocks are wrong.
fn far_ahead(top: &Sample, samples: &[&Sample]) -> bool {
    let ahead = top.offset.ahead_ms;
    let others = samples.iter().filter(|s| **s != top);
    let next = others.map(|s| s.offset.ahead_ms).max();
    let far = |next: i64| ahead.saturating_sub(next) > UNMEASURED.num_milliseconds();
    ahead > ONE_WAY_DELAY.num_milliseconds() && next.is_some_and(far)
}

/// What messages bound from below.
fn from_below(samples: &[&Sample]) -> Option<Offset> {
    let half = ONE_WAY_DELAY.num_milliseconds() / 2;
    let best = promptest(samples)?.offset;
    let near: Vec<&Sample> = samples
        .iter()
        .copied()
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

/// Whether there are so many samples, received over so much time: a backlog comes at once, a clock
/// is wrong at all times.
fn independent(samples: &[&Sample], (count, span): (usize, TimeDelta)) -> bool {
    let received = || samples.iter().map(|s| s.received);
    let over = received().max().zip(received().min());
    samples.len() >= count && over.is_some_and(|(last, first)| last - first >= span)
}

/// The offsets of both sides of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// The offset of the shop's clock.
    pub shop: Offset,
    /// The offset of the portal's clock.
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
mod tests;
