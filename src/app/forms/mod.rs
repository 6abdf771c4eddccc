//! Forms of a shop's site: taken in, kept, restored, and on their way to the planner.

mod follow;
mod intake;
mod kept;
mod queue;

pub use intake::FormTaken;
pub use kept::{Submission, SubmissionFilter};
pub use queue::FormWork;

use crate::domain::{FormRules, ShopName};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is stored of a submission: the fields are understood when it is delivered, so that a mended
/// map counts for what came before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    /// The form's name in the configuration.
    form: String,
    /// The fields.
    #[serde(flatten)]
    submission: crate::forms::Submission,
}

impl super::Bridge {
    fn form_rules(&self, shop: &ShopName, form: &str) -> Option<Arc<FormRules>> {
        let key = (shop.clone(), form.to_owned());
        self.directory().forms.get(&key).cloned()
    }
}
