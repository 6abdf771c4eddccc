//! A bound on wrong keys and passwords.

use parking_lot::Mutex;
use std::{collections::HashMap, hash::Hash, time::Duration};
use tokio::time::Instant;

/// Most that are remembered: whoever would be one more is not slowed, and the oldest go first.
const MOST: usize = 10_000;

/// Wrong tries, each by whom. Bounded in memory, whoever tries.
#[derive(Debug)]
pub struct Tries<K> {
    burst: u32,
    pause: Duration,
    /// The moment at which all tries are there again: each wrong one moves it on by one pause.
    full_at: Mutex<HashMap<K, Instant>>,
}

/// Whether a try may be judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It may be judged at once.
    Now,
    /// Not before so long.
    In(Duration),
}

impl<K: Hash + Eq + Clone> Tries<K> {
    /// So many wrong tries at once, and another after each pause.
    pub fn new(burst: u32, pause: Duration) -> Self {
        Self {
            burst,
            pause,
            full_at: Mutex::default(),
        }
    }

    /// Whether a further wrong try would be within the bounds. Counts nothing.
    pub fn admits(&self, who: &K) -> Admitted {
        let now = Instant::now();
        let all = self.full_at.lock();
        let full_at = all.get(who).copied().unwrap_or(now).max(now);
        let last = now + self.pause * self.burst;
        match (full_at + self.pause).checked_duration_since(last) {
            Some(wait) if !wait.is_zero() => Admitted::In(wait),
            _ => Admitted::Now,
        }
    }

    /// Counts a wrong try.
    pub fn wrong(&self, who: &K) {
        let now = Instant::now();
        let most = now + self.pause * self.burst;
        let mut all = self.full_at.lock();
        if all.len() >= MOST && !all.contains_key(who) {
            all.retain(|_, full_at| *full_at > now);
        }
        if all.len() >= MOST && !all.contains_key(who) {
            // As many at the same time are no few people who forgot a key: room for the newest.
            let oldest = all.iter().min_by_key(|(_, full_at)| **full_at);
            if let Some(oldest) = oldest.map(|(who, _)| who.clone()) {
                all.remove(&oldest);
            }
        }
        let full_at = all.get(who).copied().unwrap_or(now).max(now);
        // A flood does not add up: whoever stops is let in again after one round.
        all.insert(who.clone(), (full_at + self.pause).min(most));
    }

    /// Forgets the tries: the right one was shown.
    pub fn right(&self, who: &K) {
        let mut all = self.full_at.lock();
        all.remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(12);

    #[tokio::test(start_paused = true)]
    async fn the_sixth_wrong_try_waits_and_another_s_does_not() {
        let tries = Tries::new(5, PAUSE);
        for _ in 0..5 {
            assert_eq!(tries.admits(&"anna"), Admitted::Now);
            tries.wrong(&"anna");
        }
        assert_eq!(tries.admits(&"anna"), Admitted::In(PAUSE));
        assert_eq!(tries.admits(&"viktor"), Admitted::Now);
        tokio::time::advance(PAUSE).await;
        assert_eq!(tries.admits(&"anna"), Admitted::Now);
        tries.wrong(&"anna");
        assert_eq!(tries.admits(&"anna"), Admitted::In(PAUSE));
        tries.right(&"anna");
        assert_eq!(tries.admits(&"anna"), Admitted::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_does_not_add_up_and_takes_no_more_memory() {
        let tries = Tries::new(5, PAUSE);
        for _ in 0..1_000 {
            tries.wrong(&0);
        }
        assert_eq!(tries.admits(&0), Admitted::In(PAUSE));
        for who in 1..=i32::try_from(MOST).unwrap() + 100 {
            tries.wrong(&who);
        }
        assert!(tries.full_at.lock().len() <= MOST);
    }
}
