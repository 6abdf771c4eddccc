//! The bridge's own traces: what it told, what it wrote, and what it wrote over.

use super::*;

#[test]
fn an_older_snapshot_does_not_take_back_what_the_shop_was_told() {
    let told = |order: &Order| match order.decide().action {
        Action::TellShop { agreed, .. } => agreed,
        other => panic!("{other:?}"),
    };
    let mut order = order().portal("EXECUTING", 500);
    order.agreed = Some(told(&order));
    assert_eq!(
        order.outcome(),
        "= P",
        "the shop has not carried it out yet"
    );
    order.shop.seen = at(2000);
    assert_eq!(order.outcome(), "= P", "the same old fact, sent again");
    order.shop.since = Some(at(1500));
    assert_eq!(
        order.outcome(),
        "shop P",
        "set anew before the message came: it is told again"
    );
    order.shop.value = "S".to_owned();
    assert_eq!(
        order.decide().record.change,
        Change::Both,
        "message and change crossed"
    );
    order.shop.value = "N".to_owned();
    order.agreed = order
        .agreed
        .map(|a| a.delivered(at(1000), at(1090), at(1100)));
    assert_eq!(order.decide().record.change, Change::Shop);
    let refused = order.agreed.clone().unwrap();
    assert_eq!(refused.refused(at(1000)).unwrap().status, "N");
}

/// N was agreed and told P at 990, which the shop took at 1001; it says N since `since`, heard at
/// `seen`.
fn after_taking(since: Option<i64>, seen: i64) -> Order {
    let told = order().portal("EXECUTING", 500);
    let Action::TellShop { agreed, .. } = told.decide().action else {
        panic!("the shop is told")
    };
    let mut agreed = agreed;
    // The question, if there is one, is asked at 1000.
    agreed.told[0].at = at(990);
    let mut order = told;
    order.agreed = Some(agreed.delivered(at(990), at(1001), at(1002)));
    order.shop.since = since.map(at);
    order.shop.seen = at(seen);
    order
}

#[test]
fn a_snapshot_from_before_the_shop_took_the_message_does_not_undo_it_however_late_it_comes() {
    for seen in [1_003, 1_070, 90_000] {
        // The status as it was; and each edit stamped, as many shops do.
        for since in [0, 400, 999] {
            assert_eq!(
                after_taking(Some(since), seen).outcome(),
                "= P",
                "{since} {seen}"
            );
        }
        let back = after_taking(Some(1_010), seen.max(1_010));
        assert_eq!(back.outcome(), "> NEW", "the shop went back itself");
    }
}

#[test]
fn a_shop_that_can_be_asked_is_asked_where_times_cannot_tell() {
    let mut undated = after_taking(None, 1_070);
    assert_eq!(undated.outcome(), "> NEW", "guessed");
    undated.policy.asks = true;
    let asked = undated.decide();
    assert_eq!(asked.record.basis, Basis::Doubtful);
    let Action::TellShop {
        status,
        previous,
        agreed,
        ..
    } = asked.action
    else {
        panic!("it is asked")
    };
    assert_eq!((status.as_str(), previous.as_str()), ("P", "P"));
    let asked_at = agreed.told.last().unwrap().at;
    // It has it: the snapshot was old, and stays so.
    undated.shop.seen = at(999);
    undated.agreed = Some(agreed.clone().delivered(asked_at, at(1_001), at(1_002)));
    assert_eq!(undated.outcome(), "= P");
    // It contradicts: what it says now counts.
    let mut back = after_taking(None, 1_100);
    back.policy.asks = true;
    back.agreed = agreed.refused(asked_at);
    assert_eq!(back.outcome(), "> NEW");
}

#[test]
fn a_persons_word_holds_for_every_stage_that_means_the_same() {
    let mut order = order().shop("S", 900).portal("LOSE", 950);
    order.ruling = Some(Ruling {
        of: Waiting {
            status: "S".to_owned(),
            stage: stage("APOLOGY"),
        },
        winner: Side::Portal,
    });
    assert_eq!(order.outcome(), "shop D");
    assert_eq!(order.decide().record.basis, Basis::Ruling);
}

