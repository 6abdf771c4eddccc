//! A bound on sign-ins that fail.
//!
//! Wrong passwords are counted by the name that is tried together with where the try comes from,
//! and by where it comes from for all names: a stranger who guesses at a name keeps nobody else
//! out. What is counted of an unknown name is counted as for a known one, so that nothing tells
//! which there are. Keys are judged always: they cannot be guessed.

use crate::process::doors::{self, Admitted, Tries};
use sha2::{Digest as _, Sha256};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// Passwords that are hashed at the same time: each takes memory and a processor for a while, on
/// purpose.
const HASHED: usize = 2;
/// How long a try waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tries that are left.
#[derive(Debug)]
pub struct LoginThrottle {
    names: Tries<(IpAddr, [u8; 32])>,
    sources: Tries<IpAddr>,
    turns: Semaphore,
}

impl Default for LoginThrottle {
    fn default() -> Self {
        Self {
            names: Tries::new(5, Duration::from_secs(12)),
            sources: Tries::new(30, Duration::from_secs(2)),
            turns: Semaphore::new(HASHED),
        }
    }
}

/// Whose tries are counted together: an address and a name.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleKey {
    source: IpAddr,
    name: [u8; 32],
}

impl ThrottleKey {
    /// Whoever sent the request at hand, under this name.
    pub fn tries(name: &str) -> Self {
        Self {
            source: doors::caller().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            name: Sha256::digest(name.as_bytes()).into(),
        }
    }
}

impl LoginThrottle {
    /// A turn to have a password judged; `None` if there were too many tries. Counts as wrong until
    /// [`LoginThrottle::right`] is said.
    pub async fn turn(&self, who: ThrottleKey) -> Option<SemaphorePermit<'_>> {
        let name = (who.source, who.name);
        let admitted = [self.names.admits(&name), self.sources.admits(&who.source)];
        if admitted.iter().any(|one| *one != Admitted::Now) {
            return None;
        }
        self.wrong(who);
        timeout(PATIENCE, self.turns.acquire()).await.ok()?.ok()
    }

    /// A wrong key or password.
    pub fn wrong(&self, who: ThrottleKey) {
        self.names.wrong(&(who.source, who.name));
        self.sources.wrong(&who.source);
    }

    /// Forgets the tries: the right one was shown.
    pub fn right(&self, who: ThrottleKey) {
        self.names.right(&(who.source, who.name));
        self.sources.right(&who.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(last: u8, name: &str) -> ThrottleKey {
        let source = IpAddr::from([203, 0, 113, last]);
        ThrottleKey {
            source,
            ..ThrottleKey::tries(name)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_who_guesses_at_a_name_keeps_its_owner_from_nothing() {
        let throttle = LoginThrottle::default();
        for _ in 0..100 {
            let _ = throttle.turn(who(66, "anna")).await;
        }
        assert!(throttle.turn(who(66, "anna")).await.is_none());
        assert!(throttle.turn(who(1, "anna")).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_has_so_many_tries_for_all_names_known_or_not() {
        let throttle = LoginThrottle::default();
        let mut judged = 0;
        for nth in 0..100 {
            judged += usize::from(throttle.turn(who(66, &format!("n{nth}"))).await.is_some());
        }
        assert_eq!(judged, 30);
    }
}
