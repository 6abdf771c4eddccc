//! The lanes of this process, and the clients of their portals, from the settings.

use crate::{
    app::{App, TILL, lane_of, onec_lane_of},
    cli::{
        portals::queries::{Guests, PortalProbe},
        setup::bootstrap::{self, apps},
    },
    clients::{bitrix24::Client, connections::Connections},
    config::Config,
    domain::PortalName,
    worker::{self, portal_access::AppPortal},
};
use std::{collections::BTreeMap, sync::Arc};

/// The clients of the lanes.
pub(super) struct Clients {
    pub(super) portals: BTreeMap<PortalName, Client>,
    /// The portals that are reached by an application, and whose client is new.
    pub(super) reached: Vec<AppPortal>,
}

impl Clients {
    /// A client for each portal: of those here that is used, the others are made.
    pub(super) fn new(
        config: &Config,
        app: &App,
        connections: &Connections,
        mut kept: BTreeMap<PortalName, Client>,
        drives: bool,
    ) -> anyhow::Result<Self> {
        let (mut portals, mut reached) = (BTreeMap::new(), Vec::new());
        for (name, portal) in &config.portals {
            let known = match kept.remove(name) {
                Some(client) => Some(client),
                None => bootstrap::client(portal, connections)?,
            };
            if let Some(client) = known {
                portals.insert(name.clone(), client);
            } else if drives && let Some(one) = apps::reached(app, name, portal, connections)? {
                portals.insert(name.clone(), one.client.clone());
                reached.push(one);
            }
        }
        Ok(Self { portals, reached })
    }

    /// What the pages ask the portals with, whoever drives the lanes.
    pub(super) fn probe(
        &self,
        config: &Arc<Config>,
        app: &App,
        connections: &Connections,
    ) -> Arc<PortalProbe> {
        Arc::new(PortalProbe {
            lanes: self.portals.clone(),
            guests: Guests::new(app, config, connections),
            names: Arc::default(),
        })
    }

    /// All lanes of the settings.
    pub(super) fn lanes(
        &self,
        config: &Config,
        connections: &Connections,
    ) -> anyhow::Result<worker::Lanes<Client>> {
        let lands_within = |(name, portal): (&PortalName, _)| {
            let within = config.lands_within_at(portal);
            (name.clone(), within)
        };
        Ok(worker::Lanes {
            portals: self.portals.clone(),
            lands_within: config.portals.iter().map(lands_within).collect(),
            callbacks: bootstrap::callbacks(config, connections)?,
            tills: bootstrap::tills(config, connections),
            pushes: bootstrap::pushes(config, connections),
            fingerprints: fingerprints(config),
        })
    }
}

/// What the settings of every lane are known by.
fn fingerprints(config: &Config) -> BTreeMap<String, [u8; 32]> {
    let portals = config.of_portals().into_iter();
    let portals = portals.map(|(name, of)| (name.to_string(), of));
    let shops = config.shops.keys();
    let shops = shops.map(|name| (lane_of(name.as_str()), config.of_shops([name])));
    let bases = config.of_bases().into_iter();
    let bases = bases.map(|(name, of)| (onec_lane_of(name.as_str()), of));
    let tills = config.of_tills().into_iter();
    let tills = tills.map(|(name, of)| (format!("{TILL}{name}"), of));
    portals.chain(shops).chain(bases).chain(tills).collect()
}
