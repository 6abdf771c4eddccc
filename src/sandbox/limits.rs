//! The portal's two limits: how often, and how long.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::Instant,
};

const WINDOW_SECONDS: i64 = 600;

/// Leaky buckets, one per source address.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    levels: HashMap<IpAddr, (f64, Instant)>,
}

impl Rate {
    /// Counts one request; false means that the bucket has overflowed.
    pub(crate) fn admit(
        &mut self,
        source: IpAddr,
        bucket: Option<(f64, f64)>,
        now: Instant,
    ) -> bool {
        let Some((per_second, size)) = bucket else {
            return true;
        };
        let (level, seen) = self.levels.entry(source).or_insert((0.0, now));
        let drained = now.saturating_duration_since(*seen).as_secs_f64() * per_second;
        *level = (*level - drained).max(0.0);
        *seen = now;
        if *level + 1.0 > size {
            return false;
        }
        *level += 1.0;
        true
    }
}

/// Time spent per caller and method, in ten buckets of a minute each.
#[derive(Debug)]
pub(crate) struct Operating {
    /// How long a minute counts, in seconds.
    pub(crate) window: i64,
    spent: HashMap<(String, String), VecDeque<Minute>>,
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    first: i64,
    seconds: f64,
}

impl Default for Operating {
    fn default() -> Self {
        Self {
            window: WINDOW_SECONDS,
            spent: HashMap::new(),
        }
    }
}

impl Operating {
    /// Seconds spent in the window, and when the oldest minute drops out of it.
    pub(crate) fn level(&mut self, caller: &str, method: &str, now: i64) -> (f64, i64) {
        let key = (caller.to_owned(), method.to_owned());
        let Some(minutes) = self.spent.get_mut(&key) else {
            return (0.0, now + self.window);
        };
        while minutes
            .front()
            .is_some_and(|m| m.first + self.window <= now)
        {
            minutes.pop_front();
        }
        let sum = minutes.iter().map(|m| m.seconds).sum();
        (sum, minutes.front().map_or(now, |m| m.first) + self.window)
    }

    pub(crate) fn charge(&mut self, caller: &str, method: &str, now: i64, seconds: f64) {
        let minutes = self
            .spent
            .entry((caller.to_owned(), method.to_owned()))
            .or_default();
        match minutes.back_mut() {
            Some(last) if last.first.div_euclid(60) == now.div_euclid(60) => {
                last.seconds += seconds;
            }
            _ => minutes.push_back(Minute {
                first: now,
                seconds,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn a_full_bucket_refuses_until_it_drains() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let taken = (0..60)
            .filter(|_| rate.admit(here, Some((2.0, 50.0)), start))
            .count();
        assert_eq!(taken, 50);
        let later = start + Duration::from_secs(1);
        assert!(rate.admit(here, Some((2.0, 50.0)), later));
        assert!(rate.admit(here, Some((2.0, 50.0)), later));
        assert!(!rate.admit(here, Some((2.0, 50.0)), later));
    }

    #[test]
    fn spent_time_leaves_the_window_minute_by_minute() {
        let mut operating = Operating::default();
        operating.charge("w", "m", 30, 100.0);
        operating.charge("w", "m", 59, 100.0);
        operating.charge("w", "m", 60, 50.0);
        assert_eq!(operating.level("w", "m", 100), (250.0, 630));
        assert_eq!(operating.level("w", "m", 630), (50.0, 660));
        assert_eq!(operating.level("w", "other", 100), (0.0, 700));
    }
}
