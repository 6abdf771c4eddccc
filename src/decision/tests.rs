//! Each named situation, by hand.

use super::*;
use crate::domain::{
    Authority, Conflict, Correspondence, Direction, Fact, Finality, Offset, Rule, Source,
    StatusMap, TurnLimit, Untranslatable, Winner,
};
use chrono::TimeDelta;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

fn stage(id: &str) -> Stage {
    Stage::new(0, id)
}

fn row(status: &str, at: &str, accepts: &[&str], direction: Direction) -> Correspondence {
    Correspondence {
        status: status.to_owned(),
        stage: stage(at),
        accepts: accepts.iter().map(|id| stage(id)).collect(),
        direction,
        reverse: false,
    }
}

/// One order, told step by step: N and NEW were agreed at 0, it is 1000 now, both clocks are right.
struct Order {
    policy: Policy,
    shop: Observation<String>,
    portal: Observation<Stage>,
    agreed: Option<Agreed>,
    paid: bool,
    clocks: Clocks,
    turns: Vec<Turn>,
    ruling: Option<Ruling>,
    waiting: Option<Waiting>,
}

fn order() -> Order {
    let exact = Offset {
        ahead_ms: 0,
        uncertainty_ms: 0,
    };
    let list = |status: &str| vec![status.to_owned()];
    Order {
        policy: Policy {
            statuses: StatusMap::new(vec![
                row("N", "NEW", &["PREPARATION"], Direction::Both),
                row("P", "EXECUTING", &[], Direction::Both),
                row("S", "SHIPPED", &[], Direction::ToPortal),
                row("R", "RETURNED", &[], Direction::ToShop),
                row("F", "WON", &[], Direction::Both),
                row("D", "LOSE", &["APOLOGY"], Direction::Both),
            ]),
            finality: Finality {
                paid: list("P"),
                delivered: list("F"),
                cancelled: list("D"),
            },
            ..Policy::default()
        },
        shop: Observation {
            source: Source::Shop,
            value: "N".into(),
            since: Some(at(0)),
            seen: at(0),
        },
        portal: Observation {
            source: Source::Bitrix24,
            value: stage("NEW"),
            since: Some(at(0)),
            seen: at(1000),
        },
        agreed: Some(Agreed {
            portal_since: Some(at(0)),
            ..Agreed::new("N", stage("NEW"))
        }),
        paid: false,
        clocks: Clocks {
            shop: exact,
            portal: exact,
        },
        turns: Vec::new(),
        ruling: None,
        waiting: None,
    }
}

impl Order {
    fn shop(mut self, status: &str, since: i64) -> Self {
        self.shop.value = status.to_owned();
        self.shop.since = Some(at(since));
        self.shop.seen = at(1000);
        self
    }

    fn portal(mut self, id: &str, since: i64) -> Self {
        self.portal.value = stage(id);
        self.portal.since = Some(at(since));
        self
    }

    fn agreed(mut self, status: &str, id: &str) -> Self {
        self.agreed = Some(Agreed {
            portal_since: Some(at(0)),
            ..Agreed::new(status, stage(id))
        });
        self
    }

    fn rule(mut self, status: &[&str], winner: Winner) -> Self {
        let status = status.iter().map(|&s| s.to_owned()).collect();
        self.policy.rules.push(Rule {
            status,
            stage: Vec::new(),
            winner,
        });
        self
    }

    fn default(mut self, default: Winner, undated: Authority) -> Self {
        self.policy.conflict = Conflict {
            default,
            undated,
            ..Conflict::default()
        };
        self
    }

