//! Final facts: what was paid, delivered or cancelled stays so.

use super::*;

#[test]
fn a_paid_order_stays_paid_when_the_deal_is_moved_back() {
    let paid = || {
        order()
            .shop("P", 100)
            .agreed("P", "EXECUTING")
            .portal("NEW", 900)
    };
    assert_eq!(paid().outcome(), "< EXECUTING");
    assert!(paid().decide().overrules_a_move());
    assert_eq!(paid().decide().record.basis, Basis::Final(Fact::Paid));
    assert_eq!(paid().rule(&[], Winner::Latest).outcome(), "< EXECUTING");
    assert_eq!(
        paid().rule(&["P"], Winner::Review).outcome(),
        "review Final(Paid)"
    );
    assert_eq!(paid().rule(&["P"], Winner::Portal).outcome(), "shop N");
    assert_eq!(
        paid().default(Winner::Portal, Authority::Portal).outcome(),
        "< EXECUTING"
    );
    assert_eq!(
        paid().portal("LOSE", 900).outcome(),
        "< EXECUTING",
        "money is returned in the shop"
    );
    assert_eq!(
        paid().portal("WON", 900).outcome(),
        "shop F",
        "a paid order may go on"
    );
}

#[test]
fn a_payment_beats_a_later_move_of_the_deal() {
    let late = order().shop("P", 500).portal("LOSE", 900);
    assert_eq!(late.outcome(), "< EXECUTING");
    let mut flag = order().shop("S", 500).portal("EXECUTING", 900);
    flag.paid = true;
    assert_eq!(
        flag.outcome(),
        "shop P",
        "paid is kept by a status that says paid"
    );
    flag.portal.value = stage("PREPARATION");
    assert_eq!(flag.outcome(), "> SHIPPED");
}

#[test]
fn delivered_and_cancelled_orders_stay_so() {
    let delivered = order().shop("F", 1).agreed("F", "WON").portal("LOSE", 900);
    assert_eq!(delivered.outcome(), "< WON");
    let cancelled = order().shop("D", 1).agreed("D", "LOSE").portal("NEW", 900);
    assert_eq!(cancelled.outcome(), "< LOSE");
}

/// What was told, taken by the shop.
fn taken(order: &Order) -> Agreed {
    match order.decide().action {
        Action::TellShop { agreed, .. } => agreed.delivered(at(1000), at(1001), at(1002)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_managers_mistaken_end_may_be_taken_back_whether_or_not_the_shop_repeats_it() {
    for end in ["LOSE", "WON"] {
        let ended = order().portal(end, 900);
        let agreed = taken(&ended);
        let status = agreed.status.clone();
        let mut silent = order().portal("NEW", 1_100);
        silent.agreed = Some(agreed.clone());
        assert_eq!(silent.outcome(), "shop N", "{end}");
        let mut echoed = order().shop(&status, 1_001).portal(end, 900);
        echoed.shop.seen = at(1_050);
        echoed.agreed = Some(agreed);
        let Action::Agree { agreed } = echoed.decide().action else {
            panic!("the echo agrees")
        };
        let mut back = order().shop(&status, 1_001).portal("NEW", 1_100);
        back.agreed = Some(agreed);
        assert_eq!(back.outcome(), "shop N", "{end}");
        let by_rule = back.rule(&[], Winner::Shop);
        assert_eq!(by_rule.outcome(), format!("< {end}"));
    }
    // The shop's own end stays, and so does money.
    let own = order().shop("D", 1).agreed("D", "LOSE").portal("NEW", 900);
    assert_eq!(own.outcome(), "< LOSE");
    let mut paid = order().shop("P", 1_001).portal("NEW", 1_100);
    paid.agreed = Some(Agreed {
        by_portal: Some("P".to_owned()),
        ..Agreed::new("P", stage("EXECUTING"))
    });
    assert_eq!(paid.outcome(), "shop N", "no money was taken");
    paid.paid = true;
    assert_eq!(paid.outcome(), "< EXECUTING");
}

#[test]
fn money_taken_while_a_message_waits_comes_before_statuses_that_look_consistent() {
    let cancelled = order().portal("LOSE", 900);
    let Action::TellShop { agreed, .. } = cancelled.decide().action else {
        panic!("the shop is told")
    };
    let mut waits = order().portal("LOSE", 900);
    waits.agreed = Some(agreed.clone());
    assert_eq!(waits.outcome(), "= D", "the message is under way");
    waits.paid = true;
    assert_eq!(waits.outcome(), "< NEW");
    // What was decided by whoever may take money back stays so.
    let ruled = order().rule(&[], Winner::Portal).portal("LOSE", 900);
    let Action::TellShop { agreed, .. } = ruled.decide().action else {
        panic!("the shop is told")
    };
    let mut waits = ruled;
    waits.agreed = Some(agreed);
    waits.paid = true;
    assert_eq!(waits.outcome(), "= D");
}

#[test]
fn a_waiting_message_is_looked_at_again_when_it_is_sent() {
    use Person::{Answered, Asked, Unasked};
    let order = order().portal("LOSE", 900);
    let Action::TellShop { agreed, .. } = order.decide().action else {
        panic!("the shop is told")
    };
    let look = |shop: &Order, paid: bool, sent: bool, person: Person| {
        sending(&Message {
            told_at: at(1000),
            sent,
            agreed: Some(&agreed),
            shop: &shop.shop,
            paid,
            cancelled: false,
            policy: &shop.policy,
            clock: shop.clocks.shop,
            person,
        })
    };
    let elsewhere = super::order().shop("S", 1_100);
    let mut later = elsewhere;
    later.shop.seen = at(1_200);
    assert_eq!(look(&order, false, false, Unasked), Sending::Stands);
    let denies = Sending::Withdrawn(Withdrawal::Denies(Fact::Paid));
    assert_eq!(look(&order, true, false, Unasked), denies);
    assert_eq!(look(&order, true, true, Asked), denies);
    let crossed = Sending::Withdrawn(Withdrawal::Crossed);
    assert_eq!(look(&later, false, true, Unasked), crossed);
    let review = Sending::Withdrawn(Withdrawal::Review);
    assert_eq!(look(&order, false, false, Asked), review);
    assert_eq!(look(&order, false, true, Asked), Sending::Held);
    assert_eq!(look(&order, false, false, Answered), Sending::Held);
    let other = Message {
        told_at: at(5),
        sent: false,
        agreed: Some(&agreed),
        shop: &order.shop,
        paid: false,
        cancelled: false,
        policy: &order.policy,
        clock: order.clocks.shop,
        person: Unasked,
    };
    assert_eq!(sending(&other), Sending::Overtaken);
}
