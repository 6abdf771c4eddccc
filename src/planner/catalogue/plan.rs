//! A plan of products: what a wave would do with each, without writing anything.

use super::{Phase, ProductJob, ProductWave, State, fields};
use crate::planner::{Outcome, indexes::JobIx};
use serde::Serialize;

/// What would be done with a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductAction {
    /// It would be made.
    Add,
    /// One that was typed by hand would be taken for it.
    Adopt,
    /// Some of it would be written.
    Update,
    /// The portal has it as it is to be.
    Skip,
    /// Nothing would be written before a person has looked at it.
    Doubtful,
}

/// What would be done with one product, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductPlan {
    /// Which job of the wave.
    pub job: JobIx,
    /// What would be done.
    pub change: ProductAction,
    /// Why: what differs, or what is doubtful.
    pub reason: String,
}

impl ProductWave {
    /// Begins to find out what would be done. What is known to be in step is looked for all the
    /// same.
    pub fn dry(jobs: Vec<ProductJob>) -> Self {
        let jobs = jobs.into_iter().map(|mut job| {
            job.told.clear();
            job
        });
        let mut wave = Self::new(jobs.collect(), None);
        wave.is_dry = true;
        wave
    }

    /// What would be done with each product; those that could not be looked for are left out.
    pub fn plans(self) -> Vec<ProductPlan> {
        let looked = self.chose && self.phase == Phase::Over;
        let facts = self.facts;
        let jobs = self.jobs.into_iter().enumerate();
        let plans = jobs.filter_map(|(job, state)| {
            let (change, reason) = state.plan(&facts, looked)?;
            Some(ProductPlan {
                job: JobIx::at(job),
                change,
                reason,
            })
        });
        plans.collect()
    }
}

impl State {
    fn plan(&self, facts: &super::CatalogueFacts, looked: bool) -> Option<(ProductAction, String)> {
        match &self.outcome {
            Some(Outcome::Done { .. }) => return Some((ProductAction::Skip, String::new())),
            Some(
                Outcome::Hopeless { message, .. }
                | Outcome::Refused { message, .. }
                | Outcome::Apart { message, .. },
            ) => return Some((ProductAction::Doubtful, message.clone())),
            Some(Outcome::Again { .. } | Outcome::Onward) => return None,
            None if !looked => return None,
            None => {}
        }
        let own = self.parts.first()?;
        let Some(element) = &own.element else {
            return Some((ProductAction::Add, String::new()));
        };
        let mut differ = Vec::new();
        for part in &self.parts {
            let named = |name: &str| match &part.variation {
                Some(id) => format!("{name} of variation {id}"),
                None => name.to_owned(),
            };
            let Some(there) = &part.element else {
                differ.push(named("everything"));
                continue;
            };
            let Ok(wanted) = part.wanted(&self.job, facts) else {
                differ.push(named("section"));
                continue;
            };
            let fields = fields::changed(&wanted, there);
            differ.extend(fields.keys().map(|name| named(name)));
            if wanted.prices.iter().any(|price| {
                let there = there.prices.get(&price.0);
                !there.is_some_and(|there| fields::is_priced(price, there))
            }) {
                differ.push(named("price"));
            }
        }
        let change = if own.alike.contains_key(&element.id) {
            ProductAction::Adopt
        } else {
            ProductAction::Update
        };
        Some((change, differ.join(", ")))
    }
}
