//! Each named situation, by hand.

mod both_sides;
mod echoes;
mod finality;
mod one_side;
mod onec;
mod sources;

use super::*;
use crate::domain::{
    Authority, Conflict, Correspondence, Direction, Fact, Finality, Offset, Rule, Side, Source,
    StatusMap, Untranslatable, Winner, WriteLimit,
    happening::{DecisionReason, Explanation, Language, Party, Stored, Tell, Voice},
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
        source: None,
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
    turns: Vec<BridgeWrite>,
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
            as_of: None,
        },
        portal: Observation {
            source: Source::Bitrix24,
            value: stage("NEW"),
            since: Some(at(0)),
            seen: at(1000),
            as_of: None,
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
            onec: Vec::new(),
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

    /// The outcome in a word: `= N`, `> EXECUTING`, `< EXECUTING` (put back), `shop P`, or the
    /// debug text.
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

/// Every kind of action.
fn actions(agreed: &Agreed) -> Vec<Action> {
    use Untranslatable::{Ambiguous, OneWay, Unknown};
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
        Refusal::Table,
    ]);
    actions.extend(refusals.map(|why| Action::Refused { why }));
    let reviews = [
        ReviewWhy::Rule,
        ReviewWhy::PingPong { turns: 4 },
        ReviewWhy::Waiting,
    ];
    actions.extend(reviews.map(|why| Action::Review { why }));
    actions
}

/// Every kind of sentence about a decision, with statuses and stages in capitals.
pub(crate) fn sentences() -> Vec<String> {
    explanations().iter().map(Tell::sentence).collect()
}

#[test]
fn every_decision_is_said_in_russian_to_its_last_word() {
    let russian = Voice {
        language: Language::Ru,
        ..Voice::ENGLISH
    };
    let latin = |text: &str| {
        let ours = text.split('`').step_by(2).collect::<String>();
        let mut words = ours.split(|c: char| !c.is_ascii_lowercase());
        words.any(|word| word.len() > 1)
    };
    for explanation in explanations() {
        let told = explanation.tell(russian);
        let cyrillic = told.chars().any(|c| ('а'..='я').contains(&c));
        assert!(cyrillic && !latin(&told), "{told}");
        let stored = Stored::<Explanation>::read(Stored::value(&explanation));
        assert_eq!(stored, Stored::Known(explanation));
    }
}

fn explanations() -> Vec<Explanation> {
    let agreed = Agreed::new("N", stage("NEW"));
    let actions = actions(&agreed);
    let facts = [Fact::Paid, Fact::Delivered, Fact::Cancelled].map(Basis::Final);
    let bases = [
        Basis::Consistent,
        Basis::OneSide,
        Basis::Rule,
        Basis::Default,
        Basis::Latest,
        Basis::Undated,
        Basis::Ruling,
        Basis::Doubtful,
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
                    let mut told = |record: &Record| {
                        let order = order().portal("LOSE", 900);
                        all.push(order.with(|inputs| {
                            explanation::put(inputs, Some(&agreed), action, &mut record.clone())
                        }));
                    };
                    told(&record);
                    told(&Record {
                        shop_counts_as: "N".to_owned(),
                        ..record.clone()
                    });
                    for (shop_at, portal_at) in [(true, false), (false, true), (false, false)] {
                        told(&Record {
                            shop_at: record.shop_at.filter(|_| shop_at),
                            portal_at: record.portal_at.filter(|_| portal_at),
                            ..record.clone()
                        });
                    }
                }
            }
        }
    }
    for whose in [Party::Shop, Party::Portal, Party::Onec] {
        let mut explanation = all[0].clone();
        let status = "P".to_owned();
        explanation.reason = Some(DecisionReason::OnlyBy { status, whose });
        all.push(explanation);
    }
    all
}
