//! What was paid, delivered or cancelled stays so.

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
