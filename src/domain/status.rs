//! The correspondence of the shop's statuses and the portal's stages. It is not one-to-one.

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
    /// Both ways.
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
    /// Where several statuses are written as one stage: this is what the stage means on the way back.
    pub reverse: bool,
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

    /// The rows.
    pub fn rows(&self) -> &[Correspondence] {
        &self.rows
    }

    /// The row of a status.
    pub fn row(&self, status: &str) -> Option<&Correspondence> {
        self.rows.iter().find(|row| row.status == status)
    }

    /// Whether the status is written as that stage, or accepts it.
    pub fn consistent(&self, status: &str, stage: &Stage) -> bool {
        self.row(status)
            .is_some_and(|row| row.stage == *stage || row.accepts.contains(stage))
    }
}
