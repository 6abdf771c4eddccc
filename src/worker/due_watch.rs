//! The watch over idle lanes: one look for all of them finds what is due of which nobody woke them.
//!
//! A lane that has nothing to do rests until something of its own is due, or it is woken. Whoever
//! brings work wakes it, by NOTIFY from another process; a NOTIFY can be lost, and what a clock
//! makes due wakes nobody. This watch looks every poll, so that no lane has to.

use super::{
    Lanes, Settings,
    lanes::{leases::Leases, restarts::Restarts},
};
use crate::app::{self, App, lane_of, onec_lane_of, permit_wake_name};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// The most lanes of one statement.
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
    pub(super) fn new<P>(app: &App, lanes: &Lanes<P>) -> Self {
        let portals = lanes.portals.keys().flat_map(|portal| {
            let shops = app.registry().shops_of(portal.as_str()).into_iter();
            shops.map(|shop| (portal.as_str().to_owned(), shop))
        });
        let shops = lanes.callbacks.keys();
        let shops = shops.map(|shop| (shop.as_str().to_owned(), lane_of(shop.as_str())));
        let bases = lanes.pushes.keys().flat_map(|base| {
            let shops = app.registry().shops_of_base(base).into_iter();
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
    (app, settings): (App, Settings),
    (lanes, leases): (WatchedLanes, Leases),
    turns: Restarts,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        match wake_due(&app, &lanes, &leases.lanes()).await {
            Ok(()) => turns.went_well().await,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "which lanes have work is not known; they look in a while");
                turns.failed(&error).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(settings.poll))
            .await;
    }
}

async fn wake_due(
    app: &App,
    lanes: &WatchedLanes,
    held: &BTreeSet<String>,
) -> Result<(), app::Error> {
    let wake = |lane: &str| app.waker().subscribe(lane).notify_one();
    let portals = lanes.portals.iter();
    let portals: Vec<_> = portals
        .filter(|one| held.contains(&one.0))
        .cloned()
        .collect();
    for some in portals.chunks(AT_ONCE) {
        for portal in app.lanes.due_portals(some).await? {
            wake(&portal);
        }
    }
    let shops = lanes.shops.iter();
    let shops = shops.filter(|(_, lane)| held.contains(lane));
    let shops: Vec<String> = shops.map(|(shop, _)| shop.clone()).collect();
    for some in shops.chunks(AT_ONCE) {
        for shop in app.lanes.due_shops(some).await? {
            wake(&lane_of(&shop));
        }
    }
    let bases = lanes.bases.iter();
    let bases: Vec<_> = bases
        .filter(|(base, _)| held.contains(&onec_lane_of(base)))
        .cloned()
        .collect();
    for some in bases.chunks(AT_ONCE) {
        for base in app.lanes.due_bases(some).await? {
            wake(&onec_lane_of(&base));
        }
    }
    for portal in app.lanes.asked_for_places().await? {
        wake(&permit_wake_name(&portal));
    }
    Ok(())
}
