//! The correspondence table beside the portal's own funnels and stages: what is wrong with it, and
//! what it might be.
//!
//! Owns no reading: the caller brings what `crm.category.list` and `crm.status.list` said.

mod check;
mod meaning;
mod suggest;

#[cfg(test)]
mod tests;

pub use check::{Finding, Severity, check};
pub use meaning::{Meaning, finality};
pub use suggest::{ShopStatus, suggest, usual};

use crate::domain::Stage;

/// A funnel of the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// Its id in the portal (`CATEGORY_ID`); 0 is the general funnel.
    pub id: u32,
    /// What people call it.
    pub name: String,
    /// Its stages, in the order of the portal (SORT).
    pub stages: Vec<PortalStage>,
}

/// A stage of a funnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalStage {
    /// The funnel and the stage's code.
    pub stage: Stage,
    /// What people call it.
    pub name: String,
    /// How it ends a deal, if it does.
    pub semantics: Semantics,
}

/// SEMANTICS of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// The deal goes on.
    Process,
    /// The deal is won.
    Success,
    /// The deal is lost.
    Failure,
}

impl Semantics {
    /// From the portal's `S`, `F`, or nothing.
    pub fn from_portal(text: Option<&str>) -> Self {
        match text {
            Some("S" | "success") => Self::Success,
            Some("F" | "failure" | "apology") => Self::Failure,
            _ => Self::Process,
        }
    }
}
