use super::*;
use std::sync::Arc;

#[tokio::test]
async fn a_burst_goes_at_once_and_then_the_pace_holds() {
    let limiter = Limiter::new(
        Rate {
            per_second: 20.0,
            burst: 10,
        },
        true,
    );
    let started = std::time::Instant::now();
    for _ in 0..13 {
        limiter.acquire(Priority::Live).await;
    }
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_secs(2),
        "{took:?}"
    );
}

#[tokio::test]
async fn who_takes_over_goes_on_where_the_other_ended() {
    let rate = Rate {
        per_second: 1.0,
        burst: 20,
    };
    let (first, second) = (Limiter::new(rate, true), Limiter::new(rate, false));
    for _ in 0..15 {
        first.acquire(Priority::Live).await;
    }
    let left = first.drain_time();
    assert!(
        left > Duration::from_secs(14) && left <= Duration::from_secs(15),
        "{left:?}"
    );
    second.take_over(left);
    let free = (0..20)
        .take_while(|_| second.try_take(1, NonZeroU32::MIN).is_none())
        .count();
    assert_eq!(free, 4, "of 19, with the margin, 15 are used");
    assert!(second.drain_time() > Duration::from_secs(18));
}

#[tokio::test]
async fn who_was_told_nothing_starts_carefully() {
    let limiter = Limiter::new(Rate::STANDARD, false);
    limiter.acquire(Priority::Live).await;
    let free = (0..50)
        .take_while(|_| limiter.try_take(1, NonZeroU32::MIN).is_none())
        .count();
    assert_eq!(free, 9);
}

#[tokio::test]
async fn an_urgent_call_goes_before_live_ones_and_those_before_the_others() {
    let limiter = Arc::new(Limiter::new(
        Rate {
            per_second: 10.0,
            burst: 2,
        },
        true,
    ));
    limiter.acquire(Priority::Live).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for priority in [
        Priority::Backfill,
        Priority::Reconcile,
        Priority::Live,
        Priority::Urgent,
    ] {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            limiter.acquire(priority).await;
            order.lock().push(priority);
        }));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        *order.lock(),
        [
            Priority::Urgent,
            Priority::Live,
            Priority::Reconcile,
            Priority::Backfill
        ]
    );
}

#[tokio::test]
async fn however_many_live_calls_there_are_every_tenth_is_of_whoever_waits() {
    let rate = Rate {
        per_second: 200.0,
        burst: 20,
    };
    let limiter = Arc::new(Limiter::new(rate, true));
    let order = Arc::new(Mutex::new(Vec::new()));
    let goes_on = |priority| {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        async move {
            for _ in 0..100 {
                limiter.acquire(priority).await;
                order.lock().push(priority);
            }
        }
    };
    // Two that are live, so that one waits whenever the other goes.
    let live = [Priority::Live, Priority::Live].map(|live| tokio::spawn(goes_on(live)));
    let products = tokio::spawn(goes_on(Priority::Backfill));
    for one in live {
        one.await.unwrap();
    }
    products.abort();
    let order = order.lock();
    let between = order.split(|who| *who == Priority::Backfill);
    let between: Vec<_> = between.map(<[_]>::len).collect();
    // While both live ones go on, always as many; how many go at first, the bucket says.
    assert!(between.len() > 16 && between[0] < 40, "{between:?}");
    assert_eq!(between[1..16], [9; 15], "{between:?}");
}

#[tokio::test]
async fn a_guest_is_counted_with_what_drains_before_it_sends_and_is_not_kept_waiting_for_ever() {
    let rate = Rate {
        per_second: 10.0,
        burst: 20,
    };
    let limiter = Arc::new(Limiter::new(rate, true));
    limiter.acquire_for_guest().await;
    let free = (0..20)
        .take_while(|_| limiter.try_take(1, NonZeroU32::MIN).is_none())
        .count();
    assert_eq!(free, 13, "of 19, six are counted");
    // Live calls that take each place at once.
    let live: Vec<_> = (0..2)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                loop {
                    limiter.acquire(Priority::Live).await;
                }
            })
        })
        .collect();
    let guest = limiter.acquire_for_guest();
    tokio::time::timeout(Duration::from_secs(10), guest)
        .await
        .expect("it is its turn some time");
    live.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn complaints_pause_everybody_longer_each_time_and_are_forgotten() {
    let limiter = Limiter::new(Rate::STANDARD, true);
    assert_eq!(limiter.on_throttled(), Duration::from_secs(2));
    assert_eq!(limiter.on_throttled(), Duration::from_secs(4));
    assert!(limiter.try_take(1, NonZeroU32::MIN).is_some());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!((limiter.pace() - 1.0).abs() < 1e-9, "half of two");
    assert!(limiter.reduced_for() > Duration::from_secs(55));
    tokio::time::advance(Duration::from_mins(2)).await;
    assert!((limiter.pace() - 2.0).abs() < 1e-9 && limiter.reduced_for().is_zero());
    assert!(limiter.try_take(1, NonZeroU32::MIN).is_none());
    assert_eq!(limiter.on_throttled(), Duration::from_secs(2));
}
