//! The portal's request limit: a bucket that each request fills by one, that holds `burst`, and
//! that drains by `per_second`.
//!
//! Shared by all clones of a client. A waiting urgent call goes before live ones, those before
//! reading up, that before history and products; but of ten requests one is whoever's that waits,
//! however many go before it. The bucket here is a little smaller than the portal's: requests that
//! left evenly may arrive bunched, and a person may use the same address. Who takes over from
//! another process says how full the bucket is. A client that was not told starts with a small part
//! of the burst and earns the rest.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use parking_lot::Mutex;
use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Who asks: forms go before live orders, those before reading up, that before history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Forms and calls: somebody waits to be called back.
    Urgent,
    /// Live orders, and what people wait for.
    Live,
    /// Readings of what stands in the portal.
    Reconcile,
    /// Loaded histories and products.
    Backfill,
}

/// A portal's request limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests a second, sustained.
    pub per_second: f64,
    /// The size of the bucket: so many requests may go at once after a rest.
    pub burst: u32,
}

impl Rate {
    /// Every cloud plan but Enterprise.
    pub const STANDARD: Self = Self {
        per_second: 2.0,
        burst: 50,
    };
    /// The cloud plan Enterprise.
    pub const ENTERPRISE: Self = Self {
        per_second: 5.0,
        burst: 250,
    };
}

/// How often the bucket could drain while the pace stays lowered after the portal complained: a
/// minute on a standard plan.
const LOWERED: f64 = 2.5;
/// How the first pause grows when it complains again.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a request of another process may be under way before it is sent, and how long it stands
/// behind live ones.
const GUEST_DELAY: Duration = Duration::from_millis(500);
const GUEST_WAITS: Duration = Duration::from_secs(2);
/// Before all others: whoever has waited long enough.
const FIRST: usize = 0;
/// [`FIRST`], and each [`Priority`].
const RANKS: usize = Priority::Backfill as usize + 2;
/// After so many requests that went before one that waits, it is that one's turn.
const GO_BEFORE: u32 = 9;
/// How long a request that stands behind others waits before it asks again.
const STANDS_BEHIND: Duration = Duration::from_millis(50);
/// So many places of the bucket are left free by what can wait, history and products, for what
/// cannot.
const LEFT_FREE: u32 = 4;
/// What a new client may send at once.
const STARTS_WITH: u32 = 10;

#[derive(Debug)]
pub(in crate::clients::bitrix24) struct Limiter {
    bucket: DefaultDirectRateLimiter,
    clock: governor::clock::DefaultClock,
    waiting: [AtomicUsize; RANKS],
    /// How many requests went before those of each rank since one of it began to wait, or went.
    went_before: [AtomicU32; RANKS],
    rate: Rate,
    period: Duration,
    burst: u32,
    level: Mutex<BucketLevel>,
    lesson: Mutex<BackPressure>,
    /// Rung when the portal complains.
    complained: Notify,
}

/// How full the bucket is: the same as the governor holds, which does not show it.
#[derive(Debug)]
struct BucketLevel {
    /// Whether anybody said how full it was at first.
    known: bool,
    drained_at: Instant,
}

/// What a complaint taught.
#[derive(Debug, Default)]
struct BackPressure {
    complaints: u32,
    pause_until: Option<Instant>,
    lowered_until: Option<Instant>,
}

