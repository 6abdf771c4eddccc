//! Applications are looked after: each by a task of its own, which newer settings can end.

use crate::{
    app::App,
    domain::PortalName,
    worker::portal_access::{self, AppPortal, Options},
};
use anyhow::Context as _;
use std::collections::BTreeMap;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What newer settings change for the applications.
pub(super) struct Changed {
    pub(super) app: App,
    pub(super) options: Options,
    /// Portals that are not looked after any more.
    pub(super) gone: Vec<PortalName>,
    /// Portals that are looked after from now on, or in another way.
    pub(super) reached: Vec<AppPortal>,
}

/// Who looks after a portal.
struct Keeper {
    stop: CancellationToken,
    running: TaskTracker,
}

/// Looks after what it is told of, until told to stop.
pub(super) async fn look_after(
    mut changes: mpsc::Receiver<Changed>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let mut keepers: BTreeMap<PortalName, Keeper> = BTreeMap::new();
    let mut newest: Option<watch::Sender<(App, Options)>> = None;
    loop {
        tokio::select! {
            Some(ended) = tasks.join_next() => {
                let ended: Result<(), crate::worker::Error> = ended?;
                ended.context("look after applications")?;
            }
            () = stop.cancelled(), if tasks.is_empty() => return Ok(()),
            Some(changed) = changes.recv() => {
                for portal in &changed.gone {
                    if let Some(keeper) = keepers.remove(portal) {
                        keeper.stop.cancel();
                    }
                }
                let by = (changed.app, changed.options);
                let newest = newest.get_or_insert_with(|| watch::Sender::new(by.clone()));
                newest.send_replace(by);
                for one in changed.reached {
                    let portal = one.tokens.portal().clone();
                    let own = Keeper { stop: stop.child_token(), running: TaskTracker::new() };
                    let by = newest.subscribe();
                    let (until, running) = (own.stop.clone(), own.running.clone());
                    let earlier = keepers.insert(portal, own);
                    tasks.spawn(running.track_future(async move {
                        if let Some(earlier) = earlier {
                            earlier.stop.cancel();
                            earlier.running.close();
                            earlier.running.wait().await;
                        }
                        portal_access::run_renewed(by, vec![one], until).await
                    }));
                }
            }
        }
    }
}
