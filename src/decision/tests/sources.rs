//! Rows of the table that only one system brings an order into.

use super::*;

/// Only this system brings the order into the status.
fn only(mut order: Order, status: &str, source: Source) -> Order {
    let rows = order.policy.statuses.rows().iter().cloned();
    let rows = rows.map(|row| Correspondence {
        source: (row.status == status).then_some(source).or(row.source),
        ..row
    });
    order.policy.statuses = StatusMap::new(rows.collect());
    order
}

#[test]
fn a_deal_that_is_moved_where_only_another_moves_it_is_put_back_with_the_reason() {
    let moved = only(order(), "P", Source::Shop).portal("EXECUTING", 900);
    let decision = moved.decide();
    assert_eq!(word(&decision), "< NEW");
    assert_eq!(decision.record.basis, Basis::Source);
    assert_eq!(
        decision.record.sentence,
        "the deal was moved from NEW to EXECUTING; only the shop brings an order into P: the deal \
         goes back to NEW."
    );
    let russian = Voice {
        language: Language::Ru,
        ..Voice::ENGLISH
    };
    let told = decision.explanation.tell(russian);
    assert!(
        told.contains("в P заказ переводит только магазин"),
        "{told}"
    );
    // A rule is below the table's word, and a manager's own status is his.
    assert_eq!(moved.rule(&[], Winner::Portal).outcome(), "< NEW");
    let own = only(order(), "P", Source::Bitrix24).portal("EXECUTING", 900);
    assert_eq!(own.outcome(), "shop P");
}

#[test]
fn where_both_changed_only_the_claim_that_may_be_made_counts() {
    let both = || order().shop("F", 800).portal("EXECUTING", 900);
    assert_eq!(only(both(), "P", Source::OneC).outcome(), "< WON");
    let both = || order().shop("P", 800).portal("LOSE", 900);
    assert_eq!(only(both(), "D", Source::Shop).outcome(), "< EXECUTING");
}

#[test]
fn a_shop_that_goes_where_only_another_brings_an_order_is_told_what_it_had() {
    let went = only(order(), "P", Source::OneC).shop("P", 900);
    // What it says is paid: taking that back is for a person.
    assert_eq!(went.outcome(), "review Rule");
    let went = only(order(), "R", Source::Bitrix24).shop("R", 900);
    let decision = went.decide();
    assert_eq!(word(&decision), "shop N");
    let Action::TellShop { agreed, .. } = &decision.action else {
        panic!()
    };
    assert_eq!(agreed.by_portal, None, "it has that by itself");
    // Said with 409 it stands, and on a first meeting, too.
    let mut insists = only(order(), "P", Source::Bitrix24).shop("P", 900);
    insists.agreed.as_mut().unwrap().insists = Some("P".to_owned());
    assert_eq!(insists.outcome(), "> EXECUTING");
    let mut first = only(order(), "P", Source::Bitrix24).shop("P", 900);
    first.agreed = None;
    assert_ne!(first.decide().record.basis, Basis::Source);
}

#[test]
fn a_person_may_say_otherwise() {
    let mut moved = only(order(), "P", Source::Shop).portal("EXECUTING", 900);
    moved.ruling = Some(Ruling {
        of: Waiting {
            status: "N".to_owned(),
            stage: stage("EXECUTING"),
        },
        winner: Side::Portal,
    });
    assert_eq!(moved.outcome(), "shop P");
}
