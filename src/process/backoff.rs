//! Pauses between tries: exponential, with full jitter.
//!
//! The one place that knows the `backoff` crate. It has no maintainer any more, has no known flaw,
//! and computes nothing but delays here; to change it for another is to change this file.

use backoff::{ExponentialBackoff, backoff::Backoff as _};
use rand::RngExt as _;
use std::time::Duration;

/// The longest pause of the `attempt`th failure (from 1): `base` doubled each time, at most `cap`.
pub fn ceiling(attempt: u32, base: Duration, cap: Duration) -> Duration {
    let mut schedule = ExponentialBackoff {
        current_interval: base,
        initial_interval: base,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: cap,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let mut pause = base;
    // Thirty doublings pass every cap that makes sense.
    for _ in 0..attempt.clamp(1, 30) {
        pause = schedule.next_backoff().unwrap_or(cap);
    }
    pause.min(cap)
}

/// A random pause up to the ceiling, but never less than a tenth of it: many who failed together do
/// not come back together.
pub fn delay(attempt: u32, base: Duration, cap: Duration) -> Duration {
    let ceiling = ceiling(attempt, base, cap);
    ceiling.mul_f64(rand::rng().random_range(0.1..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let of =
            |attempt| ceiling(attempt, Duration::from_secs(5), Duration::from_mins(1)).as_secs();
        assert_eq!(
            [of(1), of(2), of(3), of(4), of(5), of(4_000_000_000)],
            [5, 10, 20, 40, 60, 60]
        );
    }

    proptest! {
        #[test]
        fn
            a_pause_is_never_longer_than_the_cap(
                attempt in any::<u32>(), base in 1u64..10_000, cap in 1u64..1_000_000,
            )
            {
            let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap.max(base)));
            let pause = delay(attempt, base, cap);
            prop_assert!(pause <= cap && pause >= ceiling(attempt, base, cap).mul_f64(0.09));
        }
    }
}
