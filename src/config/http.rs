//! `[http]`: the API's listener and its bounds.

use super::{Problem, portals::secure_or_local};
use crate::process::doors::{self, Proxies};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use url::Url;

/// Room for bodies in work, in bytes: usual, and the most that can be set.
const USUAL_ROOM: usize = 64 * 1024 * 1024;
const MOST_ROOM: usize = 4 * 1024 * 1024 * 1024;

/// The API's listener and its bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The address and port at which the API and the console are served.
    pub listen: SocketAddr,
    /// Where a process with the role `worker` answers `/healthz`, `/readyz` and `/metrics`, and
    /// nothing else; `None`: nowhere.
    pub watch_listen: Option<SocketAddr>,
    /// Where `/metrics` is answered instead of at `listen`, with `/healthz` and `/readyz` beside
    /// it; `None`: at `listen`, for everybody.
    pub metrics_listen: Option<SocketAddr>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// What the bodies of all requests in work take together, in bytes, read and as values: an
    /// order takes about ten times its length. None: eight times `max_body_bytes`, at least 64 MiB.
    pub room_bytes: Option<usize>,
    /// Open connections of one address (of IPv6: of one /64); those of `trusted_proxies` are not
    /// counted.
    pub connections_per_source: usize,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks such as `10.0.0.0/8`.
    /// Those of this machine always are.
    pub trusted_proxies: Vec<String>,
    /// Seconds after which a request that is not complete is cut off.
    pub request_timeout_seconds: u64,
    /// Seconds for which requests are still taken after the process was told to stop and stopped
    /// saying that it is ready.
    pub drain_seconds: u64,
    /// The address by which portals reach the bridge, e.g. `https://bridge.example`. With it an
    /// application binds its events itself.
    pub public_url: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            watch_listen: None,
            metrics_listen: None,
            max_body_bytes: 8 * 1024 * 1024,
            room_bytes: None,
            connections_per_source: doors::CONNECTIONS,
            trusted_proxies: Vec::new(),
            request_timeout_seconds: 30,
            drain_seconds: 2,
            public_url: None,
        }
    }
}

impl Http {
    /// What the bodies of all requests in work take together, in bytes.
    pub fn room(&self) -> usize {
        let usual = self.max_body_bytes.saturating_mul(8).max(USUAL_ROOM);
        self.room_bytes.unwrap_or(usual)
    }

    /// The proxies that are believed.
    pub fn proxies(&self) -> Proxies {
        Proxies::parse(&self.trusted_proxies).unwrap_or_default()
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !(1_024..=256 * 1024 * 1024).contains(&self.max_body_bytes) {
            problems.push(Problem::new(
                "http.max_body_bytes",
                "out of range",
                "choose 1024 to 268435456",
            ));
        }
        if self
            .room_bytes
            .is_some_and(|room| !(self.max_body_bytes..=MOST_ROOM).contains(&room))
        {
            problems.push(Problem::new(
                "http.room_bytes",
                "out of range",
                "choose at least `max_body_bytes`, better eight times as much, and at most \
                 4294967296",
            ));
        }
        if let Err(wrong) = Proxies::parse(&self.trusted_proxies) {
            problems.push(Problem::new(
                "http.trusted_proxies",
                format!("`{wrong}` is no address and no network"),
                "write \"10.0.0.5\" or \"10.0.0.0/8\"",
            ));
        }
        if !(1..=2_048).contains(&self.connections_per_source) {
            problems.push(Problem::new(
                "http.connections_per_source",
                "out of range",
                "choose 1 to 2048",
            ));
        }
        if self.drain_seconds > 60 {
            problems.push(Problem::new(
                "http.drain_seconds",
                "out of range",
                "choose 0 to 60",
            ));
        }
        let plain = |url: &Url| url.query().is_none() && url.fragment().is_none();
        if let Some(text) = &self.public_url
            && !Url::parse(text).is_ok_and(|url| secure_or_local(&url) && plain(&url))
        {
            problems.push(Problem::new(
                "http.public_url",
                "this is not an https address",
                "write the address under which portals reach the bridge: https://bridge.example",
            ));
        }
        if !(1..=600).contains(&self.request_timeout_seconds) {
            problems.push(Problem::new(
                "http.request_timeout_seconds",
                "out of range",
                "choose 1 to 600",
            ));
        }
    }
}