/// Counts a waiting call for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Limiter {
    pub(in crate::clients::bitrix24) fn new(rate: Rate, full_burst: bool) -> Self {
        let margin = (rate.burst / 25).clamp(u32::from(rate.burst > 1), 5);
        let burst = NonZeroU32::new(rate.burst - margin).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs_f64(1.0 / rate.per_second);
        let quota = Quota::with_period(period)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        Self {
            bucket: RateLimiter::direct(quota),
            rate,
            period,
            burst: burst.get(),
            level: Mutex::new(BucketLevel {
                known: full_burst,
                drained_at: Instant::now(),
            }),
            clock: governor::clock::DefaultClock::default(),
            waiting: Default::default(),
            went_before: Default::default(),
            lesson: Mutex::default(),
            complained: Notify::new(),
        }
    }

    pub(in crate::clients::bitrix24) fn rate(&self) -> Rate {
        self.rate
    }

    pub(in crate::clients::bitrix24) fn period(&self) -> Duration {
        self.period
    }

    pub(in crate::clients::bitrix24) fn full_drain_time(&self) -> Duration {
        self.period.saturating_mul(self.burst)
    }

    /// How long the pace stays lowered from now on; nothing if it is not.
    pub(in crate::clients::bitrix24) fn reduced_for(&self) -> Duration {
        let lesson = self.lesson.lock();
        let until = lesson.lowered_until;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Waits until the portal complains; hears at once of a complaint since the last wait.
    pub(in crate::clients::bitrix24) async fn lowered(&self) {
        self.complained.notified().await;
    }

    /// Requests a second that are allowed now.
    pub(in crate::clients::bitrix24) fn pace(&self) -> f64 {
        let full = 1.0 / self.period.as_secs_f64();
        if self.reduced_for().is_zero() {
            full
        } else {
            full / 2.0
        }
    }

    pub(in crate::clients::bitrix24) fn drain_time(&self) -> Duration {
        let level = self.level.lock();
        level.drained_at.saturating_duration_since(Instant::now())
    }

    pub(in crate::clients::bitrix24) fn take_over(&self, left: Duration) {
        self.hold_back(left);
    }

    /// Fills the bucket until it takes at least this long to drain.
    fn hold_back(&self, left: Duration) {
        let mut level = self.level.lock();
        level.known = true;
        let now = Instant::now();
        let have = level.drained_at.saturating_duration_since(now);
        let missing = left.min(self.full_drain_time()).saturating_sub(have);
        let count = (0..self.burst)
            .take_while(|nth| self.period.saturating_mul(*nth) < missing)
            .count();
        let count = u32::try_from(count).ok().and_then(NonZeroU32::new);
        if let Some(count) = count
            && matches!(self.bucket.check_n(count), Ok(Ok(())))
        {
            level.drained_at = now + have + self.period.saturating_mul(count.get());
        }
    }

    fn took(&self, count: u32) {
        let mut level = self.level.lock();
        let from = level.drained_at.max(Instant::now());
        level.drained_at = from + self.period.saturating_mul(count);
    }

    /// Waits until a request may go.
    pub(in crate::clients::bitrix24) async fn acquire(&self, priority: Priority) {
        self.wait(priority as usize + 1, NonZeroU32::MIN).await;
    }

    /// Waits until a request of another process may go: behind live ones, but not for ever. It
    /// leaves a little later than it is counted, so it is counted with all that drains meanwhile:
    /// else the portal's bucket would be fuller than this one.
    pub(in crate::clients::bitrix24) async fn acquire_for_guest(&self) {
        let meanwhile = GUEST_DELAY.as_secs_f64() / self.period.as_secs_f64();
        let more = (1..self.burst).take_while(|nth| f64::from(*nth) < meanwhile + 1.0);
        let cost = more.last().unwrap_or(0).saturating_add(1);
        let cost = NonZeroU32::new(cost.min(self.burst)).unwrap_or(NonZeroU32::MIN);
        let behind = self.wait(Priority::Reconcile as usize + 1, cost);
        if tokio::time::timeout(GUEST_WAITS, behind).await.is_err() {
            self.wait(FIRST, cost).await;
        }
    }

    async fn wait(&self, rank: usize, cost: NonZeroU32) {
        if self.waiting[rank].fetch_add(1, Ordering::SeqCst) == 0 {
            self.went_before[rank].store(0, Ordering::SeqCst);
        }
        let _waiting = Waiting(&self.waiting[rank]);
        if !self.level.lock().known {
            let held_back = self.burst.saturating_sub(STARTS_WITH);
            self.hold_back(self.period.saturating_mul(held_back));
        }
        loop {
            match self.try_take(rank, cost) {
                None => {
                    self.went(rank);
                    return;
                }
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Counts a request for all that still wait behind its rank.
    fn went(&self, rank: usize) {
        self.went_before[rank].store(0, Ordering::SeqCst);
        for behind in rank + 1..self.waiting.len() {
            if self.waits(behind) {
                self.went_before[behind].fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn waits(&self, rank: usize) -> bool {
        self.waiting[rank].load(Ordering::SeqCst) > 0
    }

    /// Whether enough went before those of a rank that wait.
    fn is_its_turn(&self, rank: usize) -> bool {
        self.waits(rank) && self.went_before[rank].load(Ordering::SeqCst) >= GO_BEFORE
    }

    /// Whether others go first: whose turn it is, the last rank before the others, else whoever is
    /// of a higher rank.
    fn gives_way(&self, rank: usize) -> bool {
        let mut behind = rank + 1..self.waiting.len();
        behind.any(|other| self.is_its_turn(other))
            || !self.is_its_turn(rank) && (0..rank).any(|other| self.waits(other))
    }

    /// Takes a place in the bucket, or says how long to wait before asking again.
    fn try_take(&self, rank: usize, cost: NonZeroU32) -> Option<Duration> {
        let now = Instant::now();
        let lowered = {
            let lesson = self.lesson.lock();
            if let Some(until) = lesson.pause_until.filter(|until| *until > now) {
                return Some(until - now);
            }
            lesson.lowered_until.is_some_and(|until| until > now)
        };
        if self.gives_way(rank) {
            return Some(STANDS_BEHIND);
        }
        if rank == Priority::Backfill as usize + 1
            && !self.is_its_turn(rank)
            && let Some(places) = self.burst.checked_sub(LEFT_FREE + 1)
        {
            let enough = self.period.saturating_mul(places);
            let wait = self.drain_time().saturating_sub(enough);
            if !wait.is_zero() {
                // Meanwhile it may become its turn, and then all others stand behind it.
                return Some(wait.min(STANDS_BEHIND));
            }
        }
        // After a complaint every request counts as two: half the pace.
        let cost = if lowered {
            cost.saturating_add(1)
        } else {
            cost
        };
        let refused = match self.bucket.check_n(cost) {
            Ok(Ok(())) => {
                self.took(cost.get());
                return None;
            }
            Ok(Err(until)) => Some(until),
            Err(_bucket_of_one) => self.bucket.check().err(),
        };
        if refused.is_none() {
            self.took(1);
        }
        refused.map(|until| until.wait_time_from(self.clock.now()))
    }

    /// The portal said QUERY_LIMIT_EXCEEDED: holds everybody back, and goes on at half the pace for
    /// a while. Returns the pause.
    pub(in crate::clients::bitrix24) fn on_throttled(&self) -> Duration {
        let now = Instant::now();
        let mut lesson = self.lesson.lock();
        if lesson.lowered_until.is_none_or(|until| until < now) {
            lesson.complaints = 0;
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << lesson.complaints.min(8))
            .min(LONGEST_PAUSE);
        lesson.complaints += 1;
        lesson.pause_until = Some(now + pause);
        lesson.lowered_until = Some(now + pause + self.full_drain_time().mul_f64(LOWERED));
        self.complained.notify_one();
        pause
    }
}

#[cfg(test)]
mod tests;
