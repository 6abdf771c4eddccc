//! Queries that the console puts to the portals themselves.

use crate::{
    app::{App, status_map},
    cli::setup::bootstrap::apps,
    clients::{
        bitrix24::{Client, Priority},
        connections::Connections,
    },
    config::Config,
    console::{MapCheckFuture, PortalTest, Portals, StageNames},
    domain::{PortalName, ShopRules},
};
use parking_lot::Mutex;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Seconds of its ten-minute window after which a portal blocks a method.
const OPERATING_LIMIT: f64 = 480.0;

/// The clients of this process: those of its lanes, and those that ask before each call whoever
/// drives the lane.
#[derive(Debug)]
pub(in crate::cli) struct PortalProbe {
    pub(in crate::cli) lanes: BTreeMap<PortalName, Client>,
    pub(in crate::cli) guests: Guests,
    pub(in crate::cli) names: Arc<Mutex<BTreeMap<PortalName, KnownNames>>>,
}

/// Clients that ask before each call whoever drives the lane. Each is made when somebody asks its
/// portal: of thousands few are asked.
#[derive(Debug)]
pub(in crate::cli) struct Guests {
    app: App,
    config: Arc<Config>,
    connections: Connections,
    made: Mutex<BTreeMap<PortalName, Client>>,
}

impl Guests {
    pub(in crate::cli) fn new(app: &App, config: &Arc<Config>, connections: &Connections) -> Self {
        Self {
            app: app.clone(),
            config: Arc::clone(config),
            connections: connections.clone(),
            made: Mutex::default(),
        }
    }

    /// The client of a portal, or why there is none.
    fn of(&self, name: &PortalName) -> Result<Client, String> {
        let mut made = self.made.lock();
        if let Some(client) = made.get(name) {
            return Ok(client.clone());
        }
        let portal = self.config.portals.get(name);
        let portal = portal.ok_or("this process has no access to the portal")?;
        let client = apps::guest(&self.app, name, portal, &self.connections)
            .map_err(|error| format!("{error:#}"))?;
        made.insert(name.clone(), client.clone());
        Ok(client)
    }
}

/// Names of stages are read anew after this time: people rename a stage now and then.
const NAMES_LAST: Duration = Duration::from_mins(10);

/// The names of a portal's stages, as last read.
#[derive(Debug)]
pub(in crate::cli) struct KnownNames {
    names: StageNames,
    asked: Instant,
}

impl Portals for PortalProbe {
    fn test(&self, portal: &PortalName) -> PortalTest<'_> {
        let client = self.guests.of(portal);
        Box::pin(async move {
            let client = client?;
            let answer = client.call("server.time", &json!({}), Priority::Live).await;
            answer.map(|_| ()).map_err(|error| error.to_string())
        })
    }

    fn check(&self, rules: Arc<ShopRules>) -> MapCheckFuture<'_> {
        let client = self.guests.of(&rules.portal);
        Box::pin(async move {
            let checked = status_map::check(&rules, &client?).await;
            checked
                .map(|checked| checked.findings)
                .map_err(|error| error.to_string())
        })
    }

    fn stage_names(&self, portal: &PortalName) -> StageNames {
        let mut known = self.names.lock();
        let before = known.get(portal);
        let names = before.map(|one| Arc::clone(&one.names)).unwrap_or_default();
        let fresh = before.is_some_and(|one| one.asked.elapsed() < NAMES_LAST);
        if fresh {
            return names;
        }
        let Ok(client) = self.guests.of(portal) else {
            return names;
        };
        let asked = Instant::now();
        let now = KnownNames {
            names: Arc::clone(&names),
            asked,
        };
        known.insert(portal.clone(), now);
        let (cell, portal) = (Arc::clone(&self.names), portal.clone());
        tokio::spawn(async move {
            // Without names the codes are shown; whether the portal answers is told elsewhere.
            let Ok(funnels) = status_map::funnels(&client).await else {
                return;
            };
            let stages = funnels.into_iter().flat_map(|funnel| funnel.stages);
            let read = stages.map(|one| (one.stage.id, one.name)).collect();
            let names = Arc::new(read);
            cell.lock().insert(portal, KnownNames { names, asked });
        });
        names
    }

    fn operating(&self, portal: &PortalName) -> Vec<(String, u32)> {
        let used = self
            .lanes
            .get(portal)
            .map(Client::operating)
            .unwrap_or_default();
        let mut used: Vec<_> = used
            .into_iter()
            .map(|(method, gauge)| (method, percent(gauge.seconds)))
            .filter(|(_, percent)| *percent > 0)
            .collect();
        used.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        used
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0 to 100"
)]
fn percent(seconds: f64) -> u32 {
    (seconds / OPERATING_LIMIT * 100.0).clamp(0.0, 100.0) as u32
}
