//! A bridge at work in this process.

use super::{
    Role,
    addresses::{Addresses, Answering, Kind},
    applications,
    lanes::Clients,
    reload::Reloader,
    settings,
};
use crate::{
    app::App,
    cli::{ports, setup::bootstrap},
    clients::{bitrix24, connections::Connections},
    config::Config,
    domain::PortalName,
    worker,
};
use anyhow::Context as _;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use tokio::{signal::unix::Signal, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// A bridge at work in this process.
pub(in crate::cli) struct Running {
    /// Where the API listens.
    pub(in crate::cli) address: Option<SocketAddr>,
    pub(in crate::cli) app: App,
    tasks: JoinSet<anyhow::Result<()>>,
    reloader: Option<Reloader>,
    stop: CancellationToken,
}

impl Running {
    pub(in crate::cli) async fn start(
        config: Arc<Config>,
        pool: sqlx::PgPool,
        clients: BTreeMap<PortalName, bitrix24::Client>,
        connections: Connections,
        role: Role,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let app = bootstrap::app(&config, pool);
        if let Some(problem) = app.onec.check_onec_bases().await?.into_iter().next() {
            anyhow::bail!("BRIDGE-CONFIG: `{}`: {}", problem.key, problem.sentence);
        }
        if let Err(refused) = app
            .stock
            .configure_stocks()
            .await
            .context("store what is configured of stock")?
        {
            anyhow::bail!("BRIDGE-CONFIG: {refused}");
        }
        let mut tasks = JoinSet::new();
        let clients = Clients::new(&config, &app, &connections, clients, role != Role::Api)?;
        let by = Answering {
            asked: clients.probe(&config, &app, &connections),
            app: app.clone(),
            config: Arc::clone(&config),
        };
        let (addresses, address) = listen(&mut tasks, &by, role, &stop).await?;
        let settings = settings(&config);
        let (mut reloads, mut access) = (None, None);
        if role != Role::Api {
            let lanes = clients.lanes(&config, &connections)?;
            let (sender, receiver) = mpsc::channel(1);
            reloads = Some(sender);
            let (app, told, settings) = (app.clone(), stop.clone(), settings.clone());
            tasks.spawn(async move {
                worker::run_reloaded(app, lanes, settings, receiver, told)
                    .await
                    .context("run the worker")
            });
            let (sender, receiver) = mpsc::channel(1);
            tasks.spawn(applications::look_after(receiver, stop.clone()));
            access = Some(sender);
        }
        let reloader = Reloader {
            config,
            app: app.clone(),
            connections,
            clients: clients.portals,
            settings,
            addresses,
            reloads,
            access,
            said: None,
        };
        reloader.look_after(Vec::new(), clients.reached).await;
        Ok(Self {
            address,
            app,
            tasks,
            reloader: Some(reloader),
            stop,
        })
    }

    /// Reads the settings again at a hang-up, and when a person asks for it.
    pub(super) async fn reload_when_asked(&mut self, hangups: Signal) -> anyhow::Result<()> {
        let seen = self.app.operations.earlier_reload().await?;
        if let Some(mut reloader) = self.reloader.take() {
            reloader.say().await;
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                reloader.keep(hangups, seen, stop).await;
                Ok(())
            });
        }
        Ok(())
    }

    /// Waits until all is stopped. A task that ends by itself, or with an error, ends the others.
    pub(in crate::cli) async fn ended(mut self) -> anyhow::Result<()> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let asked = self.stop.is_cancelled();
            self.stop.cancel();
            let ended = ended.map_err(anyhow::Error::from).and_then(|done| done);
            if first.is_ok() {
                first = match ended {
                    Ok(()) if !asked => {
                        Err(anyhow::anyhow!("a part of the bridge ended by itself"))
                    }
                    other => other,
                };
            }
        }
        first
    }
}

/// Listens on the addresses of the settings; returns where the API is.
async fn listen(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    by: &Answering,
    role: Role,
    stop: &CancellationToken,
) -> anyhow::Result<(Addresses, Option<SocketAddr>)> {
    let http = &by.config.http;
    let (place, key, kind) = match role {
        Role::Worker => (http.watch_listen, "[http] watch_listen", Kind::Watch),
        Role::Api | Role::All => (Some(http.listen), "[http] listen", Kind::Full),
    };
    let (mut addresses, mut address) = (Addresses::default(), None);
    if let Some(place) = place {
        let listener = ports::listen(place, key).await?;
        address = Some(listener.local_addr()?);
        addresses.listen(tasks, (listener, kind), by, stop);
    }
    if let Some(place) = http.metrics_listen {
        let listener = ports::listen(place, "[http] metrics_listen").await?;
        addresses.watch(tasks, listener, by, stop);
    }
    Ok((addresses, address))
}
