//! The watch over idle lanes: one look for all of them finds what is due of which nobody woke them.
//!
//! A lane that has nothing to do rests until something of its own is due, or it is woken. Whoever
//! brings work wakes it, by NOTIFY from another process; a NOTIFY can be lost, and what a clock
//! makes due wakes nobody. This watch looks every poll, so that no lane has to: after a thousand
//! lanes at a time, so that it costs no more for ten thousand, which it has seen after ten polls.

use super::{
    Lanes,
    lanes::{leases::Leases, restarts::Restarts},
};
use crate::app::{self, LaneWaker, Registry, lane_of, onec_lane_of, permit_wake_name};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The most lanes of one kind that are looked after at a poll.
const AT_ONCE: usize = 1_000;

/// The lanes that are watched, while this process holds them.
#[derive(Debug, Clone, Default)]
pub(super) struct WatchedLanes {
    /// Every portal with each of its shops.
    portals: Vec<(String, String)>,
    /// Every shop that is called, with its lane.
    shops: Vec<(String, String)>,
    /// Every 1C base that orders are pushed to, with each of its shops.
    bases: Vec<(String, String)>,
}

impl WatchedLanes {
    pub(super) fn new<P>(registry: &Registry, lanes: &Lanes<P>) -> Self {
        let portals = lanes.portals.keys().flat_map(|portal| {
            let shops = registry.shops_of(portal.as_str()).into_iter();
            shops.map(|shop| (portal.as_str().to_owned(), shop))
        });
        let shops = lanes.callbacks.keys();
        let shops = shops.map(|shop| (shop.as_str().to_owned(), lane_of(shop.as_str())));
        let bases = lanes.pushes.keys().flat_map(|base| {
            let shops = registry.shops_of_base(base).into_iter();
            shops.map(|shop| (base.to_string(), shop))
        });
        Self {
            portals: portals.collect(),
            shops: shops.collect(),
            bases: bases.collect(),
        }
    }
}

/// Watches until told to stop.
pub(super) async fn keep(
    (due, waker, poll): (Arc<app::Lanes>, LaneWaker, Duration),
    (lanes, leases): (WatchedLanes, Arc<Leases>),
    turns: Restarts,
    stop: CancellationToken,
) {
    for nth in 0_usize.. {
        if stop.is_cancelled() {
            return;
        }
        match wake_due(&due, &waker, &lanes.nth(nth, &leases)).await {
            Ok(()) => turns.went_well().await,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "which lanes have work is not known; they look in a while");
                turns.failed(&error).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(poll)).await;
    }
}

impl WatchedLanes {
    /// Those of the held lanes that are looked after at this poll.
    fn nth(&self, nth: usize, leases: &Leases) -> Self {
        let base = |one: &(String, String)| leases.holds(&onec_lane_of(&one.0));
        Self {
            portals: some(&self.portals, nth, |one| leases.holds(&one.0)),
            shops: some(&self.shops, nth, |one| leases.holds(&one.1)),
            bases: some(&self.bases, nth, base),
        }
    }
}

/// The nth part of all, in turn: all of them if they are few.
fn some<T: Clone>(all: &[T], nth: usize, holds: impl Fn(&T) -> bool) -> Vec<T> {
    let parts = all.len().div_ceil(AT_ONCE).max(1);
    let part = all.chunks(AT_ONCE).nth(nth % parts).unwrap_or_default();
    part.iter().filter(|one| holds(one)).cloned().collect()
}

async fn wake_due(
    due: &app::Lanes,
    waker: &LaneWaker,
    lanes: &WatchedLanes,
) -> Result<(), app::Error> {
    let wake = |lane: &str| waker.subscribe(lane).notify_one();
    if !lanes.portals.is_empty() {
        for portal in due.due_portals(&lanes.portals).await? {
            wake(&portal);
        }
    }
    if !lanes.shops.is_empty() {
        let shops: Vec<String> = lanes.shops.iter().map(|(shop, _)| shop.clone()).collect();
        for shop in due.due_shops(&shops).await? {
            wake(&lane_of(&shop));
        }
    }
    if !lanes.bases.is_empty() {
        for base in due.due_bases(&lanes.bases).await? {
            wake(&onec_lane_of(&base));
        }
    }
    for portal in due.asked_for_places().await? {
        wake(&permit_wake_name(&portal));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_looked_after_in_turn_and_few_are_every_time() {
        let few: Vec<usize> = (0..AT_ONCE).collect();
        assert_eq!(some(&few, 0, |_| true), few);
        assert_eq!(some(&few, 7, |_| true), few);
        let many: Vec<usize> = (0..=2 * AT_ONCE).collect();
        let parts: Vec<_> = (3..6).map(|nth| some(&many, nth, |_| true)).collect();
        assert!(parts.iter().all(|part| part.len() <= AT_ONCE));
        assert_eq!(parts.concat(), many);
        assert_eq!(some(&many, 2, |one| *one == 1), Vec::<usize>::new());
        assert_eq!(some(&[0; 0], 1, |_| true), Vec::<usize>::new());
    }
}
