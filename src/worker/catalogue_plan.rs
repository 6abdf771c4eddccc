//! A plan of products: the portal is asked, and nothing is written.

use super::{
    CallFailure, PortalClient,
    lanes::wave_runner::{answer, command},
};
use crate::{
    clients::bitrix24::{Class, Priority},
    planner::{Hindrance, ProductJob, ProductPlan, ProductWave, Rounds as _},
};
use std::time::Duration;

/// Times that a call is asked again when the portal throttles.
const TRIES: u32 = 5;

/// Why it could not be found out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A call to the portal failed, by this code and in these words.
    #[error("{}: {}", .0.code, .0.message)]
    Call(CallFailure),
    /// The portal does not show its catalogue.
    #[error("{}: {}", .0.code, .0.message)]
    Hindrance(Hindrance),
    /// The portal put some of it off.
    #[error("the portal did not answer everything that was asked")]
    Unfinished,
}

/// What would be done with each of these products.
pub async fn plan_products<P: PortalClient>(
    portal: &P,
    jobs: Vec<ProductJob>,
) -> Result<Vec<ProductPlan>, PlanError> {
    let count = jobs.len();
    let mut wave = ProductWave::dry(jobs);
    loop {
        let round = wave.next_round();
        if round.is_empty() {
            break;
        }
        for call in round {
            let commands: Vec<_> = call.commands.iter().map(command).collect();
            let mut tries = 0;
            let response = loop {
                match portal.batch(&commands, Priority::Reconcile).await {
                    Ok(response) => break response,
                    Err(fault) => {
                        tries += 1;
                        match fault.class {
                            Class::Throttled(pause) if tries < TRIES => {
                                tokio::time::sleep(pause.min(Duration::from_mins(1))).await;
                            }
                            _ => return Err(PlanError::Call(fault)),
                        }
                    }
                }
            };
            wave.answer(&call, answer(response));
        }
    }
    if let Some(hindrance) = wave.hindrance() {
        return Err(PlanError::Hindrance(hindrance.clone()));
    }
    let plans = wave.plans();
    if plans.len() < count {
        return Err(PlanError::Unfinished);
    }
    Ok(plans)
}
