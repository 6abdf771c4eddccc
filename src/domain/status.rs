//! The correspondence of the shop's statuses and the portal's stages. It is not one-to-one.

use super::Source;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A stage of a deal, with its funnel: stage ids repeat between funnels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stage {
    /// CATEGORY_ID: 0 is the default funnel.
    pub funnel: u32,
    /// STAGE_ID in full, with the `C{funnel}:` prefix where the funnel is not 0.
    pub id: String,
}

impl Stage {
    /// The portal's dictionary (`ENTITY_ID` of `crm.status.list`) that holds the stages of a funnel
    /// of deals.
    pub fn dictionary(funnel: u32) -> String {
        if funnel == 0 {
            "DEAL_STAGE".to_owned()
        } else {
            format!("DEAL_STAGE_{funnel}")
        }
    }

    /// Takes `NEW` for the given funnel, and `C7:NEW` for funnel 7 whatever funnel is given.
    pub fn parse(funnel: u32, id: &str) -> Self {
        let named = id.strip_prefix('C').and_then(|rest| rest.split_once(':'));
        let other = named.and_then(|(funnel, _)| funnel.parse().ok());
        Self::new(other.unwrap_or(funnel), id)
    }

    /// Takes `NEW` or `C7:NEW` for funnel 7; in funnel 0 the id stands bare.
    pub fn new(funnel: u32, id: &str) -> Self {
        let prefix = format!("C{funnel}:");
        let id = if funnel == 0 || id.starts_with(&prefix) {
            id.to_owned()
        } else {
            prefix + id
        };
        Self { funnel, id }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// Which way a row of the table is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From status to stage, and back.
    #[default]
    Both,
    /// Only from the shop to the portal.
    ToPortal,
    /// Only from the portal to the shop.
    ToShop,
}

/// One row of the correspondence table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondence {
    /// The shop's status code.
    pub status: String,
    /// The stage this status is written as.
    pub stage: Stage,
    /// Further stages that mean the same to the shop.
    pub accepts: Vec<Stage>,
    /// Which way the row is used.
    pub direction: Direction,
    /// Where several statuses are written as one stage: this is what the stage means on the way
    /// back.
    pub reverse: bool,
    /// The only system that brings an order into this status; none: any.
    pub source: Option<Source>,
}

impl Correspondence {
    /// Whether the status is written as that stage, or accepts it.
    pub fn takes(&self, stage: &Stage) -> bool {
        self.stage == *stage || self.accepts.contains(stage)
    }
}

/// The whole table of a shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusMap {
    rows: Vec<Correspondence>,
}

impl StatusMap {
    /// A table of these rows, in this order.
    pub fn new(rows: Vec<Correspondence>) -> Self {
        Self { rows }
    }

    /// The rows, in the order of the settings.
    pub fn rows(&self) -> &[Correspondence] {
        &self.rows
    }

    /// The row of a status.
    pub fn row(&self, status: &str) -> Option<&Correspondence> {
        self.rows.iter().find(|row| row.status == status)
    }

