//! Portals that are reached by an application, from the settings.

use crate::{
    app::{
        App,
        portal_access::{Application, Applications, Vault},
    },
    clients::{
        bitrix24::{Client, Credentials, OAuth, OAuthApp},
        connections::Connections,
    },
    config::{Config, Portal, PortalAccess, PortalApp, TokenKey},
    domain::PortalName,
    worker::portal_access::{AppPortal, StoredTokens},
};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use url::Url;

/// The applications, and the keys of their tokens.
pub(in crate::cli) fn configured(config: &Config) -> Applications {
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

fn application(app: &PortalApp) -> Option<Application> {
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

/// The tokens of a portal that is reached by an application, and a client that uses them. None for
/// one with a webhook.
pub(in crate::cli) fn reached(
    app: &App,
    name: &PortalName,
    portal: &Portal,
    connections: &Connections,
) -> anyhow::Result<Option<AppPortal>> {
    let PortalAccess::App(granted) = &portal.access else {
        return Ok(None);
    };
    let granted = OAuthApp {
        client_id: granted.client_id.clone(),
        client_secret: granted
            .client_secret
            .clone()
            .context("the application has no client secret")?,
        token_url: granted.oauth_url.parse()?,
    };
    let server = OAuth::new(granted, connections);
    let tokens = StoredTokens::new(&app.portal_access, name.clone(), server);
    let credentials = Credentials::App(Arc::new(tokens.clone()));
    let client = Client::new(credentials, connections, &super::client_options(portal));
    client.allow(&portal.redirect_hosts);
    Ok(Some(AppPortal { tokens, client }))
}

/// A client for a portal of either kind, for what does not hold its lane: whoever does is asked
/// before each call.
pub(in crate::cli) fn guest(
    app: &App,
    name: &PortalName,
    portal: &Portal,
    connections: &Connections,
) -> anyhow::Result<Client> {
    Ok(app
        .portal_access
        .with_shared_limit(name, client(app, name, portal, connections)?))
}

/// A client for a portal of either kind.
pub(in crate::cli) fn client(
    app: &App,
    name: &PortalName,
    portal: &Portal,
    connections: &Connections,
) -> anyhow::Result<Client> {
    match reached(app, name, portal, connections)? {
        Some(reached) => Ok(reached.client),
        None => super::client(portal, connections)?
            .context("the portal has neither webhook nor application"),
    }
}
