//! How often somebody may try to sign in.
//!
//! Counted by the name that is tried, whoever tries: addresses are cheap, and behind a proxy they are all one. Unknown names share one
//! count. Somebody who guesses at a name can so keep its owner from signing in meanwhile, but not end a session; the key still opens.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Tries before waiting begins.
const BURST: u32 = 5;
/// How long it takes to earn another try.
const PAUSE: Duration = Duration::from_secs(12);

/// The tries that are left, by name.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<String, Instant>>);

impl Throttle {
    /// Whether a try under this name may be judged now. `name` is one of few: the caller maps unknown ones together.
    pub(super) fn admits(&self, name: &str) -> bool {
        let now = Instant::now();
        let mut clear = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The moment at which all tries are there again: each try moves it on by one pause.
        let full_at = clear.get(name).copied().unwrap_or(now).max(now);
        if full_at + PAUSE > now + PAUSE * BURST {
            return false;
        }
        clear.insert(name.to_owned(), full_at + PAUSE);
        true
    }

    /// Forgets the tries: the name signed in.
    pub(super) fn forget(&self, name: &str) {
        let mut clear = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clear.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_sixth_try_waits_and_another_name_does_not() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert!(throttle.admits("anna"));
        }
        assert!(!throttle.admits("anna"));
        assert!(throttle.admits("viktor"));
        tokio::time::advance(PAUSE).await;
        assert!(throttle.admits("anna"));
        assert!(!throttle.admits("anna"));
        throttle.forget("anna");
        assert!(throttle.admits("anna"));
    }
}
