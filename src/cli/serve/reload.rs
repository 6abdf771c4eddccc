//! Settings are read again without a restart: at SIGHUP, and for `b24-bridge reload`.
//!
//! A file that is faulty changes nothing. Lanes whose settings are the same go on, and let the
//! older ones go between two turns; new requests are answered by the newer settings; what cannot be
//! changed in flight is told.

use super::{
    addresses::{Addresses, Answering},
    applications::Changed,
    lanes::Clients,
};
use crate::{
    app::{App, ReloadAnswer},
    cli::setup::bootstrap,
    clients::{bitrix24::Client, connections::Connections},
    config::{Config, Renewed},
    domain::PortalName,
    worker::{
        self,
        portal_access::{self, AppPortal},
    },
};
use anyhow::Context as _;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::{
    signal::unix::Signal,
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a person asks for it.
const POLL: Duration = Duration::from_secs(1);

/// What newer settings take the place of.
pub(super) struct Reloader {
    pub(super) config: Arc<Config>,
    pub(super) app: App,
    pub(super) connections: Connections,
    pub(super) clients: BTreeMap<PortalName, Client>,
    pub(super) settings: worker::Settings,
    pub(super) addresses: Addresses,
    /// To the worker; none in a process without lanes.
    pub(super) reloads: Option<mpsc::Sender<worker::Reload<Client>>>,
    /// To what looks after applications.
    pub(super) access: Option<mpsc::Sender<Changed>>,
    /// When it last said that this process answers.
    pub(super) said: Option<Instant>,
}

impl Reloader {
    /// Reads the settings again whenever asked, until told to stop. `seen` was asked before this
    /// process read its settings.
    pub(super) async fn keep(
        mut self,
        mut hangups: Signal,
        mut seen: i64,
        stop: CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.leave().await,
                Some(()) = hangups.recv() => {
                    self.reload().await;
                }
                () = tokio::time::sleep(POLL) => self.look(&mut seen).await,
            }
        }
    }

    /// This process answers no more; who asks need not wait for it.
    async fn leave(&self) {
        // What is not taken back runs out by itself.
        let _ = self.app.lanes.leave(&self.settings.owner).await;
    }

    /// Looks whether somebody asks, and answers.
    async fn look(&mut self, seen: &mut i64) {
        let operations = Arc::clone(&self.app.operations);
        if self
            .said
            .is_none_or(|at| at.elapsed() > self.settings.lease / 3)
        {
            self.say().await;
        }
        // What is not known now is known at the next look.
        let Ok(last) = operations.last_reload().await else {
            return;
        };
        if last <= *seen {
            return;
        }
        *seen = last;
        self.say().await;
        let answer = self.reload().await;
        if let Err(error) = operations.answer_reload(last, &answer).await {
            tracing::warn!(error = %error.chain(), "who asked for a reload cannot be told of it");
        }
    }

    /// Says that this process answers: for as long as a lane may take to end, and a while.
    pub(super) async fn say(&mut self) {
        let most = self.settings.lease + self.settings.grace;
        let operations = &self.app.operations;
        let said = operations.answers(&self.settings.owner, most.as_secs_f64());
        self.said = said.await.is_ok().then(Instant::now);
    }

    /// Reads the settings again, and says what came of it; also in the log.
    async fn reload(&mut self) -> ReloadAnswer {
        let done = self.renew().await;
        let (failed, lines) = match done {
            Ok(lines) => {
                for line in &lines {
                    tracing::info!(%line, "settings were read again");
                }
                (false, lines)
            }
            Err(error) => {
                let lines: Vec<String> = error.chain().map(ToString::to_string).collect();
                let why = lines.join(": ");
                tracing::error!(%why, "newer settings are not used: the old ones go on");
                (true, lines)
            }
        };
        ReloadAnswer {
            owner: self.settings.owner.clone(),
            failed,
            lines,
        }
    }

    async fn renew(&mut self) -> anyhow::Result<Vec<String>> {
        let file = self.config.file.clone();
        let read = tokio::task::spawn_blocking(move || {
            Config::load(file.as_deref(), Path::new("."), std::env::vars())
        });
        let newer = read.await?.with_context(|| match &self.config.file {
            Some(file) => file.display().to_string(),
            None => "settings".to_owned(),
        })?;
        let Renewed {
            config,
            changes,
            after_restart,
        } = self.config.renewed(newer)?;
        let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        if changes.is_empty() {
            lines.push("nothing is different that can be changed without a restart".to_owned());
        } else {
            lines.extend(self.take_up(config).await?);
        }
        let restart = after_restart
            .iter()
            .map(|change| format!("`{}`: needs a restart of `b24-bridge serve`", change.key()));
        lines.extend(restart);
        Ok(lines)
    }

    /// Lets newer settings take the place of the old ones. Everything that can fail comes first.
    async fn take_up(&mut self, config: Config) -> anyhow::Result<Vec<String>> {
        let config = Arc::new(config);
        let app = bootstrap::renewed(&self.app, &config);
        if let Some(problem) = app.onec.check_onec_bases().await?.into_iter().next() {
            anyhow::bail!("`{}`: {}", problem.key, problem.sentence);
        }
        let (before, now) = (self.config.of_portals(), config.of_portals());
        let same = |name: &PortalName| before.get(name).is_some_and(|of| now.get(name) == Some(of));
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .clients
            .clone()
            .into_iter()
            .partition(|(name, _)| same(name));
        let drives = self.reloads.is_some();
        let clients = Clients::new(&config, &app, &self.connections, kept, drives)?;
        let lanes = clients.lanes(&config, &self.connections)?;
        let by = Answering {
            asked: clients.probe(&config, &app, &self.connections),
            app: app.clone(),
            config: Arc::clone(&config),
        };
        let again = |name: &PortalName| {
            let mut reached = clients.reached.iter();
            reached.any(|one| one.tokens.portal() == name)
        };
        let gone = gone.into_keys().filter(|name| !again(name)).collect();
        // The last that can fail: what is stored of stock holds for all processes.
        if let Err(refused) = app.stock.configure_stocks().await? {
            anyhow::bail!("{refused}");
        }
        self.addresses.replace(&by);
        (self.config, self.app, self.clients) = (config, app, clients.portals);
        let mut lines = Vec::new();
        if let Some(reloads) = &self.reloads {
            let settings = worker::Settings {
                doubt: self.config.lands_within(),
                ..self.settings.clone()
            };
            let (done, told) = oneshot::channel();
            let reload = worker::Reload {
                app: self.app.clone(),
                lanes,
                settings: settings.clone(),
                done,
            };
            self.settings = settings;
            reloads
                .send(reload)
                .await
                .ok()
                .context("the worker has ended")?;
            let told = told.await.context("the worker has ended")?;
            lines.push(format!(
                "lanes: {} begun, {} ended, {} went on undisturbed",
                told.begun, told.ended, told.undisturbed
            ));
        }
        self.look_after(gone, clients.reached).await;
        Ok(lines)
    }

    /// Has the applications of these portals looked after, and those no more.
    pub(super) async fn look_after(&self, gone: Vec<PortalName>, reached: Vec<AppPortal>) {
        let Some(access) = &self.access else { return };
        let options = portal_access::Options {
            owner: self.settings.owner.clone(),
            poll: self.settings.poll,
            public_url: self.config.http.public_url.clone(),
            store: Some(portal_access::Store::inbox(&self.app.sync)),
            ..portal_access::Options::default()
        };
        let changed = Changed {
            app: self.app.clone(),
            options,
            gone,
            reached,
        };
        // Only a process that ends does not listen.
        let _ = access.send(changed).await;
    }
}
