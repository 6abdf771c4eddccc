use super::*;
use proptest::prelude::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

fn clock(ahead: i64) -> Offset {
    Offset {
        ahead_ms: ahead * 1_000,
        uncertainty_ms: 1_000,
    }
}

fn finality() -> Finality {
    Finality {
        paid: vec!["P".to_owned()],
        delivered: vec!["F".to_owned()],
        cancelled: vec!["C".to_owned()],
    }
}

fn plain(version: Option<i64>, updated: Option<i64>, seen: i64) -> Age {
    Age::of(version, updated.map(at), Claim::default(), at(seen))
}

fn judge(one: &Age, other: &Age) -> Verdict {
    one.judge(other, Offset::UNMEASURED, &finality())
}

/// The states in the order in which they come in; which of them is the newest in the end, and what
/// is remembered.
fn newest(states: &[Age], ahead: Offset) -> (usize, Age) {
    let mut known = states[0].clone();
    let mut place = 0;
    for (n, state) in states.iter().enumerate().skip(1) {
        if known.judge(state, ahead, &finality()).newer {
            known = known.then(state);
            place = n;
        } else {
            known = known.over(state);
        }
    }
    (place, known)
}

#[test]
fn what_was_known_is_remembered_over_a_state_that_tells_nothing_and_over_a_deletion() {
    let second = plain(Some(2), Some(20), 20);
    let gone = Claim {
        deleted: true,
        ..Claim::default()
    };
    for silent in [plain(None, None, 30), Age::of(None, None, gone, at(30))] {
        assert!(judge(&second, &silent).newer);
        let known = second.then(&silent);
        for late in [
            plain(Some(1), None, 40),
            plain(None, Some(10), 40),
            plain(Some(1), Some(10), 40),
        ] {
            assert!(!judge(&known, &late).newer, "{late:?}");
        }
        for new in [plain(Some(3), None, 40), plain(None, Some(30), 40)] {
            assert!(judge(&known, &new).newer, "{new:?}");
        }
    }
}

#[test]
fn a_time_that_is_yet_to_come_counts_as_the_arrival_and_blocks_nothing() {
    let far = plain(None, Some(86_400 * 365), 100);
    assert!(far.to_come());
    assert!(!judge(&far, &plain(None, Some(90), 110)).newer);
    assert!(judge(&far, &plain(None, Some(105), 110)).newer);
    let farther = plain(None, Some(86_400 * 300), 200);
    assert!(judge(&far, &farther).newer);
    // A little ahead is how clocks are: the shop's own times are compared.
    let near = plain(None, Some(130), 100);
    assert!(!near.to_come());
    assert!(!judge(&near, &plain(None, Some(120), 110)).newer);
}

#[test]
fn a_clock_that_is_known_to_have_been_set_back_buries_nothing() {
    let before = plain(None, Some(10_000), 10_000);
    let after = plain(None, Some(6_500), 10_100);
    let verdict = before.judge(&after, clock(-3_600), &finality());
    assert_eq!((verdict.newer, verdict.ground), (true, Ground::Clock));
    // One that is fast by hours, as is known, still tells an older state.
    let fast = plain(None, Some(17_200), 10_000);
    let late = plain(None, Some(17_100), 10_100);
    assert!(!fast.judge(&late, clock(7_200), &finality()).newer);
    // What is not certain is not used.
    let unsure = Offset {
        ahead_ms: -1_800_000,
        uncertainty_ms: 1_801_000,
    };
    assert!(!before.judge(&after, unsure, &finality()).newer);
}

#[test]
fn older_by_time_alone_with_more_to_say_is_doubtful() {
    let paid = Claim {
        paid: true,
        ..Claim::default()
    };
    let before = plain(None, Some(10_000), 10_000);
    let after = Age::of(None, Some(at(6_500)), paid.clone(), at(10_100));
    let verdict = judge(&before, &after);
    assert!(!verdict.newer && verdict.doubtful);
    assert!(!judge(&before, &plain(None, Some(6_500), 10_100)).doubtful);
    let counted = Age::of(Some(2), Some(at(10_000)), Claim::default(), at(10_000));
    let counted_late = Age::of(Some(1), Some(at(6_500)), paid, at(10_100));
    assert!(!judge(&counted, &counted_late).doubtful);
}

#[test]
fn within_one_second_the_states_themselves_tell() {
    let open = Claim::default();
    let says = |status: &str| Claim {
        status: Some(status.to_owned()),
        ..Claim::default()
    };
    let dated = |field: fn(&mut Claim)| {
        let mut says = Claim::default();
        field(&mut says);
        says
    };
    for later in [
        says("P"),
        says("F"),
        says("C"),
        dated(|says| says.paid = true),
        dated(|says| says.paid_at = Some(at(10))),
        dated(|says| says.completed_at = Some(at(10))),
        dated(|says| says.cancelled = true),
        dated(|says| says.deleted = true),
    ] {
        let first = Age::of(None, Some(at(10)), open.clone(), at(11));
        let second = Age::of(None, Some(at(10)), later.clone(), at(12));
        assert!(judge(&first, &second).newer, "{later:?}");
        let turned = judge(&second.at(at(11)), &first.clone().at(at(12)));
        assert_eq!(
            (turned.newer, turned.ground),
            (false, Ground::Body),
            "{later:?}"
        );
        // A shop that tells its times by the day takes a payment back in the evening.
        let second = Age::of(None, Some(at(10)), later, at(12));
        let evening = judge(&second, &first.at(at(30_000)));
        assert_eq!((evening.newer, evening.ground), (true, Ground::Tie));
    }
    let tie = judge(&plain(None, Some(10), 11), &plain(None, Some(10), 12));
    assert_eq!((tie.newer, tie.ground), (true, Ground::Tie));
}

