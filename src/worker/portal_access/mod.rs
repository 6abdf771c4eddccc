//! Applications at work: installations are judged, events are bound, the portal's queue of events
//! is drained.
//!
//! Owns: every call that has to do with an application's tokens and events, and the one way to
//! renew tokens ([`StoredTokens`]). Refuses: calls inside of a transaction, and calls to a portal
//! that is paused.
//!
//! Invariants: tokens are stored before they are used; a row of the portal's queue is cleared only
//! after it was stored; only the process that drives the portal's lane binds and drains, any
//! process may judge.
//!
//! A supervisor is no leased lane, on purpose: its two halves go by two different rules, and
//! neither needs a lease of its own. Installations are judged by every process, whichever drives
//! the portal: a grant is claimed row by row, and whoever installs waits for the outcome. Events
//! are bound and drained under the lease of the portal's lane, which another task holds; under a
//! second lease, another process could drain the queue of a portal that this one drives. So each
//! round asks who drives the lane. The rest of a lane's frame is shared: `Restarts` tells of a
//! round that ended by a panic, and it begins anew.

mod event_bindings;
mod grant_verification;
mod offline_events;
mod token_store;

use self::grant_verification::Wariness;
use super::lanes::restarts::Restarts;
use crate::{
    app::{self, APPLICATION, App, PortalAccess, PortalNotification, portal_access::PortalState},
    clients::bitrix24::{self, Class, Client},
    domain::PortalName,
    process::bug,
};
use std::{collections::BTreeSet, fmt, pin::Pin, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

pub use event_bindings::CONNECTOR;
pub use offline_events::OfflineEvent;
pub use token_store::StoredTokens;

/// How long a call in flight is waited for once told to stop: tokens may be on their way.
const GRACE: Duration = Duration::from_secs(10);
/// How long offers are judged in one go, before the rest is looked after.
const JUDGING: Duration = Duration::from_secs(5);
/// Most pages of the queue in one go.
const PAGES: usize = 40;

/// What stores notifications of the portal's queue; they are cleared there once it says that they
/// are stored.
#[derive(Clone)]
pub struct Store(pub Arc<dyn Fn(PortalName, Vec<OfflineEvent>) -> Storing + Send + Sync>);

/// What a [`Store`] does in the end.
pub type Storing = Pin<Box<dyn Future<Output = Result<(), app::Error>> + Send>>;

impl Store {
    /// Puts notifications into the inbox, as if they had come by themselves.
    pub fn inbox(sync: &Arc<app::Sync>) -> Self {
        let sync = Arc::clone(sync);
        Self(Arc::new(move |portal, items| {
            let sync = Arc::clone(&sync);
            Box::pin(async move {
                let of = |item: OfflineEvent| PortalNotification {
                    portal: portal.as_str().to_owned(),
                    event: item.event.replace('\0', "\u{fffd}"),
                    id: item.id.and_then(|id| i64::try_from(id).ok()),
                    body: item.row,
                    sent_at: None,
                };
                let all: Vec<_> = items.into_iter().map(of).collect();
                sync.receive_queued(portal.as_str(), all).await
            })
        }))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// How applications are looked after.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who drives the lanes of this process.
    pub owner: String,
    /// How often installations are looked for.
    pub poll: Duration,
    /// How often the portal's queue is drained.
    pub drain: Duration,
    /// How often it is checked that events are still bound.
    pub check: Duration,
    /// The address by which portals reach the bridge; without it no events are bound to it.
    pub public_url: Option<String>,
    /// Stores what the queue holds; without it the queue is not used.
    pub store: Option<Store>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: String::new(),
            poll: Duration::from_secs(2),
            drain: Duration::from_secs(15),
            check: Duration::from_hours(1),
            public_url: None,
            store: None,
        }
    }
}

/// A portal that is reached by an application.
#[derive(Debug, Clone)]
pub struct AppPortal {
    /// The tokens, as stored.
    pub tokens: StoredTokens,
    /// The client that uses them.
    pub client: Client,
}

/// Looks after these applications until told to stop. A round that ends by a panic is that
/// application's alone: people are told, and the next round begins anew.
pub async fn run(
    app: App,
    portals: Vec<AppPortal>,
    options: Options,
    stop: CancellationToken,
) -> Result<(), super::Error> {
    let (_, newest) = watch::channel((app, options));
    run_renewed(newest, portals, stop).await
}

