//! A check of the status map against the portal's funnels.

use super::{Funnel, PortalStage};
use crate::domain::{Direction, Stage, StatusMap, Untranslatable};
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that somebody should know about the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// A row names a stage of a funnel that the portal does not show.
    FunnelUnknown {
        /// The status of the row, in the shop's words.
        status: String,
        /// The funnel that the row names (`CATEGORY_ID`).
        funnel: u32,
    },
    /// A row names a stage that its funnel does not have: the portal would silently ignore it.
    StageUnknown {
        /// The status of the row, in the shop's words.
        status: String,
        /// The stage that the row names.
        stage: String,
        /// A stage of the portal that was probably meant.
        meant: Option<String>,
    },
    /// Several statuses claim a stage on the way back.
    Ambiguous {
        /// The stage that several rows accept.
        stage: String,
        /// The statuses whose rows accept that stage.
        statuses: Vec<String>,
    },
    /// No stage means this status on the way back.
    NoWayBack {
        /// The status that no stage leads back to.
        status: String,
        /// The row says so itself (`direction = "to_portal"`).
        intended: bool,
    },
    /// A stage of a funnel in use that no row is written as or accepts: moves into it are not told
    /// to the shop.
    Unaccepted {
        /// The stage that no row knows.
        stage: String,
        /// What people call it.
        name: String,
    },
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// May well be meant so.
    Note,
    /// Changes will be refused.
    Warning,
    /// Writes by that row will fail.
    Error,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::FunnelUnknown { .. } | Self::StageUnknown { .. } => Severity::Error,
            Self::Ambiguous { .. } => Severity::Warning,
            Self::NoWayBack { intended, .. } if !intended => Severity::Warning,
            Self::NoWayBack { .. } | Self::Unaccepted { .. } => Severity::Note,
        }
    }

    /// What it is and what to do, for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::FunnelUnknown { status, funnel } => format!(
                "the status {status} is written into funnel {funnel}, which the portal does not \
                 show: correct the funnel, or give the bridge's user the right to see it"
            ),
            Self::StageUnknown {
                status,
                stage,
                meant,
            } => {
                let hint = meant
                    .as_ref()
                    .map_or_else(String::new, |meant| format!("; {meant} may be meant"));
                format!(
                    "the status {status} names the stage {stage}, which the portal does not \
                     have{hint}"
                )
            }
            Self::Ambiguous { stage, statuses } => format!(
                "the stage {stage} stands for {}: set `reverse = true` in the row that it means on \
                 the way back",
                statuses.join(", ")
            ),
            Self::NoWayBack {
                status,
                intended: true,
            } => {
                format!("the status {status} goes only to the portal and never comes back")
            }
            Self::NoWayBack {
                status,
                intended: false,
            } => format!(
                "no stage means the status {status} on the way back: give it a stage of its own, \
                 `reverse`, or `direction = \"to_portal\"`"
            ),
            Self::Unaccepted { stage, name } => format!(
                "the stage {stage} ({name}) is in no row: a deal moved there changes nothing in \
                 the shop; list it in `accepts` of the status it means"
            ),
        }
    }
}

/// Everything worth knowing about the table, the gravest first.
pub fn check(map: &StatusMap, funnels: &[Funnel]) -> Vec<Finding> {
    let mut findings = Vec::new();
    unknown_stages(map, funnels, &mut findings);
    ways_back(map, &mut findings);
    let used: BTreeSet<u32> = map.rows().iter().map(|row| row.stage.funnel).collect();
    let stages = funnels.iter().filter(|funnel| used.contains(&funnel.id));
    for shown in stages.flat_map(|funnel| &funnel.stages) {
        if map.statuses_of(&shown.stage).next().is_none() {
            findings.push(Finding::Unaccepted {
                stage: shown.stage.id.clone(),
                name: shown.name.clone(),
            });
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

fn unknown_stages(map: &StatusMap, funnels: &[Funnel], findings: &mut Vec<Finding>) {
    for row in map.rows() {
        for stage in std::iter::once(&row.stage).chain(&row.accepts) {
            let status = row.status.clone();
            match funnels.iter().find(|funnel| funnel.id == stage.funnel) {
                None => findings.push(Finding::FunnelUnknown {
                    status,
                    funnel: stage.funnel,
                }),
                Some(funnel) if funnel.stages.iter().all(|shown| shown.stage != *stage) => {
                    findings.push(Finding::StageUnknown {
                        status,
                        stage: stage.id.clone(),
                        meant: meant(stage, &funnel.stages),
                    });
                }
                Some(_) => {}
            }
        }
    }
    findings.dedup();
}

/// The stage that was probably meant: the same but for case, prefix or surrounding blanks, or
/// called so by people.
fn meant(stage: &Stage, shown: &[PortalStage]) -> Option<String> {
    let bare = |id: &str| {
        let id = id.trim().to_lowercase();
        id.rsplit(':').next().unwrap_or_default().to_owned()
    };
    let wanted = bare(&stage.id);
    shown
        .iter()
        .find(|s| bare(&s.stage.id) == wanted || bare(&s.name) == wanted)
        .map(|s| s.stage.id.clone())
}

fn ways_back(map: &StatusMap, findings: &mut Vec<Finding>) {
    let mut stages: Vec<&Stage> = map
        .rows()
        .iter()
        .flat_map(|row| std::iter::once(&row.stage).chain(&row.accepts))
        .collect();
    stages.sort();
    stages.dedup();
    let mut reached = BTreeSet::new();
    for stage in stages {
        match map.back(stage) {
            Ok(status) => {
                reached.insert(status);
            }
            Err(Untranslatable::Ambiguous) => {
                let claims = map
                    .statuses_of(stage)
                    .filter(|row| row.direction != Direction::ToPortal);
                findings.push(Finding::Ambiguous {
                    stage: stage.id.clone(),
                    statuses: claims.map(|row| row.status.clone()).collect(),
                });
            }
            Err(Untranslatable::Unknown | Untranslatable::OneWay) => {}
        }
    }
    for row in map.rows() {
        if !reached.contains(row.status.as_str()) {
            findings.push(Finding::NoWayBack {
                status: row.status.clone(),
                intended: row.direction == Direction::ToPortal,
            });
        }
    }
}
