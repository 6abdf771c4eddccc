//! The API: what shops and operators call, and what watches the bridge.
//!
//! Owns: routes, authentication, what each caller may see, and the one table of error to status ([`Problem`]). Refuses:
//! decisions about orders; every handler parses, calls one use case and words the answer. One file per endpoint.
//!
//! Every answer of failure is an RFC 9457 problem with a stable code and a remedy. Nothing that is not the caller's exists for
//! the caller: it answers as what is not there. Bodies and keys are never logged.
//!
//! To add an endpoint: a file with a handler under `#[utoipa::path]`, and its line in `routes`; the route and its
//! description come from the same attribute, so neither can be without the other.

mod around;
mod audit;
mod auth;
mod body;
mod bulk;
mod conflict;
mod conflicts;
mod dead_letter;
mod dead_letters;
mod discard;
mod error;
mod events;
mod exchange;
mod feed;
mod forms;
mod health;
mod install;
mod letter_counts;
mod letter_export;
mod letter_import;
mod metrics;
mod not_customer;
mod oauth;
mod openapi;
mod orders;
mod patient;
mod portals;
mod query;
mod resolve;
mod retry;
mod routes;
mod segment;
mod serve;
mod shapes;
mod status;
mod status_changes;
mod stock;
mod webhooks;
mod woocommerce;

use crate::{app::Bridge, config::Config};
use std::sync::Arc;
use tokio::sync::watch;

pub use error::Problem;
pub use openapi::document;
pub use routes::{router, watch_router};
pub use serve::{serve, serve_within};

/// What every handler has at hand. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State {
    /// The use cases.
    pub bridge: Bridge,
    /// The settings: keys, roles and bounds.
    pub config: Arc<Config>,
    /// Whether this process takes requests: false from the moment it is told to stop.
    pub ready: watch::Receiver<bool>,
}
