//! The servers at the addresses of this process, and how newer settings take their place.

use crate::{
    app::App, cli::portals::queries::PortalProbe, config::Config, console, http,
    process::doors::Room,
};
use anyhow::Context as _;
use axum::Router;
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How often it is counted how many connections were refused.
const COUNTED: Duration = Duration::from_secs(1);

/// What answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The API and the console.
    Full,
    /// Health and meters alone.
    Watch,
}

/// What answers is made of these.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) app: App,
    pub(super) config: Arc<Config>,
    pub(super) asked: Arc<PortalProbe>,
}

impl Answering {
    fn router(&self, kind: Kind, ready: watch::Receiver<bool>) -> Router {
        let state = http::State {
            app: self.app.clone(),
            config: Arc::clone(&self.config),
            ready: ready.clone(),
        };
        match kind {
            Kind::Watch => http::watch_router(state),
            Kind::Full => {
                let (app, config) = (self.app.clone(), Arc::clone(&self.config));
                let asked: Arc<dyn console::Portals> = self.asked.clone();
                let console = console::State::new(app, config, ready, asked);
                http::router(state).merge(console::router(console))
            }
        }
    }
}

/// All addresses of this process.
#[derive(Default)]
pub(super) struct Addresses(Vec<Address>);

struct Address {
    kind: Kind,
    ready: watch::Receiver<bool>,
    router: http::ReplaceableRouter,
}

impl Addresses {
    /// From now on requests are answered by these; those under way end as they began.
    pub(super) fn replace(&self, by: &Answering) {
        for one in &self.0 {
            one.router.replace(by.router(one.kind, one.ready.clone()));
        }
    }

    fn add(&mut self, kind: Kind, by: &Answering, ready: watch::Receiver<bool>) -> Router {
        let router = http::ReplaceableRouter::new(by.router(kind, ready.clone()));
        let served = router.router();
        self.0.push(Address {
            kind,
            ready,
            router,
        });
        served
    }

    /// Answers requests until some time after the stop. Readiness ends first: whoever routes
    /// requests sees it while they are still taken.
    pub(super) fn listen(
        &mut self,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        (listener, kind): (TcpListener, Kind),
        by: &Answering,
        stop: &CancellationToken,
    ) {
        let (ready, is_ready) = watch::channel(true);
        let router = self.add(kind, by, is_ready);
        let bounds = &by.config.http;
        let room = Room::new(bounds.room()).behind(bounds.proxies());
        let room = Arc::new(room.with_connections(bounds.connections_per_source));
        let (counted, meters) = (Arc::downgrade(&room), by.app.clone());
        tokio::spawn(async move {
            while let Some(room) = counted.upgrade() {
                meters.metrics().connections_refused(room.refused());
                drop(room);
                tokio::time::sleep(COUNTED).await;
            }
        });
        let close = CancellationToken::new();
        let (asked, told) = (stop.clone(), close.clone());
        let drain = Duration::from_secs(bounds.drain_seconds);
        tasks.spawn(async move {
            asked.cancelled().await;
            let _ = ready.send(false);
            tokio::time::sleep(drain).await;
            close.cancel();
            Ok(())
        });
        tasks.spawn(async move {
            http::serve_within(listener, router, room, told)
                .await
                .context("answer requests")
        });
    }

    /// Answers meters and health on a listener of their own, until the end.
    pub(super) fn watch(
        &mut self,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        listener: TcpListener,
        by: &Answering,
        stop: &CancellationToken,
    ) {
        let (ready, is_ready) = watch::channel(true);
        let router = self.add(Kind::Watch, by, is_ready);
        let stop = stop.clone();
        tasks.spawn(async move {
            let served = http::serve(listener, router, stop).await;
            drop(ready);
            served.context("answer with meters")
        });
    }
}
