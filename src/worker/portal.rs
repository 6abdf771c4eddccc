//! What a lane needs of a portal: one call at a time, and a plain word about what went wrong.

use crate::{
    bitrix24::{BatchResponse, Class, Command},
    domain::Code,
};

/// A call that failed as a whole.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it means for the lane.
    pub class: Class,
    /// The code that people see.
    pub code: Code,
    /// What exactly, free of secrets.
    pub message: String,
}

/// Where a lane sends its calls.
pub trait Portal: Clone + Send + Sync + 'static {
    /// Up to 50 commands in one call.
    fn batch(
        &self,
        commands: &[Command],
    ) -> impl Future<Output = Result<BatchResponse, Failure>> + Send;

    /// A cheap call that succeeds if the portal takes the bridge's calls at all.
    fn probe(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}
