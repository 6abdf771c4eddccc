//! One side changed, or none: what goes to the other, and what may not.

use super::*;

#[test]
fn what_means_the_same_causes_no_write() {
    assert_eq!(order().outcome(), "= N");
    assert_eq!(
        order().shop("P", 900).portal("EXECUTING", 901).outcome(),
        "= P"
    );
    assert_eq!(order().portal("PREPARATION", 900).outcome(), "= N");
}

#[test]
fn a_change_of_one_side_goes_to_the_other_whatever_the_clocks_say() {
    let shop = order().shop("P", -5000).decide();
    assert_eq!(word(&shop), "> EXECUTING");
    assert_eq!(
        shop.record.sentence,
        "the shop changed N to P: the deal goes to EXECUTING."
    );
    let Action::WritePortal { guard, agreed, .. } = shop.action else {
        panic!()
    };
    assert_eq!(guard, Some(7));
    assert_eq!(agreed.unwrap().status, "P");
    let portal = order().portal("EXECUTING", -5000).decide();
    assert_eq!(
        portal.record.sentence,
        "the deal was moved from NEW to EXECUTING: the shop is told P."
    );
    let Action::TellShop {
        status,
        previous,
        reason,
        ..
    } = portal.action
    else {
        panic!()
    };
    assert_eq!((status.as_str(), previous.as_str()), ("P", "N"));
    assert_eq!(reason, portal.record.sentence);
}

#[test]
fn what_the_table_has_no_way_for_is_refused_by_name() {
    use Untranslatable::{Ambiguous, OneWay, Unknown};
    let refused = |why| format!("{why:?}");
    assert_eq!(
        order().shop("X", 1).outcome(),
        refused(Refusal::Status(Unknown))
    );
    assert_eq!(
        order().shop("R", 1).outcome(),
        refused(Refusal::Status(OneWay))
    );
    assert_eq!(
        order().portal("UC_OWN", 1).outcome(),
        refused(Refusal::Stage(Unknown))
    );
    assert_eq!(
        order().portal("SHIPPED", 1).outcome(),
        refused(Refusal::Stage(OneWay))
    );
    let mut twice = order().portal("WON", 1);
    let mut rows = twice.policy.statuses.rows().to_vec();
    rows.push(row("G", "WON", &[], Direction::Both));
    twice.policy.statuses = StatusMap::new(rows);
    assert_eq!(twice.outcome(), refused(Refusal::Stage(Ambiguous)));
}

#[test]
fn what_may_not_cross_is_put_back_where_a_rule_says_so() {
    assert_eq!(
        order()
            .portal("SHIPPED", 1)
            .rule(&["N"], Winner::Shop)
            .outcome(),
        "< NEW"
    );
    assert_eq!(
        order().shop("R", 1).rule(&["R"], Winner::Portal).outcome(),
        "shop N"
    );
    let own = order().portal("UC_OWN", 1).rule(&["N"], Winner::Shop);
    assert_eq!(
        own.outcome(),
        "Stage(Unknown)",
        "a stage outside the table is the manager's own business"
    );
}

#[test]
fn a_changed_table_moves_nothing_until_it_is_confirmed() {
    let edited = order().agreed("N", "EXECUTING").portal("EXECUTING", 0);
    let decision = edited.decide();
    assert_eq!(decision.record.change, Change::Neither);
    assert_eq!(word(&decision), "Table");
    assert!(
        decision
            .record
            .sentence
            .contains("until the changed table is applied")
    );
    let planned = |order: Order| word(&order.with(decide_with_table));
    assert_eq!(planned(edited), "> NEW");
    let portal = order().agreed("N", "EXECUTING").portal("EXECUTING", 0);
    assert_eq!(planned(portal.rule(&[], Winner::Portal)), "shop P");
    // Whoever really changes something is heard as ever.
    let edited = order().agreed("N", "EXECUTING").portal("WON", 900);
    assert_eq!(edited.outcome(), "shop F");
}