#[test]
fn the_same_write_again_and_again_is_stopped_and_reported() {
    let mut order = order()
        .shop("P", 100)
        .agreed("P", "EXECUTING")
        .portal("NEW", 900);
    order.policy.turns = WriteLimit {
        window: TimeDelta::hours(1),
        same: 3,
        any: 10,
    };
    for n in 0..3 {
        assert_eq!(order.outcome(), "< EXECUTING");
        order.turns.push(BridgeWrite {
            at: at(900 + n),
            wrote: WrittenValue::Stage(stage("EXECUTING")),
        });
    }
    assert_eq!(order.outcome(), "review PingPong { turns: 3 }");
    order.waiting = Some(Waiting {
        status: "P".into(),
        stage: stage("NEW"),
    });
    order.turns.clear();
    assert_eq!(
        order.outcome(),
        "review Waiting",
        "it stays stopped when the window has passed"
    );
    order.ruling = order.waiting.clone().map(|of| Ruling {
        of,
        winner: Side::Portal,
    });
    assert_eq!(
        order.outcome(),
        "shop N",
        "a person may do what the machine may not"
    );
    order = order.portal("LOSE", 950);
    assert_eq!(
        order.outcome(),
        "< EXECUTING",
        "a word on another difference does not count"
    );
}

fn history(id: u64, to: &str, seconds: i64) -> HistoryRow {
    HistoryRow {
        id,
        stage: stage(to),
        at: at(seconds),
    }
}

#[test]
fn foreign_moves_are_told_from_our_own_write() {
    let write = OwnWrite {
        stage: stage("EXECUTING"),
        guard: Some(7),
        sent: at(100),
        answered: at(101),
        moved_last_by_us: None,
    };
    let rows = [
        history(12, "WON", 105),
        history(11, "EXECUTING", 100),
        history(9, "EXECUTING", 60),
        history(10, "LOSE", 99),
        history(10, "LOSE", 99),
        history(7, "NEW", 0),
    ];
    let moves = foreign_moves(&rows, &write);
    let told: Vec<_> = moves.iter().map(|m| (m.row.id, m.place)).collect();
    assert_eq!(
        told,
        [(9, Place::Before), (10, Place::Before), (12, Place::After)]
    );
    assert_eq!(
        overwritten(&moves),
        None,
        "a later move stands and will be seen"
    );
    let moves = foreign_moves(&rows[1..], &write);
    assert_eq!(overwritten(&moves).unwrap().row.id, 10);
    assert!(foreign_moves(&rows[5..], &write).is_empty());
    let there_already = OwnWrite {
        moved_last_by_us: Some(false),
        ..write
    };
    let moves = foreign_moves(
        &[history(8, "LOSE", 99), history(9, "EXECUTING", 100)],
        &there_already,
    );
    assert_eq!(
        overwritten(&moves),
        None,
        "the manager went there before us"
    );
}

#[test]
fn a_move_that_our_write_buried_is_decided_again() {
    let buried = ForeignMove {
        row: history(8, "LOSE", 950),
        place: Place::Before,
    };
    let after = || order().shop("S", 900).portal("SHIPPED", 951);
    let again = |order: Order| word(&order.with(|inputs| decide_again(inputs, &buried)));
    assert_eq!(again(after().rule(&[], Winner::Portal)), "restore LOSE");
    assert_eq!(again(after().rule(&[], Winner::Latest)), "restore LOSE");
    assert_eq!(again(after().rule(&[], Winner::Shop)), "= S");
    assert_eq!(
        again(after().rule(&[], Winner::Review)),
        "restore LOSE",
        "people decide on what the manager did"
    );
    let mut worn_out = after().rule(&[], Winner::Portal);
    worn_out.policy.turns.any = 0;
    assert_eq!(
        again(worn_out),
        "restore LOSE",
        "no limit lets a buried move vanish"
    );
    let restored = after().rule(&[], Winner::Portal).portal("LOSE", 952);
    assert_eq!(restored.outcome(), "shop D");
}