/// The same by the newest use cases and options: between two rounds those of older settings are let
/// go.
pub async fn run_renewed(
    newest: watch::Receiver<(App, Options)>,
    portals: Vec<AppPortal>,
    stop: CancellationToken,
) -> Result<(), super::Error> {
    let mut tasks = JoinSet::new();
    for reached in portals {
        let lane = format!("{APPLICATION}{}", reached.tokens.portal());
        let mut newest = newest.clone();
        let (app, options) = newest.borrow_and_update().clone();
        let keeper = AppSupervisor {
            turns: Restarts::new(&app, &lane),
            app,
            reached,
            options,
            newest,
            wary: Wariness::default(),
            bound: None,
            probed: None,
            queue: false,
            drained: None,
            left_over: None,
        };
        tasks.spawn(keeper.run(stop.clone()));
    }
    let mut ended = Ok(());
    while let Some(done) = tasks.join_next().await {
        if let Err(error) = done {
            stop.cancel();
            ended = Err(error.into());
        }
    }
    stop.cancelled().await;
    ended
}

/// Judges what waits for a portal now; true if tokens were stored. For whoever waits for the
/// outcome.
pub async fn judge_now(access: &PortalAccess, reached: &AppPortal) -> Result<bool, app::Error> {
    let (mut stored, wary) = (false, Wariness::default());
    loop {
        let turn = grant_verification::next(access, reached, &wary).await?;
        stored |= turn.stored;
        if !turn.more {
            return Ok(stored);
        }
    }
}

/// Looks after one application.
struct AppSupervisor {
    turns: Restarts,
    app: App,
    reached: AppPortal,
    options: Options,
    newest: watch::Receiver<(App, Options)>,
    /// How it went with offers lately.
    wary: Wariness,
    /// For which installation events were bound, and when.
    bound: Option<(i64, Instant)>,
    /// When the portal was last asked to tell the token of its notifications.
    probed: Option<Instant>,
    queue: bool,
    drained: Option<Instant>,
    /// Reservations of the queue to read again; `None`: not looked for yet.
    left_over: Option<BTreeSet<String>>,
}

