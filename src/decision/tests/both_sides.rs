//! Both sides changed, or met for the first time: rules, and times by clocks that are wrong.

use super::*;

#[test]
fn each_rule_gives_its_result_when_both_sides_moved() {
    let both = || order().shop("S", 900).portal("LOSE", 950);
    for (winner, outcome) in [
        (Winner::Shop, "> SHIPPED"),
        (Winner::Portal, "shop D"),
        (Winner::Latest, "shop D"),
        (Winner::Review, "review Rule"),
    ] {
        assert_eq!(both().rule(&["S"], winner).outcome(), outcome, "{winner:?}");
        assert_eq!(
            both().default(winner, Authority::Shop).outcome(),
            outcome,
            "default {winner:?}"
        );
    }
    let first = both()
        .rule(&["X"], Winner::Review)
        .rule(&["S"], Winner::Shop)
        .rule(&[], Winner::Portal);
    assert_eq!(first.decide().record.rule, Some(1));
    assert_eq!(first.outcome(), "> SHIPPED");
}

#[test]
fn a_rule_may_name_stages() {
    let mut order = order().shop("S", 900).portal("LOSE", 950);
    order.policy.rules.push(Rule {
        status: Vec::new(),
        stage: vec![stage("LOSE")],
        onec: Vec::new(),
        winner: Winner::Shop,
    });
    assert_eq!(order.outcome(), "> SHIPPED");
}

#[test]
fn clocks_wrong_by_ten_minutes_still_show_the_later_fact() {
    for (shop_ahead, portal_ahead) in [(600, 0), (-600, 0), (0, 600), (0, -600), (600, -600)] {
        for (shop_at, portal_at, outcome) in [(500, 530, "shop D"), (530, 500, "> SHIPPED")] {
            let mut order = order()
                .shop("S", shop_at + shop_ahead)
                .portal("LOSE", portal_at + portal_ahead);
            order.clocks = Clocks {
                shop: Offset {
                    ahead_ms: shop_ahead * 1_000,
                    uncertainty_ms: 1_000,
                },
                portal: Offset {
                    ahead_ms: portal_ahead * 1_000,
                    uncertainty_ms: 500,
                },
            };
            assert_eq!(
                order.outcome(),
                outcome,
                "{shop_ahead} {portal_ahead} {shop_at}"
            );
        }
    }
}

#[test]
fn times_too_close_are_not_guessed() {
    let close = || order().shop("S", 900).portal("LOSE", 904);
    assert_eq!(close().outcome(), "> SHIPPED");
    assert_eq!(close().decide().record.basis, Basis::Undated);
    assert_eq!(
        close().default(Winner::Latest, Authority::Portal).outcome(),
        "shop D"
    );
    assert_eq!(
        close().default(Winner::Latest, Authority::Review).outcome(),
        "review Undated"
    );
    let ruled = close()
        .rule(&[], Winner::Latest)
        .default(Winner::Portal, Authority::Shop);
    assert_eq!(ruled.outcome(), "shop D");
    let mut unmeasured = order().shop("S", 500).portal("LOSE", 800);
    unmeasured.clocks.shop = Offset::UNMEASURED;
    assert_eq!(unmeasured.decide().record.basis, Basis::Undated);
    let mut undated = order().shop("S", 500).portal("LOSE", 800);
    undated.shop.since = None;
    assert_eq!(undated.decide().record.basis, Basis::Undated);
    let said = |order: &Order| order.decide().record.sentence;
    assert!(
        said(&undated).contains("because the shop gave none, and the shop is right then"),
        "{}",
        said(&undated)
    );
    undated.portal.since = None;
    assert!(said(&undated).contains("because neither side gave one"));
    undated.shop.since = Some(at(500));
    assert!(said(&undated).contains("because the portal gave none"));
    assert!(!said(&close()).contains("because"));
}

#[test]
fn nothing_happens_after_it_was_heard_of() {
    let mut order = order().shop("S", 5_000).portal("LOSE", 990);
    order.shop.seen = at(600);
    assert_eq!(order.outcome(), "shop D");
}

#[test]
fn a_first_meeting_is_decided_by_rule_and_recorded_as_such() {
    let mut order = order().shop("F", 900).portal("NEW", 100);
    order.agreed = None;
    let decision = order.decide();
    assert_eq!(word(&decision), "> WON");
    assert_eq!(decision.record.change, Change::FirstMeeting);
    assert_eq!(order.portal("WON", 100).outcome(), "= F");
}

#[test]
fn leaving_the_agreed_stage_and_coming_back_is_a_claim() {
    let came_back = order().shop("S", 500).portal("NEW", 900);
    assert_eq!(came_back.decide().record.change, Change::Both);
    assert_eq!(came_back.rule(&[], Winner::Portal).outcome(), "shop N");
}
