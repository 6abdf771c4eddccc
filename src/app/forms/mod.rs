//! Forms of a shop's site, and its calls, mails and messages: taken in, kept, restored, and on
//! their way to the planner.

pub(super) mod activities;
mod intake;
mod lead_conversions;
pub(super) mod notes;
mod queue;
mod subject;
mod submissions;
mod trial;

pub use activities::{ActivityState, ActivityView};
pub use intake::FormTaken;
pub use queue::{SubjectStep, SubjectWork};
pub use submissions::{Submission, SubmissionFilter};
pub use trial::Trial;

use super::{LaneWaker, Registry, Shared, Traps};
use crate::{
    domain::{FormRules, ShopName},
    process::telemetry::Metrics,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::sync::Arc;

/// What forms of a site post becomes leads or deals; calls, mails and messages are put on cards.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Forms {
    db: PgPool,
    traps: Traps,
    waker: LaneWaker,
    metrics: Metrics,
    registry: Arc<Registry>,
}

impl Forms {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            db: shared.db.clone(),
            traps: shared.traps.clone(),
            waker: shared.waker.clone(),
            metrics: shared.metrics.clone(),
            registry: Arc::clone(&shared.registry),
        }
    }
}

/// What is stored of a submission: the fields are understood when it is delivered, so that a mended
/// map counts for what came before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    /// The form's name in the configuration.
    form: String,
    /// The fields that were posted, as they are understood.
    #[serde(flatten)]
    submission: crate::formats::forms::Submission,
}

impl Forms {
    fn form_rules(&self, shop: &ShopName, form: &str) -> Option<Arc<FormRules>> {
        let key = (shop.clone(), form.to_owned());
        self.registry.forms.get(&key).cloned()
    }
}
