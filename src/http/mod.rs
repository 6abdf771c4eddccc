//! The API: what shops and operators call, and what watches the bridge.
//!
//! Owns: routes, authentication, what each caller may see, and the one table of error to status
//! ([`Problem`]). Refuses: decisions about orders; every handler parses, calls one use case and
//! words the answer. One file per endpoint.
//!
//! Every answer of failure is an RFC 9457 problem with a stable code and a remedy. Nothing that is
//! not the caller's exists for the caller: it answers as what is not there. Bodies and keys are
//! never logged.
//!
//! To add an endpoint:
//! 1. A file in the folder of its feature, with a handler under `#[utoipa::path]`, and its line in
//!    `routes`: the route and its description come from the same attribute.
//! 2. The handler takes the handle of its feature (`handles!` below), and who calls: a
//!    [`Caller`](crate::auth::Caller), or `MayChange`, `MayOperate`, `IsOperator` of `layer::auth`,
//!    which refuse who may not. A body is a `SentBody`, read by the handler when it wants it.
//! 3. It parses with every fault at once, calls one use case, and words the answer.
//! 4. The answers that every endpoint of its kind has (no known key, too large, the database away)
//!    are described by `routes::openapi`; the attribute tells its own.
//! 5. A new code has its row in `layer::problem`. Test it by plain HTTP in `tests/it/http`, with a
//!    caller who may not.

mod conflicts;
mod dead_letters;
mod events;
mod exchange;
mod feed;
mod forms;
mod layer;
mod ops;
mod orders;
mod request_schemas;
mod routes;
mod stock;
mod webhooks;

use crate::{
    app::App,
    config::Config,
    process::{doors, telemetry::Metrics},
};
use axum::extract::FromRef;
use std::{net::IpAddr, sync::Arc};
use tokio::sync::watch;

pub use layer::problem::Problem;
pub use layer::replaceable::ReplaceableRouter;
pub use layer::serve::{serve, serve_within};
pub use routes::{openapi::document, router, watch_router};

/// What handlers take their handles from: none takes the whole. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    /// The handles of all use cases.
    pub app: App,
    /// The settings: keys, roles and bounds.
    pub config: Arc<Config>,
    /// Whether this process takes requests: false from the moment it is told to stop.
    pub ready: watch::Receiver<bool>,
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
    Intake = intake, Delivery = delivery, Sync = sync, DeadLetters = dead_letters,
    PortalAccess = portal_access, Operations = operations, Conflicts = conflicts, Onec = onec,
    Stock = stock, Forms = forms
}

impl FromRef<State> for Arc<Config> {
    fn from_ref(state: &State) -> Self {
        Self::clone(&state.config)
    }
}

/// Whether this process takes requests.
#[derive(Debug, Clone)]
struct Ready(watch::Receiver<bool>);

impl FromRef<State> for Ready {
    fn from_ref(state: &State) -> Self {
        Self(state.ready.clone())
    }
}

impl FromRef<State> for Arc<doors::Tries<IpAddr>> {
    fn from_ref(state: &State) -> Self {
        Self::clone(state.app.wrong_keys())
    }
}

impl FromRef<State> for Metrics {
    fn from_ref(state: &State) -> Self {
        state.app.metrics().clone()
    }
}