    /// Where in the table a status stands: the table is read as the order's way through life, from
    /// top to bottom.
    pub fn position(&self, status: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.status == status)
    }

    /// Whether only another system than this one brings an order into a status.
    pub fn is_of_another(&self, status: &str, system: Source) -> bool {
        let source = self.row(status).and_then(|row| row.source);
        source.is_some_and(|source| source != system)
    }

    /// Whether the status is written as that stage, or accepts it.
    pub fn consistent(&self, status: &str, stage: &Stage) -> bool {
        self.rows
            .iter()
            .any(|row| row.status == status && row.takes(stage))
    }

    /// Every row whose status is written as that stage or accepts it, in the order of the table.
    pub fn statuses_of(&self, stage: &Stage) -> impl Iterator<Item = &Correspondence> {
        self.rows.iter().filter(move |row| row.takes(stage))
    }

    /// The stage that a status is written as.
    pub fn there(&self, status: &str) -> Result<&Stage, Untranslatable> {
        let mut rows = self.rows.iter().filter(|row| row.status == status);
        let Some(first) = rows.next() else {
            return Err(Untranslatable::Unknown);
        };
        std::iter::once(first)
            .chain(rows)
            .find(|row| row.direction != Direction::ToShop)
            .map(|row| &row.stage)
            .ok_or(Untranslatable::OneWay)
    }

    /// The status that a stage means on the way back. A row marked `reverse` speaks first, then one
    /// that is written as the stage, then one that only accepts it; two rows with the same claim
    /// are not chosen between.
    pub fn back(&self, stage: &Stage) -> Result<&str, Untranslatable> {
        let mut known = false;
        let mut claims: Vec<(u8, &str)> = Vec::new();
        for row in self.rows.iter().filter(|row| row.takes(stage)) {
            known = true;
            if row.direction != Direction::ToPortal {
                let main = row.stage == *stage;
                let claim = if main && row.reverse {
                    0
                } else {
                    2 - u8::from(main)
                };
                claims.push((claim, &row.status));
            }
        }
        let Some(best) = claims.iter().map(|(claim, _)| *claim).min() else {
            return Err(if known {
                Untranslatable::OneWay
            } else {
                Untranslatable::Unknown
            });
        };
        claims.retain(|(claim, _)| *claim == best);
        claims.dedup();
        match claims.as_slice() {
            [(_, status)] => Ok(status),
            _ => Err(Untranslatable::Ambiguous),
        }
    }
}

/// Why a status has no stage to be written as, or a stage no status to come back as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Untranslatable {
    /// No row has it.
    Unknown,
    /// Its rows are used only the other way.
    OneWay,
    /// Several rows claim it with equal right.
    Ambiguous,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: &str, stage: &str, accepts: &[&str]) -> Correspondence {
        Correspondence {
            status: status.to_owned(),
            stage: Stage::new(0, stage),
            accepts: accepts.iter().map(|id| Stage::new(0, id)).collect(),
            direction: Direction::Both,
            reverse: false,
            source: None,
        }
    }

    #[test]
    fn a_stage_written_for_one_status_and_accepted_by_another_comes_back_as_the_first() {
        let map = StatusMap::new(vec![
            row("N", "NEW", &["PREPARATION"]),
            row("P", "PREPARATION", &[]),
        ]);
        let stage = Stage::new(0, "PREPARATION");
        assert_eq!(map.back(&stage), Ok("P"));
        assert!(map.consistent("N", &stage) && map.consistent("P", &stage));
        assert_eq!(map.statuses_of(&stage).count(), 2);
    }

    #[test]
    fn two_statuses_written_as_one_stage_need_a_mark_to_come_back() {
        let mut rows = vec![row("N", "NEW", &[]), row("A", "NEW", &[])];
        let stage = Stage::new(0, "NEW");
        assert_eq!(
            StatusMap::new(rows.clone()).back(&stage),
            Err(Untranslatable::Ambiguous)
        );
        rows[1].reverse = true;
        assert_eq!(StatusMap::new(rows).back(&stage), Ok("A"));
    }

    #[test]
    fn a_stage_with_a_prefix_names_its_own_funnel() {
        assert_eq!(Stage::parse(0, "C7:NEW"), Stage::new(7, "NEW"));
        assert_eq!(Stage::parse(7, "NEW"), Stage::new(7, "NEW"));
        assert_eq!(Stage::parse(0, "CUSTOM"), Stage::new(0, "CUSTOM"));
    }

    #[test]
    fn a_row_is_used_only_in_its_direction() {
        let mut rows = vec![row("N", "NEW", &[]), row("F", "WON", &[])];
        rows[0].direction = Direction::ToPortal;
        rows[1].direction = Direction::ToShop;
        let map = StatusMap::new(rows);
        assert_eq!(map.back(&Stage::new(0, "NEW")), Err(Untranslatable::OneWay));
        assert_eq!(map.there("F"), Err(Untranslatable::OneWay));
        assert_eq!(map.there("X"), Err(Untranslatable::Unknown));
        assert_eq!(
            map.back(&Stage::new(3, "NEW")),
            Err(Untranslatable::Unknown)
        );
    }
}
