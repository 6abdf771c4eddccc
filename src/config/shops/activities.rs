//! `[shops.NAME.activities]`: calls, mails and messages.

use crate::{
    config::Problem,
    domain::{ActivityRules, UnknownCaller},
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Raw {
    unknown: UnknownCaller,
    missed_call_within: Option<String>,
    responsible_id: Option<u64>,
}

/// Checks the section of a shop.
pub(in crate::config) fn check(raw: Raw, key: &str, problems: &mut Vec<Problem>) -> ActivityRules {
    let mut rules = ActivityRules {
        unknown: raw.unknown,
        responsible_id: raw.responsible_id,
        ..ActivityRules::default()
    };
    if let Some(text) = raw.missed_call_within {
        match super::duration(&text) {
            Some(within) => rules.missed_call_within = within.as_seconds_f64(),
            None => problems.push(Problem::new(
                format!("{key}.activities.missed_call_within"),
                format!("`{text}` is not a time"),
                "write a number and ms, s, m or h: \"15m\", at most 24h",
            )),
        }
    }
    rules
}
