//! The table of the model, and its rules.

use b24_bridge::domain::{
    Conflict, Correspondence, Direction, Finality, Policy, Rule, Stage, StatusMap, Winner,
};

pub(in crate::two_way::decision_model) const STATUSES: [&str; 5] = ["N", "A", "P", "F", "D"];

pub(in crate::two_way::decision_model) const STAGES: [&str; 7] = [
    "NEW",
    "PREPARATION",
    "EXECUTING",
    "FINAL_INVOICE",
    "WON",
    "LOSE",
    "APOLOGY",
];

/// A stage that no row has.
pub(in crate::two_way::decision_model) const UNMAPPED: &str = "UC_OWN";

pub(in crate::two_way::decision_model) fn stage(id: &str) -> Stage {
    Stage::new(0, id)
}

fn row(status: &str, at: &str, accepts: &[&str], reverse: bool) -> Correspondence {
    Correspondence {
        status: status.to_owned(),
        stage: stage(at),
        accepts: accepts.iter().map(|id| stage(id)).collect(),
        direction: Direction::Both,
        reverse,
        source: None,
    }
}

/// Not one-to-one: N and A are written as one stage, several stages mean N, P and D.
pub(in crate::two_way::decision_model) fn table() -> StatusMap {
    StatusMap::new(vec![
        row("N", "NEW", &["PREPARATION"], true),
        row("A", "NEW", &[], false),
        row("P", "EXECUTING", &["FINAL_INVOICE"], false),
        row("F", "WON", &[], false),
        row("D", "LOSE", &["APOLOGY"], false),
    ])
}

pub(in crate::two_way::decision_model) fn policy(rules: Vec<Rule>, default: Winner) -> Policy {
    let list = |status: &str| vec![status.to_owned()];
    Policy {
        statuses: table(),
        rules,
        conflict: Conflict {
            default,
            ..Conflict::default()
        },
        finality: Finality {
            paid: list("P"),
            delivered: list("F"),
            cancelled: list("D"),
        },
        ..Policy::default()
    }
}

pub(in crate::two_way::decision_model) fn rule(status: &[&str], winner: Winner) -> Rule {
    Rule {
        status: status.iter().map(|&s| s.to_owned()).collect(),
        stage: Vec::new(),
        onec: Vec::new(),
        winner,
    }
}
