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
        clock.one_way(at(made + 600_000), at(made + delay));
    }
    let offset = clock.estimate().unwrap();
    assert!((offset.ahead_ms - 600_000).abs() <= offset.uncertainty_ms);
    assert!(offset.uncertainty_ms <= 1_000);
}

#[test]
fn a_single_late_message_is_not_taken_for_a_slow_clock() {
    let mut clock = ClockOffset::default();
    clock.one_way(at(0), at(3_600_000));
    for truth in [0, -1_800_000, -3_600_000] {
        let offset = clock.estimate().unwrap();
        assert!(
            (offset.ahead_ms - truth).abs() <= offset.uncertainty_ms,
            "{truth}"
        );
    }
    for n in 0..200 {
        clock.one_way(at(n), at(3_600_000 + n));
    }
    assert!(
        clock.estimate().unwrap().uncertainty_ms > 1_000_000,
        "a backlog is no proof either"
    );
    clock.one_way(at(4_000_000), at(4_000_100));
    assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
}

#[test]
fn the_same_lateness_at_different_times_is_a_slow_clock() {
    let mut clock = ClockOffset::default();
    for n in 0..3 {
        clock.one_way(at(n * 20_000 - 600_000), at(n * 20_000 + 300));
    }
    let offset = clock.estimate().unwrap();
    assert!((offset.ahead_ms + 600_000).abs() <= offset.uncertainty_ms);
    assert!(offset.uncertainty_ms <= 1_000);
}

#[test]
fn a_backlog_does_not_wash_away_what_was_measured_before_it() {
    let mut clock = ClockOffset::default();
    clock.one_way(at(0), at(100));
    for n in 0..500 {
        clock.one_way(at(n * 100), at(7_200_000 + n));
    }
    assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
    assert_eq!(clock.samples.len(), KEPT);
}

#[test]
fn a_clock_that_was_set_is_noticed() {
    let mut clock = ClockOffset::default();
    for n in 0..20 {
        clock.one_way(at(n * 10_000 + 600_000), at(n * 10_000 + 200));
    }
    for n in 20..30 {
        clock.one_way(at(n * 10_000), at(n * 10_000 + 200));
    }
    assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
}

#[test]
fn one_message_dated_hours_ahead_does_not_move_the_clock() {
    let mut clock = ClockOffset::default();
    for n in 0..4 {
        clock.one_way(at(n * 60_000), at(n * 60_000 + 200));
    }
    clock.one_way(at(5 * 3_600_000), at(250_000));
    let doubt = clock.estimate().unwrap();
    assert!(
        doubt.ahead_ms - doubt.uncertainty_ms <= 0,
        "the clock may have been set, or not: {doubt:?}"
    );
    clock.one_way(at(300_000), at(300_200));
    let offset = clock.estimate().unwrap();
    assert!(offset.ahead_ms.abs() <= 1_000 && offset.uncertainty_ms <= 1_000);
    // The very first may be the wrong one.
    let mut clock = ClockOffset::default();
    clock.one_way(at(3 * 3_600_000), at(0));
    clock.one_way(at(60_000), at(60_200));
    assert!(clock.estimate().unwrap().ahead_ms.abs() <= 1_000);
}

#[test]
fn a_shops_clock_that_was_set_is_doubted_at_once_and_believed_soon() {
    for ahead in [3_600_000_i64, -3_600_000] {
        let mut clock = ClockOffset::default();
        for n in 0..20 {
            clock.one_way(at(n * 10_000), at(n * 10_000 + 200));
        }
        let mut told = Vec::new();
        for n in 20..30 {
            clock.one_way(at(n * 10_000 + ahead), at(n * 10_000 + 200));
            let offset = clock.estimate().unwrap();
            told.push((offset.ahead_ms - ahead).abs() <= offset.uncertainty_ms);
        }
        assert!(told.iter().skip(2).all(|right| *right), "{ahead}: {told:?}");
        assert!(clock.estimate().unwrap().uncertainty_ms <= 1_000);
    }
}

#[test]
fn a_portals_clock_that_was_set_is_noticed_with_the_next_answers() {
    for ahead in [600_000_i64, -600_000] {
        let mut clock = ClockOffset::default();
        for n in 0..30 {
            let sent = n * 1_000;
            clock.two_way(at(sent), at(sent + 20), at(sent + 10), TimeDelta::zero());
        }
        for n in 30..32 {
            let sent = n * 1_000;
            let shown = sent + 100 + ahead;
            clock.two_way(at(sent), at(sent + 200), at(shown), TimeDelta::zero());
            let offset = clock.estimate().unwrap();
            assert!((offset.ahead_ms - ahead).abs() <= offset.uncertainty_ms);
        }
        assert_eq!(clock.estimate().unwrap().ahead_ms, ahead);
    }
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
            clock.two_way(
                at(sent), at(sent + there + back), at(shown), TimeDelta::milliseconds(step)
            );
        }
        let offset = clock.estimate().unwrap();
        prop_assert!((offset.ahead_ms - ahead).abs() <= offset.uncertainty_ms + 1);
    }
}
