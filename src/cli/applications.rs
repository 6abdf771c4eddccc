//! Portals that are reached by an application, from the settings.

use super::setup;
use crate::{
    app::{
        Bridge,
        applications::{Application, Applications, Vault},
    },
    bitrix24::{Client, Credentials, OAuth, OAuthApp},
    config::{App, Config, Portal, PortalAccess, TokenKey},
    domain::PortalName,
    worker::applications::{Reached, StoredTokens},
};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use url::Url;

/// The applications, and the keys of their tokens.
pub(super) fn configured(config: &Config) -> Applications {
    let apps = config
        .portals
        .iter()
        .filter_map(|(name, portal)| match &portal.access {
            PortalAccess::App(app) => Some((name.clone(), application(app)?)),
            PortalAccess::Webhook(_) => None,
        });
    let keys = config.token_keys.iter();
    Applications {
        vault: Vault::new(keys.map(TokenKey::expose_secret)),
        portals: apps.collect(),
    }
}

fn application(app: &App) -> Option<Application> {
    let mut url = Url::parse(&app.portal_url).ok()?;
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Some(Application {
        client_id: app.client_id.clone(),
        host: url.host_str()?.to_lowercase(),
        portal_url: url.into(),
        member_id: app.member_id.clone(),
    })
}

/// The tokens of a portal that is reached by an application, and a client that uses them. None for one with a webhook.
pub(super) fn reached(
    bridge: &Bridge,
    name: &PortalName,
    portal: &Portal,
) -> anyhow::Result<Option<Reached>> {
    let PortalAccess::App(app) = &portal.access else {
        return Ok(None);
    };
    let server = OAuth::new(OAuthApp {
        client_id: app.client_id.clone(),
        client_secret: app
            .client_secret
            .clone()
            .context("the application has no client secret")?,
        token_url: app.oauth_url.parse()?,
    })?;
    let tokens = StoredTokens::new(bridge.clone(), name.clone(), server);
    let credentials = Credentials::App(Arc::new(tokens.clone()));
    let client = Client::new(credentials, &setup::client_options(portal))?;
    client.allow(&portal.redirect_hosts);
    Ok(Some(Reached { tokens, client }))
}

/// All portals that are reached by an application.
pub(super) fn all_reached(config: &Config, bridge: &Bridge) -> anyhow::Result<Vec<Reached>> {
    let mut all = Vec::new();
    for (name, portal) in &config.portals {
        all.extend(reached(bridge, name, portal)?);
    }
    Ok(all)
}

/// A client for a portal of either kind, for what does not hold its lane: whoever does is asked before each call.
pub(super) fn guest(bridge: &Bridge, name: &PortalName, portal: &Portal) -> anyhow::Result<Client> {
    Ok(bridge.as_guest(name, client(bridge, name, portal)?))
}

/// A client for a portal of either kind.
pub(super) fn client(
    bridge: &Bridge,
    name: &PortalName,
    portal: &Portal,
) -> anyhow::Result<Client> {
    match reached(bridge, name, portal)? {
        Some(reached) => Ok(reached.client),
        None => setup::client(portal)?.context("the portal has neither webhook nor application"),
    }
}
