//! Queries that the console puts to the portals themselves.

use crate::{
    app::status_map,
    clients::bitrix24::{Client, Priority},
    console::{MapCheckFuture, PortalTest, Portals},
    domain::{PortalName, ShopRules},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Seconds of its ten-minute window after which a portal blocks a method.
const OPERATING_LIMIT: f64 = 480.0;

/// The clients of this process: those of its lanes, and those that ask before each call whoever
/// drives the lane.
#[derive(Debug)]
pub(in crate::cli) struct PortalProbe {
    pub(in crate::cli) lanes: BTreeMap<PortalName, Client>,
    pub(in crate::cli) guests: BTreeMap<PortalName, Client>,
}

impl Portals for PortalProbe {
    fn test(&self, portal: &PortalName) -> PortalTest<'_> {
        let client = self.guests.get(portal).cloned();
        Box::pin(async move {
            let client = client.ok_or("this process has no access to the portal")?;
            let answer = client.call("server.time", &json!({}), Priority::Live).await;
            answer.map(|_| ()).map_err(|error| error.to_string())
        })
    }

    fn check(&self, rules: Arc<ShopRules>) -> MapCheckFuture<'_> {
        let client = self.guests.get(&rules.portal).cloned();
        Box::pin(async move {
            let client = client.ok_or("this process has no access to the portal")?;
            let checked = status_map::check(&rules, &client).await;
            checked
                .map(|checked| checked.findings)
                .map_err(|error| error.to_string())
        })
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
