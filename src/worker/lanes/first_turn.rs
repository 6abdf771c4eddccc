//! First turns of lanes: one after the other, and only some of a process at a time.
//!
//! A lane that was just taken asks for all that may be due, and reads the portal's history. If
//! thousands did so at once they would fill the pool, so that whoever works waited behind them; and
//! they would read all histories at the same moment ever after.

use parking_lot::Mutex;
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// How far apart the first turns of lanes are of which nobody has woken any.
const STEP: Duration = Duration::from_millis(20);

/// First turns under way at once: as many as the pool has connections by default.
const AT_ONCE: usize = 16;
/// How long a first turn keeps its place. One that takes longer goes on without it: it waits for
/// its portal, and others need not wait for that. So 64 begin a second at least, more than come
/// by themselves: nobody waits long, however many portals are slow.
const LONGEST: Duration = Duration::from_millis(250);

/// The places of a process's first turns. Cheap to clone: all clones share them.
#[derive(Debug, Clone)]
pub(super) struct FirstTurns {
    places: Arc<Semaphore>,
    /// When the last lane that was taken is to begin.
    last: Arc<Mutex<Option<Instant>>>,
}

impl Default for FirstTurns {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            last: Arc::default(),
        }
    }
}

impl FirstTurns {
    /// When a lane that was just taken is to begin, unless it is woken: a step after the one that
    /// was taken before it, where that has yet to.
    pub(super) fn slot(&self) -> Instant {
        let (mut last, now) = (self.last.lock(), Instant::now());
        let slot = last.map_or(now, |last| last.max(now)) + STEP;
        *last = Some(slot);
        slot
    }

    /// Does a lane's first turn when there is a place, whoever came first first; `None` if the lane
    /// ends before. A turn is made when it has its place: thousands may wait for theirs.
    pub(super) async fn begin<F: Future>(
        &self,
        turn: impl FnOnce() -> F,
        ending: &CancellationToken,
    ) -> Option<F::Output> {
        let place = ending.run_until_cancelled(self.places.acquire()).await?;
        let mut turn = pin!(turn());
        tokio::select! {
            done = &mut turn => return Some(done),
            () = sleep(LONGEST) => {}
        }
        drop(place);
        Some(turn.await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::JoinSet;

    const TURN: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn lanes_that_are_taken_together_begin_evenly_and_one_by_itself_at_once() {
        let (turns, begun) = (FirstTurns::default(), Instant::now());
        for nth in 1..=1_000 {
            assert_eq!(turns.slot() - begun, STEP * nth);
        }
        tokio::time::advance(STEP * 2_000).await;
        assert_eq!(turns.slot() - Instant::now(), STEP);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_thousand_lanes_only_some_begin_at_a_time() {
        let (turns, stop) = (FirstTurns::default(), CancellationToken::new());
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (begun, mut all) = (Instant::now(), JoinSet::new());
        for _ in 0..1_000 {
            let (turns, stop) = (turns.clone(), stop.clone());
            let (open, most) = (Arc::clone(&open), Arc::clone(&most));
            let turn = async move {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                sleep(TURN).await;
                open.fetch_sub(1, Ordering::SeqCst);
            };
            all.spawn(async move { turns.begin(|| turn, &stop).await });
        }
        let ended = all.join_all().await;
        assert!(ended.iter().all(Option::is_some));
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
        let took = begun.elapsed();
        assert!(
            (TURN * 63..TURN * 64).contains(&took),
            "{took:?}: a thousand by sixteen"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn portals_that_do_not_answer_keep_their_places_for_a_moment() {
        let (turns, stop) = (FirstTurns::default(), CancellationToken::new());
        let mut slow = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (turns, stop) = (turns.clone(), stop.clone());
            slow.spawn(async move { turns.begin(|| sleep(LONGEST * 100), &stop).await });
        }
        tokio::task::yield_now().await;
        let begun = Instant::now();
        assert_eq!(turns.begin(|| async { 7 }, &stop).await, Some(7));
        assert!((LONGEST..LONGEST * 2).contains(&begun.elapsed()));
        assert!(slow.join_all().await.iter().all(Option::is_some));
        assert!(begun.elapsed() >= LONGEST * 99, "they go on without one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_ends_waits_for_no_place() {
        let (turns, stop) = (FirstTurns::default(), CancellationToken::new());
        let all = turns.places.acquire_many(16).await.unwrap();
        stop.cancel();
        assert_eq!(turns.begin(|| async { 7 }, &stop).await, None);
        drop(all);
    }
}