/// What went wrong in a round.
#[derive(Debug, thiserror::Error)]
enum AccessProblem {
    #[error(transparent)]
    App(#[from] app::Error),
    #[error(transparent)]
    Portal(#[from] bitrix24::Error),
}

impl AppSupervisor {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.renew();
            let told = stop.clone();
            let late = async move {
                told.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let round = tokio::select! {
                round = bug::caught_in(self.round()) => round,
                () = late => return,
            };
            let wait = match round {
                Ok(Ok(())) => {
                    self.turns.went_well().await;
                    self.options.poll
                }
                Err(bug) => {
                    let (portal, place) = (self.name(), &*bug.place);
                    tracing::error!(
                        %portal, place,
                        "looking after the application ended by a panic"
                    );
                    self.app.metrics().restarted(&self.lane());
                    self.turns.broke(&bug.to_string()).await;
                    self.options.poll * 5
                }
                Ok(Err(trouble)) => {
                    let quiet = matches!(
                        &trouble,
                        AccessProblem::Portal(error) if error.class() == Class::TokenExpired
                    );
                    if !quiet {
                        tracing::warn!(
                            portal = %self.name(), error = %trouble,
                            "the application cannot be looked after now"
                        );
                    }
                    self.options.poll * 5
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn renew(&mut self) {
        if self.newest.has_changed().unwrap_or_default() {
            (self.app, self.options) = self.newest.borrow_and_update().clone();
            self.reached.tokens.renew(&self.app.portal_access);
        }
    }

    fn name(&self) -> &PortalName {
        self.reached.tokens.portal()
    }

    /// Under which name people are told of what fails.
    fn lane(&self) -> String {
        format!("{APPLICATION}{}", self.name())
    }

    async fn round(&mut self) -> Result<(), AccessProblem> {
        let Some(mut state) = self.state().await? else {
            return Ok(());
        };
        if state.offers {
            self.judge().await?;
            // Tokens may have come by it.
            self.app.portal_access.forget_states().await;
            let Some(now) = self.state().await? else {
                return Ok(());
            };
            state = now;
        }
        if !state.driven {
            self.left_over = None;
            return Ok(());
        }
        let Some(installed) = state.installed_at.filter(|_| !state.refused) else {
            return Ok(());
        };
        let installed = installed.timestamp_micros();
        let fresh = self
            .bound
            .is_some_and(|(known, at)| known == installed && at.elapsed() < self.options.check);
        let lately = |at: Instant| at.elapsed() < Duration::from_mins(5);
        let deaf = !state.hears && !self.probed.is_some_and(lately);
        // Also where a token is known: an application that was made anew has another.
        let asks_token = self.options.public_url.is_some() && (!fresh || deaf);
        let rests = fresh && !asks_token && !self.drains();
        // What was read a while ago allows no call by itself.
        if rests || !self.drives().await? {
            return Ok(());
        }
        if !fresh {
            self.bind().await?;
            self.bound = Some((installed, Instant::now()));
        }
        if asks_token {
            self.probed = Some(Instant::now());
            let secret = self
                .app
                .portal_access
                .probe_application_token(self.name())
                .await?;
            event_bindings::test(&self.reached.client, &secret).await?;
        }
        self.drain().await
    }

    /// How the portal stood a poll ago at the longest.
    async fn state(&self) -> Result<Option<PortalState>, app::Error> {
        let Options { owner, poll, .. } = &self.options;
        let access = &self.app.portal_access;
        access.state(self.name(), owner, *poll).await
    }

    /// All that wait, as far as it can be done at once: among what strangers offer may be the
    /// genuine one.
    async fn judge(&mut self) -> Result<(), app::Error> {
        let until = Instant::now() + JUDGING;
        while grant_verification::next(&self.app.portal_access, &self.reached, &self.wary)
            .await?
            .more
        {
            if Instant::now() > until {
                break;
            }
        }
        Ok(())
    }

    /// Whether this process drives the portal's lane, and nothing holds the lane back.
    async fn drives(&self) -> Result<bool, app::Error> {
        let lane = self.app.lanes.row(self.name().as_str()).await?;
        Ok(lane.is_some_and(|lane| {
            lane.owner.as_deref() == Some(&*self.options.owner) && lane.paused_at.is_none()
        }))
    }

    async fn bind(&mut self) -> Result<(), AccessProblem> {
        let client = &self.reached.client;
        self.queue = self.options.store.is_some()
            && event_bindings::has(client, "rest_offline_extended").await?
            && event_bindings::has(client, "rest_auth_connector").await?;
        let path = format!("webhooks/bitrix24/{}", self.name());
        let handler = self
            .options
            .public_url
            .as_ref()
            .map(|url| format!("{}/{path}", url.trim_end_matches('/')));
        let shops = self.app.registry().shops.values();
        let leads = shops
            .filter(|rules| rules.portal == *self.name())
            .any(|rules| !rules.leads.is_empty());
        let wanted = event_bindings::WantedBinding {
            handler,
            leads,
            queue: self.queue,
        };
        let bound = event_bindings::bind(client, &wanted).await?;
        if bound > 0 {
            tracing::info!(portal = %self.name(), bound, "events were bound");
        }
        Ok(())
    }

    /// Whether the portal's queue is to be read.
    fn drains(&self) -> bool {
        let lately = |at: Instant| at.elapsed() < self.options.drain;
        self.queue && self.options.store.is_some() && !self.drained.is_some_and(lately)
    }

    async fn drain(&mut self) -> Result<(), AccessProblem> {
        let Some(store) = self.options.store.clone().filter(|_| self.drains()) else {
            return Ok(());
        };
        let client = self.reached.client.clone();
        let mut again = match self.left_over.take() {
            Some(again) => again,
            None => offline_events::left_over(&client).await?,
        };
        let mut pages = 0;
        while let Some(process) = again.pop_first() {
            while pages < PAGES
                && let Some(packet) = offline_events::read(&client, Some(&process)).await?
            {
                pages += 1;
                self.keep(&store, &packet).await?;
            }
        }
        while pages < PAGES
            && let Some(packet) = offline_events::read(&client, None).await?
        {
            pages += 1;
            self.keep(&store, &packet).await?;
        }
        self.left_over = Some(again);
        self.drained = (pages < PAGES).then(Instant::now);
        Ok(())
    }

    /// Stores first, clears then. Where either fails the reservation is found again and read again:
    /// better twice than never.
    async fn keep(
        &self,
        store: &Store,
        packet: &offline_events::Packet,
    ) -> Result<(), AccessProblem> {
        (store.0)(self.name().clone(), packet.items.clone()).await?;
        offline_events::clear(&self.reached.client, packet).await?;
        Ok(())
    }
}
