//! 1C's word beside the order's status.

use super::*;
use crate::{
    decision::onec::{OneCInputs, Verdict, decide},
    domain::SentStatus,
};

/// The order has `status` by the shop since 500, 1C is known to have had `agreed`, and says
/// `meaning` between 800 and 900.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that holds or not"
)]
struct Said {
    policy: Policy,
    status: &'static str,
    by: Source,
    changed: i64,
    agreed: Option<&'static str>,
    meaning: &'static str,
    paid: bool,
    overtaken: bool,
    ruled: bool,
    own: bool,
}

fn said(status: &'static str, meaning: &'static str) -> Said {
    Said {
        policy: order().policy,
        status,
        by: Source::Shop,
        changed: 500,
        agreed: Some(status),
        meaning,
        paid: false,
        overtaken: false,
        ruled: false,
        own: false,
    }
}

impl Said {
    fn rule(mut self, onec: &[&str], winner: Winner) -> Self {
        self.policy.rules.push(Rule {
            status: Vec::new(),
            stage: Vec::new(),
            onec: onec.iter().map(|word| (*word).to_owned()).collect(),
            winner,
        });
        self
    }

    fn had(self, agreed: Option<&'static str>) -> Self {
        Self { agreed, ..self }
    }

    fn verdict(&self) -> (Verdict, Basis) {
        let counted = Counted {
            status: self.status.to_owned(),
            by: self.by,
            at: Some(at(self.changed)),
            settled: true,
        };
        let decision = decide(&OneCInputs {
            counted: &counted,
            words: &["id", "Имя"],
            meaning: self.meaning,
            agreed: self.agreed,
            overtaken: self.overtaken,
            own: self.own,
            after: Some(at(800)),
            came: at(900),
            paid: self.paid,
            cancelled: false,
            policy: &self.policy,
            first_meeting: Winner::Shop,
            stage: None,
            turns: &[],
            ruled: self.ruled,
            now: at(1_000),
        });
        (decision.verdict, decision.basis)
    }
}

#[test]
fn whoever_changed_alone_is_right_and_a_rule_names_the_winner_where_both_did() {
    assert_eq!(said("N", "P").verdict(), (Verdict::Take, Basis::OneSide));
    let both = || said("N", "P").had(Some("D"));
    assert_eq!(both().verdict().0, Verdict::Take, "it is later than 500");
    for (winner, verdict) in [
        (Winner::Shop, Verdict::PutBack),
        (Winner::Onec, Verdict::Take),
        (Winner::Review, Verdict::Ask),
    ] {
        assert_eq!(both().rule(&[], winner).verdict(), (verdict, Basis::Rule));
        let named = both().rule(&["имя"], winner).verdict();
        assert_eq!(named, (verdict, Basis::Rule), "named as 1C names it");
        let other = both().rule(&["другое"], winner).verdict();
        assert_eq!(other.0, Verdict::Take, "another word of 1C's");
    }
    let portals = both().rule(&[], Winner::Portal).verdict();
    let passed = (Verdict::Take, Basis::Latest);
    assert_eq!(portals, passed, "the portal made no claim");
    assert_eq!(
        said("N", "P").had(None).verdict(),
        (Verdict::PutBack, Basis::Default)
    );
}

#[test]
fn the_later_of_two_is_told_only_where_the_other_is_outside_the_interval() {
    let both = |changed| Said {
        changed,
        ..said("N", "P").had(Some("D"))
    };
    assert_eq!(both(700).verdict(), (Verdict::Take, Basis::Latest));
    assert_eq!(both(950).verdict(), (Verdict::PutBack, Basis::Latest));
    assert_eq!(both(850).verdict().1, Basis::Undated);
    let kept = Said {
        overtaken: true,
        changed: 950,
        ..said("N", "P")
    };
    assert_eq!(kept.verdict(), (Verdict::PutBack, Basis::Latest));
}

#[test]
fn facts_are_not_taken_back_unless_a_rule_or_a_person_says_so() {
    let paid = || Said {
        paid: true,
        ..said("P", "N")
    };
    assert_eq!(
        paid().verdict(),
        (Verdict::PutBack, Basis::Final(Fact::Paid))
    );
    let cancels = Said {
        meaning: "D",
        ..paid()
    };
    assert_eq!(cancels.verdict(), (Verdict::Ask, Basis::Final(Fact::Paid)));
    assert_eq!(paid().rule(&[], Winner::Onec).verdict().0, Verdict::Take);
    assert_eq!(paid().rule(&[], Winner::Review).verdict().0, Verdict::Ask);
    let ruled = Said {
        ruled: true,
        ..paid()
    };
    assert_eq!(ruled.verdict(), (Verdict::Take, Basis::Ruling));
    // What the order is by 1C's own word, 1C may take back; money is the shop's.
    let own = Said {
        own: true,
        ..said("F", "N")
    };
    assert_eq!(own.verdict().0, Verdict::Take);
    let money = Said {
        own: true,
        ..paid()
    };
    assert_eq!(money.verdict().0, Verdict::PutBack);
}

#[test]
fn what_only_another_brings_an_order_into_1c_is_put_back_from_unless_it_never_had_the_order() {
    let only = |said: Said| {
        let mut said = said;
        let rows = said.policy.statuses.rows().iter().cloned();
        let rows = rows.map(|row| Correspondence {
            source: (row.status == "P").then_some(Source::Shop),
            ..row
        });
        said.policy.statuses = StatusMap::new(rows.collect());
        said
    };
    let put_back = (Verdict::PutBack, Basis::Source);
    assert_eq!(only(said("N", "P")).verdict(), put_back);
    assert_eq!(
        only(said("N", "P").rule(&[], Winner::Onec)).verdict(),
        put_back
    );
    let first = only(said("N", "P").had(None));
    assert_eq!(first.verdict(), (Verdict::PutBack, Basis::Default));
    let ruled = Said {
        ruled: true,
        ..only(said("N", "P"))
    };
    assert_eq!(ruled.verdict().0, Verdict::Take);
}

#[test]
fn what_1c_said_is_called_by_its_name_where_a_deal_was_moved_meanwhile() {
    let mut order = order().portal("LOSE", 904);
    let told = SentStatus {
        status: "S".to_owned(),
        by: Source::OneC,
        claimed_after: None,
        takes_back: false,
        previous: "N".to_owned(),
        previous_since: Some(at(0)),
        before: None,
        at: at(902),
        first_sent_at: None,
        delivered_at: None,
        died_at: None,
        denies: Vec::new(),
    };
    if let Some(agreed) = &mut order.agreed {
        agreed.told.push(told);
    }
    let sentence = order.decide().record.sentence;
    assert!(
        sentence.starts_with("1C changed N to S while the deal was moved from NEW to LOSE"),
        "{sentence}"
    );
    assert!(!sentence.contains("the shop is right"), "{sentence}");
}