    fn with<T>(&self, ask: impl FnOnce(&Inputs<'_>) -> T) -> T {
        ask(&Inputs {
            shop: &self.shop,
            portal: &self.portal,
            agreed: self.agreed.as_ref(),
            paid: self.paid,
            cancelled: false,
            policy: &self.policy,
            clocks: self.clocks,
            history: Some(7),
            turns: &self.turns,
            ruling: self.ruling.as_ref(),
            waiting: self.waiting.as_ref(),
            now: at(1000),
        })
    }

    fn decide(&self) -> Decision {
        self.with(decide)
    }

    /// The outcome in a word: `= N`, `> EXECUTING`, `< EXECUTING` (put back), `shop P`, or the debug text.
    fn outcome(&self) -> String {
        word(&self.decide())
    }
}

fn word(decision: &Decision) -> String {
    match &decision.action {
        Action::Agree { agreed } => format!("= {}", agreed.status),
        Action::WritePortal {
            stage,
            purpose: Purpose::Follow,
            ..
        } => format!("> {stage}"),
        Action::WritePortal {
            stage,
            purpose: Purpose::PutBack,
            ..
        } => format!("< {stage}"),
        Action::WritePortal {
            stage,
            purpose: Purpose::Restore,
            ..
        } => format!("restore {stage}"),
        Action::TellShop { status, .. } => format!("shop {status}"),
        Action::Refused { why } => format!("{why:?}"),
        Action::Review { why } => format!("review {why:?}"),
    }
}

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
fn leaving_the_agreed_stage_and_coming_back_is_a_claim() {
    let came_back = order().shop("S", 500).portal("NEW", 900);
    assert_eq!(came_back.decide().record.change, Change::Both);
    assert_eq!(came_back.rule(&[], Winner::Portal).outcome(), "shop N");
}

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

#[test]
fn the_same_write_again_and_again_is_stopped_and_reported() {
    let mut order = order()
        .shop("P", 100)
        .agreed("P", "EXECUTING")
        .portal("NEW", 900);
    order.policy.turns = TurnLimit {
        window: TimeDelta::hours(1),
        same: 3,
        any: 10,
    };
    for n in 0..3 {
        assert_eq!(order.outcome(), "< EXECUTING");
        order.turns.push(Turn {
            at: at(900 + n),
            wrote: Wrote::Stage(stage("EXECUTING")),
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

#[test]
fn a_changed_table_is_decided_by_rule() {
    let edited = order().agreed("N", "EXECUTING").portal("EXECUTING", 0);
    assert_eq!(edited.decide().record.change, Change::Neither);
    assert_eq!(edited.rule(&[], Winner::Shop).outcome(), "> NEW");
}

/// Every kind of sentence about a decision, with statuses and stages in capitals.
pub(crate) fn sentences() -> Vec<String> {
    use Untranslatable::{Ambiguous, OneWay, Unknown};
    let agreed = Agreed::new("N", stage("NEW"));
    let write = |purpose| Action::WritePortal {
        stage: stage("EXECUTING"),
        guard: None,
        purpose,
        agreed: None,
    };
    let mut actions = vec![
        Action::Agree {
            agreed: agreed.clone(),
        },
        write(Purpose::Follow),
        write(Purpose::PutBack),
        write(Purpose::Restore),
        Action::TellShop {
            status: "P".to_owned(),
            previous: "N".to_owned(),
            reason: String::new(),
            agreed: agreed.clone(),
        },
    ];
    let stages = [Unknown, OneWay, Ambiguous].map(Refusal::Stage);
    let refusals = stages.into_iter().chain([
        Refusal::Status(Unknown),
        Refusal::Status(OneWay),
        Refusal::Final(Fact::Paid),
    ]);
    actions.extend(refusals.map(|why| Action::Refused { why }));
    let reviews = [
        ReviewWhy::Rule,
        ReviewWhy::PingPong { turns: 4 },
        ReviewWhy::Waiting,
    ];
    actions.extend(reviews.map(|why| Action::Review { why }));
    let facts = [Fact::Paid, Fact::Delivered, Fact::Cancelled].map(Basis::Final);
    let bases = [
        Basis::Consistent,
        Basis::OneSide,
        Basis::Rule,
        Basis::Default,
        Basis::Latest,
        Basis::Undated,
        Basis::Ruling,
    ];
    let changes = [
        Change::Neither,
        Change::Shop,
        Change::Portal,
        Change::Both,
        Change::FirstMeeting,
    ];
    let winners = [None, Some(Side::Shop), Some(Side::Portal)];
    let mut all = Vec::new();
    for basis in bases.into_iter().chain(facts) {
        for change in changes {
            for winner in winners {
                for (action, rule) in actions.iter().flat_map(|one| [(one, None), (one, Some(0))]) {
                    let record = Record {
                        change,
                        basis,
                        rule,
                        winner,
                        shop_at: Some(at(900)),
                        portal_at: Some(at(800)),
                        shop_counts_as: "P".to_owned(),
                        sentence: String::new(),
                    };
                    all.push(
                        order()
                            .portal("LOSE", 900)
                            .with(|inputs| sentence::of(inputs, Some(&agreed), action, &record)),
                    );
                }
            }
        }
    }
    all
}
