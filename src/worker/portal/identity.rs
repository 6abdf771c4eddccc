//! The recognition of a portal: whether it is still the one that orders were brought to; orders are
//! found again if it is not.

use crate::{
    app::{self, Bisection, DeadLetters, Delivery},
    clients::bitrix24::{Blocked, Class, Priority},
    domain::{ErrorCode, OrderKey},
    planner::{Inquiry, Search, Verdict},
    process::bug::{self, Step},
    worker::{
        CallFailure, PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{send, unusable},
        },
    },
};
use std::time::Duration;
use tokio::time::Instant;

/// Orders that are looked up by their origin in one call: as many pages of deals as of leads.
const AT_ONCE: u32 = 1_250;

/// What a lane remembers of asking.
#[derive(Debug, Default)]
pub(in crate::worker) struct PortalRecognition {
    asked: Option<Instant>,
}

impl PortalRecognition {
    /// The portal is to be asked before anything else is sent to it.
    pub(in crate::worker) fn doubt(&mut self) {
        self.asked = None;
    }

    /// Asks who the portal is, if it is time: one call. Before it has told that once, nothing is
    /// sent that rests on ids.
    pub(in crate::worker) async fn ask<P: PortalClient>(
        &mut self,
        delivery: &Delivery,
        portal: &P,
        held: &HeldLease,
        every: Duration,
    ) -> Result<Option<CallFailure>, app::Error> {
        if self.asked.is_some_and(|asked| asked.elapsed() < every) {
            return Ok(None);
        }
        let first = self.asked.is_none();
        let (remembered, address) = delivery.remembered(held.portal(), portal.address()).await?;
        if remembered.witnesses.is_empty() && remembered.address == address {
            self.asked = Some(Instant::now());
            return Ok(None);
        }
        match inquire(delivery, portal, held).await? {
            Err(failure) if first || failure.code == ErrorCode::Rights => {
                self.asked = None;
                return Ok(Some(failure));
            }
            // What else failed, what is sent next meets, too.
            Ok(_) | Err(_) => {}
        }
        self.asked = Some(Instant::now());
        Ok(None)
    }
}

/// Asks who the portal is, and puts it on record: one call. `None` where it does not tell; a
/// failure where it was not asked, or where it hides from the bridge what the bridge made.
pub(in crate::worker) async fn inquire<P: PortalClient>(
    delivery: &Delivery,
    portal: &P,
    held: &HeldLease,
) -> Result<Result<Option<Verdict>, CallFailure>, app::Error> {
    let (remembered, address) = delivery.remembered(held.portal(), portal.address()).await?;
    let mut inquiry = Inquiry::new(&remembered);
    let call = inquiry.call();
    match send(portal, held, &call, Priority::Reconcile, None).await {
        Ok(answer) => inquiry.answer(answer),
        Err(failure) => return Ok(Err(failure)),
    }
    let address = address.as_deref();
    let Some(mut verdict) = inquiry.verdict(address) else {
        return Ok(Ok(None));
    };
    // 0 where the portal does not tell its history: whatever is told later is above.
    let newest = inquiry.newest().unwrap_or(0);
    let deleted = inquiry.deleted();
    if verdict == Verdict::WentBack && !deleted.is_empty() {
        let ends = delivery.ends_for_deleted(held.portal(), newest, &deleted);
        if ends.await? {
            verdict = Verdict::Same;
        }
    }
    if verdict == Verdict::Hidden {
        return Ok(Err(hidden(remembered.witnesses.len())));
    }
    delivery
        .recognise(held.lease(), address, verdict, newest)
        .await?;
    Ok(Ok(Some(verdict)))
}

/// The bridge sees nothing of what it made: as if the portal refused every call.
fn hidden(deals: usize) -> CallFailure {
    CallFailure {
        class: Class::Blocked(Blocked::Rights),
        code: ErrorCode::Rights,
        message: format!(
            "the portal shows none of {deals} deals that the bridge made, and its user is no \
             administrator: he may no longer see them"
        ),
        maybe_executed: false,
    }
}

/// Looks up by their origin some of the orders whose link was let go; whether there were any. An
/// order at which the bridge fails gets a letter of its own, and the others are found.
pub(in crate::worker) async fn find_again<P: PortalClient>(
    (delivery, dead_letters): (&Delivery, &DeadLetters),
    portal: &P,
    held: &HeldLease,
) -> Result<bool, app::Error> {
    let orders = delivery.unverified(held.lease(), AT_ONCE).await?;
    if orders.is_empty() {
        return Ok(false);
    }
    let mut any = false;
    let mut parts = Bisection::of(orders);
    while let Some(part) = parts.next() {
        let found = find_some(delivery, portal, held, part.clone());
        let found = bug::caught_in(Box::pin(found)).await;
        match found.unwrap_or_else(|bug| Err(bug.into())) {
            Ok(Some(found)) => any |= found,
            Ok(None) => return Ok(false),
            Err(error) if error.is_of_the_row() => {
                if let Some(order) = parts.failed(part) {
                    dead_letters
                        .dead_letter_search(held.lease(), &order, &error.chain())
                        .await?;
                    any = true;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(any)
}

/// Looks some of them up; whether any could be looked up, `None` if the lease does not allow to
/// ask.
async fn find_some<P: PortalClient>(
    delivery: &Delivery,
    portal: &P,
    held: &HeldLease,
    orders: Vec<OrderKey>,
) -> Result<Option<bool>, app::Error> {
    for order in &orders {
        delivery.step(Step::Find, &order.number);
    }
    let mut search = Search::new(orders);
    while let Some(call) = search.next_call() {
        if !held.may_send() {
            return Ok(None);
        }
        match send(portal, held, &call, Priority::Reconcile, None).await {
            Ok(answer) => search.answer(&call, answer),
            Err(fault) => search.answer(&call, unusable(&fault)),
        }
    }
    let found = search.finish();
    delivery.found_again(held.lease(), &found).await?;
    Ok(Some(!found.is_empty()))
}
