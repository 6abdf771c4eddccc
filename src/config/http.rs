//! `[http]`: the API's listener and its bounds.

use super::{Problem, portals::secure_or_local};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use url::Url;

/// The API's listener and its bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// Where a process with the role `worker` answers `/healthz`, `/readyz` and `/metrics`, and nothing else; none: nowhere.
    pub watch_listen: Option<SocketAddr>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Seconds after which a request that is not complete is cut off.
    pub request_timeout_seconds: u64,
    /// Seconds for which requests are still taken after the process was told to stop and stopped saying that it is ready.
    pub drain_seconds: u64,
    /// The address by which portals reach the bridge, e.g. `https://bridge.example`. With it an application binds its events itself.
    pub public_url: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            watch_listen: None,
            max_body_bytes: 8 * 1024 * 1024,
            request_timeout_seconds: 30,
            drain_seconds: 2,
            public_url: None,
        }
    }
}

impl Http {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !(1_024..=256 * 1024 * 1024).contains(&self.max_body_bytes) {
            problems.push(Problem::new(
                "http.max_body_bytes",
                "out of range",
                "choose 1024 to 268435456",
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
