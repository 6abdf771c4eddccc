//! Portals as pages name them: where they are, and what they call their stages.

use crate::{
    config::{Config, PortalAccess},
    console::{Portals, StageNames, State},
    domain::PortalName,
};
use axum::extract::FromRef;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

/// The addresses of the portals and the names of their stages. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct PortalNames {
    config: Arc<Config>,
    portals: Arc<dyn Portals>,
}

impl FromRef<State> for PortalNames {
    fn from_ref(state: &State) -> Self {
        Self {
            config: Arc::clone(&state.config),
            portals: Arc::clone(&state.portals),
        }
    }
}

impl PortalNames {
    /// The address of a portal, without anything secret.
    pub(in crate::console) fn origin(&self, portal: &str) -> Option<String> {
        let name = PortalName::parse(portal).ok()?;
        let address = match &self.config.portals.get(&name)?.access {
            PortalAccess::Webhook(url) => url::Url::parse(url.expose_secret()),
            PortalAccess::App(app) => url::Url::parse(&app.portal_url),
        };
        let origin = address.ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    }

    /// What a portal calls its stages, as far as that is known.
    pub(in crate::console) fn stages(&self, portal: &str) -> StageNames {
        let portal = PortalName::parse(portal).ok();
        portal.map_or_else(StageNames::default, |name| self.portals.stage_names(&name))
    }
}