#[test]
fn a_change_from_before_the_order_was_made_has_no_time() {
    let body = |created: &str| {
        let event = serde_json::json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "s", "id": "1",
            "data": { "number": "1", "status": "N", "currency": "RUB", "total": 1,
                      "created_at": created, "updated_at": "2026-01-01T11:00:00Z" },
        });
        crate::domain::Event::parse(&event, "7").unwrap().body
    };
    let seen = at(0);
    assert!(
        Age::by(&body("2026-01-01T10:00:00Z"), None, seen)
            .updated_at()
            .is_some()
    );
    assert!(
        Age::by(&body("2026-01-01T11:00:01Z"), None, seen)
            .updated_at()
            .is_none()
    );
}

#[test]
fn an_age_that_was_stored_is_read_back_the_same() {
    let says = Claim {
        status: Some("P".to_owned()),
        status_at: Some(at(1)),
        paid_at: Some(at(2)),
        ..Claim::default()
    };
    let age = Age::of(Some(3), Some(at(4)), says, at(5));
    let stored = serde_json::to_value(&age).unwrap();
    assert_eq!(serde_json::from_value::<Age>(stored).unwrap(), age);
}

/// States of an order's true life: the place there, whether it carries a count, whether a time.
/// What a shop leaves out now and then is one of the two, or both.
fn life() -> impl Strategy<Value = Vec<(usize, bool, bool)>> {
    (any::<bool>(), prop::collection::vec(0..3_u8, 1..8)).prop_map(|(counts, carried)| {
        let of = |(place, carried)| match carried {
            0 => (place, true, true),
            1 => (place, counts, !counts),
            _ => (place, false, false),
        };
        carried.into_iter().enumerate().map(of).collect()
    })
}

fn shuffled() -> impl Strategy<Value = Vec<(usize, bool, bool)>> {
    life().prop_flat_map(|life| {
        let doubled: Vec<_> = life.iter().chain(&life).copied().collect();
        let most = doubled.len();
        (Just(doubled).prop_shuffle(), 1..=most).prop_map(|(all, most)| all[..most].to_vec())
    })
}

fn arriving(states: &[(usize, bool, bool)], times: impl Fn(usize, i64) -> i64) -> Vec<Age> {
    let age = |(n, (place, version, time)): (usize, &(usize, bool, bool))| {
        let (n, count) = (i64::try_from(n).unwrap(), i64::try_from(*place).unwrap());
        let seen = 1_000_000 + n;
        let updated = time.then(|| times(*place, seen));
        plain(version.then_some(count), updated, seen)
    };
    states.iter().enumerate().map(age).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_comes_in_which_order_the_newest_is_never_below_another(states in shuffled()) {
        let ages = arriving(&states, |place, _| i64::try_from(place).unwrap() * 10);
        let (place, known) = newest(&ages, Offset::UNMEASURED);
        let end = states[place];
        for state in &states {
            let counted = end.1 && state.1 && state.0 > end.0;
            let timed = end.2 && state.2 && state.0 > end.0;
            prop_assert!(!counted && !timed, "{end:?} is older than {state:?}");
        }
        // Nor does what is remembered fall behind anything that came.
        prop_assert_eq!(
            known.version, states.iter().filter(|s| s.1).map(|s| i64::try_from(s.0).unwrap()).max()
        );
        let all: Vec<_> = states.iter().filter(|s| s.1 && s.2).collect();
        if all.len() == states.len() {
            prop_assert_eq!(end.0, states.iter().map(|s| s.0).max().unwrap());
        }
    }

    #[test]
    fn a_clock_that_goes_back_never_buries_what_is_counted(
        states in shuffled(), times in prop::collection::vec(-2_000_000_i64..2_000_000, 8),
    ) {
        let counted: Vec<_> = states.iter().map(|s| (s.0, true, s.2)).collect();
        let (place, _) = newest(&arriving(&counted, |place, _| times[place]), Offset::UNMEASURED);
        prop_assert_eq!(counted[place].0, counted.iter().map(|s| s.0).max().unwrap());
    }

    #[test]
    fn a_prompt_state_is_never_buried_by_a_time_that_was_yet_to_come(
        lies in prop::collection::vec(
            AHEAD.num_seconds() + 1..i64::from(u32::MAX), 1..6
        ), ahead in -50_000_i64..50_000,
    ) {
        let mut known = plain(None, Some(lies[0]), 0);
        for (n, lie) in (1..).zip(&lies) {
            let next = plain(None, Some(n * 100 + lie), n * 100);
            prop_assert!(known.judge(&next, Offset::UNMEASURED, &finality()).newer);
            known = known.then(&next);
        }
        let seen = 10_000;
        let honest = plain(None, Some(seen), seen);
        prop_assert!(known.judge(&honest, Offset::UNMEASURED, &finality()).newer);
        // Nor by a clock that is known to be wrong from now on.
        let shown = plain(None, Some(seen + ahead), seen);
        prop_assert!(
            known.judge(
                &shown, clock(ahead), &finality()
            ).newer || known.updated_at < shown.updated_at
        );
    }
}
