//! The console: where people see what is wrong and mend it.
//!
//! Owns: pages at `/console`, rendered here and complete without scripts; who is signed in; the
//! words in English and Russian. Refuses: rules of its own about orders; every act is a use case
//! that the API and the command line have, too.
//!
//! Invariants: text from outside is only ever text (the templates escape, and the policy forbids
//! inline scripts and styles); nothing is changed by a GET, nor by a POST without the session's
//! token, nor by a viewer; no secret is on any page; every act is on record under the name of the
//! person.
//!
//! To add a page:
//! 1. A file in the folder of its feature: the handler takes the handles (`handles!` below), the
//!    `Viewer` and the query, and returns `layout::page`. `audit` is a short example.
//! 2. Its route in `routes`; for the menu a variant of `Section` and a row of `MENU`.
//! 3. Its words in `i18n::messages`, in both languages, or beside the page.
//! 4. An act is a POST that takes `OperatorForm`, which checks the token and the role; the use case
//!    puts it on record.
//! 5. It reads the database once or twice, and bounds what it lists.
//! 6. Put it among `PAGES` of `tests/it/operators/console/access.rs`; test the act beside that.

mod audit;
mod catalogue;
mod conflicts;
mod dead_letters;
mod forms;
mod i18n;
mod onec;
mod orders;
mod overview;
mod portals;
mod routes;
mod session;
mod stock;
mod ui;
mod words;

use crate::{
    app::{App, Registry, status_map::ReportedFinding},
    config::Config,
    domain::{PortalName, ShopRules},
};
use axum::extract::FromRef;
use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};
use tokio::sync::watch;

pub use routes::router;

/// What pages take their handles from: none takes the whole. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    /// The handles of all use cases.
    pub app: App,
    /// The settings: people, portals, bounds.
    pub config: Arc<Config>,
    /// Whether this process takes requests: live updates end when it does not.
    pub ready: watch::Receiver<bool>,
    /// What can be asked of the portals themselves.
    pub portals: Arc<dyn Portals>,
    throttle: Arc<crate::auth::LoginThrottle>,
    looks: Arc<overview::cache::OverviewCache>,
}

macro_rules! handles {
    ($($handle:ident = $field:ident),* $(,)?) => {$(
        impl FromRef<State> for crate::app::$handle {
            fn from_ref(state: &State) -> Self {
                Self::clone(&state.app.$field)
            }
        }
    )*};
}

handles! {
    Delivery = delivery, Sync = sync, DeadLetters = dead_letters, Operations = operations,
    PortalAccess = portal_access, Stock = stock, Onec = onec, Forms = forms, Catalogue = catalogue
}

/// Whether this process takes requests: live updates end when it does not.
#[derive(Debug, Clone)]
struct Ready(watch::Receiver<bool>);

impl FromRef<State> for Ready {
    fn from_ref(state: &State) -> Self {
        Self(state.ready.clone())
    }
}

impl FromRef<State> for Arc<Config> {
    fn from_ref(state: &State) -> Self {
        Self::clone(&state.config)
    }
}

impl FromRef<State> for Arc<Registry> {
    fn from_ref(state: &State) -> Self {
        Self::clone(state.app.registry())
    }
}

impl FromRef<State> for Arc<dyn Portals> {
    fn from_ref(state: &State) -> Self {
        Self::clone(&state.portals)
    }
}

impl State {
    /// The console of this bridge.
    pub fn new(
        app: App,
        config: Arc<Config>,
        ready: watch::Receiver<bool>,
        portals: Arc<dyn Portals>,
    ) -> Self {
        Self {
            app,
            config,
            ready,
            portals,
            throttle: Arc::default(),
            looks: Arc::default(),
        }
    }
}

/// What a portal answered to a test: nothing, or one sentence about what is wrong.
pub type PortalTest<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// What a table comes to beside the portal's own funnels and stages, or why it could not be asked.
pub type MapCheckFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<ReportedFinding>, String>> + Send + 'a>>;

/// What a portal calls its stages, by their codes.
pub type StageNames = Arc<BTreeMap<String, String>>;

/// What can be asked of the portals themselves.
pub trait Portals: fmt::Debug + Send + Sync {
    /// Makes a cheap call.
    fn test(&self, portal: &PortalName) -> PortalTest<'_>;

    /// Compares a shop's table with the funnels and stages of its portal.
    fn check(&self, rules: Arc<ShopRules>) -> MapCheckFuture<'_>;

    /// What the portal calls its stages, as far as it is known by now: nobody waits for it.
    fn stage_names(&self, portal: &PortalName) -> StageNames;

    /// The share of its execution time that each method has used, as far as this process has seen,
    /// in percent.
    fn operating(&self, portal: &PortalName) -> Vec<(String, u32)>;
}
