//! `[onec.NAME.catalogue]`: how the products of a base's shops are given to it.

use super::range;
use crate::{config::Problem, formats::onec::CatalogueExport};
use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    elements_per_step: u64,
    step_seconds: u64,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            elements_per_step: 100,
            step_seconds: 30,
        }
    }
}

pub(super) fn check(raw: Raw, base: &str, problems: &mut Vec<Problem>) -> CatalogueExport {
    let key = format!("{base}.catalogue");
    let elements = raw.elements_per_step;
    if elements == 0 {
        problems.push(Problem::new(
            format!("{key}.elements_per_step"),
            "all products in one answer would have to be held in memory",
            "choose 1 to 1000: 1C asks until it has all of them",
        ));
    } else {
        range(&key, "elements_per_step", elements, (1, 1_000), problems);
    }
    range(&key, "step_seconds", raw.step_seconds, (0, 300), problems);
    CatalogueExport {
        elements: u32::try_from(elements).unwrap_or(u32::MAX),
        step: Duration::from_secs(raw.step_seconds),
    }
}
