//! `sources_of_truth` and `conflicts` of a shop: who wins where, and how often the bridge writes.

use super::duration;
use crate::config::Problem;
use crate::domain::{Authority, Conflict, Rule, Source, Stage, Winner, WriteLimit};
use chrono::TimeDelta;
use serde::Deserialize;

/// Who says what is in a shop's orders: their lines and sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Master {
    /// The shop, whatever the documents of 1C say.
    #[default]
    Shop,
    /// Its 1C base, from its first document of an order on.
    Onec,
}

/// A system that may bring an order into a status.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawSource {
    Shop,
    Portal,
    Onec,
}

impl RawSource {
    pub(super) fn system(self) -> Source {
        match self {
            Self::Shop => Source::Shop,
            Self::Portal => Source::Bitrix24,
            Self::Onec => Source::OneC,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    stage: Vec<String>,
    #[serde(default)]
    onec: Vec<String>,
    winner: Winner,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConflict {
    default: Option<Winner>,
    clock_tolerance: Option<String>,
    undated: Option<Authority>,
    ping_pong: RawPingPong,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPingPong {
    window: Option<String>,
    same: Option<usize>,
    any: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFinal {
    pub(super) paid: Vec<String>,
    pub(super) delivered: Vec<String>,
    pub(super) cancelled: Vec<String>,
}

pub(super) fn sources_of_truth(raw: Vec<RawRule>, funnel: u32) -> Vec<Rule> {
    let rule = |raw: RawRule| Rule {
        status: raw.status,
        stage: raw
            .stage
            .iter()
            .map(|id| Stage::parse(funnel, id))
            .collect(),
        onec: raw.onec,
        winner: raw.winner,
    };
    raw.into_iter().map(rule).collect()
}

pub(super) fn conflict(
    raw: RawConflict,
    key: &str,
    problems: &mut Vec<Problem>,
) -> (Conflict, WriteLimit) {
    let mut time = |name: &str, text: Option<String>, usual: TimeDelta| match text {
        None => usual,
        Some(text) => duration(&text).unwrap_or_else(|| {
            problems.push(Problem::new(
                format!("{key}.conflict.{name}"),
                format!("`{text}` is not a time"),
                "write a number and ms, s, m or h: \"5s\", at most 24h",
            ));
            usual
        }),
    };
    let (usual, turns) = (Conflict::default(), WriteLimit::default());
    let conflict = Conflict {
        default: raw.default.unwrap_or(usual.default),
        clock_tolerance: time(
            "clock_tolerance",
            raw.clock_tolerance,
            usual.clock_tolerance,
        ),
        undated: raw.undated.unwrap_or(usual.undated),
    };
    let turns = WriteLimit {
        window: time("ping_pong.window", raw.ping_pong.window, turns.window),
        same: raw.ping_pong.same.unwrap_or(turns.same).max(1),
        any: raw.ping_pong.any.unwrap_or(turns.any).max(1),
    };
    (conflict, turns)
}
