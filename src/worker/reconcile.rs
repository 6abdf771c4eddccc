//! A walk over all deals of a portal, on demand: what stands elsewhere than was agreed.

use super::{CallFailure, PortalClient, lanes::wave_runner};
use crate::{
    app::{self, Difference, OrderWithDeal, Sync},
    clients::bitrix24::Priority,
    domain::{OrderKey, PortalName},
    planner::{DealScan, DealState, History, ScanRequest},
    process::bug,
};
use std::collections::BTreeMap;

/// Orders read in one step: 40 commands of 50 deals.
const STEP: u32 = 2_000;

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The database could not be asked.
    #[error(transparent)]
    App(#[from] app::Error),
    /// The portal did not answer.
    #[error("the portal does not answer: {message} ({code})", message = .0.message, code = .0.code)]
    Portal(Box<CallFailure>),
}

/// Reads the deals of all orders of a portal, and tells which differ from what was agreed. `step`
/// is told after each step how many orders were read. An order at which the bridge fails is told as
/// one that differs: its comparison says what is wrong.
pub async fn survey<P: PortalClient>(
    sync: &Sync,
    name: &PortalName,
    portal: &P,
    mut step: impl FnMut(usize),
) -> Result<Vec<Difference>, SurveyError> {
    let mut found = Vec::new();
    let mut after = OrderKey::default();
    loop {
        let orders = sync.orders_with_deals(name, &after, STEP).await?;
        let Some(last) = orders.last() else {
            return Ok(found);
        };
        after = OrderKey::new(&last.shop, &last.number);
        let mut seen = BTreeMap::new();
        let mut left = vec![&*orders];
        while let Some(part) = left.pop() {
            let read = bug::caught_in(look(portal, part)).await;
            match read {
                Ok(read) => seen.extend(read?),
                Err(bug) if part.len() < 2 => {
                    tracing::error!(place = bug.place, "a panic over one order's deal");
                    found.extend(part.iter().map(OrderWithDeal::unread));
                }
                Err(_) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
        step(orders.len());
        found.extend(orders.iter().filter_map(|order| order.difference(&seen)));
    }
}

/// What the portal shows of these orders' deals.
async fn look<P: PortalClient>(
    portal: &P,
    orders: &[OrderWithDeal],
) -> Result<BTreeMap<u64, Option<DealState>>, SurveyError> {
    let mut glance = DealScan::read(&ScanRequest {
        history: History::Skip,
        deals: orders.iter().map(|order| order.deal).collect(),
        moves_of: Vec::new(),
        ask_who: false,
    });
    while let Some(call) = glance.next_call() {
        let commands: Vec<_> = call.commands.iter().map(wave_runner::command).collect();
        let answer = portal.batch(&commands, Priority::Reconcile).await;
        let answer = answer.map_err(|failure| SurveyError::Portal(Box::new(failure)))?;
        glance.answer(&call, wave_runner::answer(answer));
    }
    Ok(glance.finish().deals)
}
