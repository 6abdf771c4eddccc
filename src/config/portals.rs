//! `[portals.NAME]`: the Bitrix24 accounts.

use super::{Problem, Secret, reading::secret};
use crate::domain::PortalName;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};
use url::{Host, Url};

/// One Bitrix24 account, the way in to it, and its limits.
#[derive(Debug, Clone)]
pub struct Portal {
    /// How the bridge gets in.
    pub access: PortalAccess,
    /// Application tokens of its outgoing webhooks.
    pub event_tokens: Vec<Secret>,
    /// Hosts that a redirection of the portal may lead to besides its own: `host` or `host:port`.
    pub redirect_hosts: Vec<String>,
    /// The portal's request limit.
    pub rate: Rate,
    /// Seconds to wait for one answer. The portal itself cuts a request off after 60.
    pub timeout_seconds: u64,
    /// Seconds after which the portal itself cuts a request off: so long after it was sent a write
    /// may still land.
    pub call_limit_seconds: u64,
}

impl Portal {
    /// The portal's host, without what is secret in its address.
    pub fn host(&self) -> Option<String> {
        let address = match &self.access {
            PortalAccess::Webhook(url) => url.expose_secret(),
            PortalAccess::App(app) => &*app.portal_url,
        };
        let url = Url::parse(address).ok()?;
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }
}

/// How the bridge gets into a portal.
#[derive(Debug, Clone)]
pub enum PortalAccess {
    /// By the address of an incoming webhook, which is a secret.
    Webhook(Secret),
    /// As an application, by OAuth 2.0.
    App(PortalApp),
}

/// A local application of the portal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalApp {
    /// The application's id in its portal (`client_id`).
    pub client_id: String,
    /// The application's secret, written into the settings themselves.
    pub client_secret: Option<Secret>,
    /// A file that holds the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// The portal's address, `https://example.bitrix24.ru`.
    pub portal_url: String,
    /// The portal's identity, if it is known beforehand; else the first installation tells it.
    pub member_id: Option<String>,
    /// The token address of the authorisation server.
    #[serde(default = "oauth_url")]
    pub oauth_url: String,
}

fn oauth_url() -> String {
    "https://oauth.bitrix24.tech/oauth/token/".to_owned()
}

/// Requests a second and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second, sustained.
    pub per_second: f64,
    /// The most requests in a burst after a rest: the size of the portal's bucket.
    pub burst: u32,
}

/// A named limit, by the portal's plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// 2 a second, burst 50: every plan but Enterprise.
    #[default]
    Standard,
    /// 5 a second, burst 250.
    Enterprise,
}

impl Plan {
    /// The limit of the plan.
    pub fn rate(self) -> Rate {
        match self {
            Self::Standard => Rate {
                per_second: 2.0,
                burst: 50,
            },
            Self::Enterprise => Rate {
                per_second: 5.0,
                burst: 250,
            },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    webhook_url: Option<Secret>,
    webhook_url_file: Option<PathBuf>,
    app: Option<PortalApp>,
    #[serde(default)]
    event_tokens: Vec<Secret>,
    #[serde(default)]
    redirect_hosts: Vec<String>,
    plan: Option<Plan>,
    rate: Option<Rate>,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: u64,
    #[serde(default = "call_limit_seconds")]
    call_limit_seconds: u64,
}

/// Fewer requests a second bring no order anywhere.
const SLOWEST: f64 = 0.001;

fn timeout_seconds() -> u64 {
    65
}

fn call_limit_seconds() -> u64 {
    60
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<PortalName, Portal> {
    let mut portals = Vec::with_capacity(raw.len());
    for (name, raw) in raw {
        let key = format!("portals.{name}");
        let parsed = PortalName::parse(&name)
            .map_err(|rule| problems.push(Problem::new(&key, rule, "choose another name")));
        if let (Ok(name), Some(portal)) = (parsed, portal(raw, &key, problems)) {
            portals.push((name, portal));
        }
    }
    // All at once: one by one, in order, leaves half of each node empty.
    portals.into_iter().collect()
}

fn portal(raw: Raw, key: &str, problems: &mut Vec<Problem>) -> Option<Portal> {
    if raw.plan.is_some() && raw.rate.is_some() {
        problems.push(Problem::new(
            format!("{key}.rate"),
            "both `plan` and `rate` are given",
            "keep one of them",
        ));
    }
    let rate = raw
        .rate
        .unwrap_or_else(|| raw.plan.unwrap_or_default().rate());
    let possible = rate.per_second >= SLOWEST && rate.per_second <= 1_000.0;
    if !possible || !(1..=10_000).contains(&rate.burst) {
        problems.push(Problem::new(
            format!("{key}.rate"),
            "out of range",
            "choose 0.001 to 1000 a second, burst 1 to 10000",
        ));
    }
    if !(1..=300).contains(&raw.timeout_seconds) {
        problems.push(Problem::new(
            format!("{key}.timeout_seconds"),
            "out of range",
            "choose 1 to 300",
        ));
    }
    if !(1..=3_600).contains(&raw.call_limit_seconds) {
        problems.push(Problem::new(
            format!("{key}.call_limit_seconds"),
            "out of range",
            "choose 1 to 3600",
        ));
    }
    for host in &raw.redirect_hosts {
        let bare = |url: &Url| url.path() == "/" && url.query().is_none() && url.has_host();
        if !Url::parse(&format!("https://{host}")).is_ok_and(|url| bare(&url)) {
            problems.push(Problem::new(
                format!("{key}.redirect_hosts"),
                format!("`{host}` is no host"),
                "write a name as in an address, without `https://`: \"new.example.ru\" or \
                 \"new.example.ru:8443\"",
            ));
        }
    }
    let place = format!("{key}.webhook_url");
    let webhook = secret::resolve(
        raw.webhook_url,
        raw.webhook_url_file.as_deref(),
        &place,
        problems,
    );
    let access = match (webhook, raw.app) {
        (Some(_), Some(_)) => {
            let sentence = "both `webhook_url` and `app` are given";
            problems.push(Problem::new(key, sentence, "keep one of them"));
            return None;
        }
        (None, None) => {
            problems.push(Problem::new(
                &place,
                "missing",
                "make an incoming webhook in the portal with the permission CRM and put its \
                 address here",
            ));
            return None;
        }
        (Some(webhook), None) => webhook_access(webhook, &place, problems)?,
        (None, Some(app)) => app_access(app, &format!("{key}.app"), problems)?,
    };
    Some(Portal {
        access,
        event_tokens: raw.event_tokens,
        redirect_hosts: raw.redirect_hosts,
        rate,
        timeout_seconds: raw.timeout_seconds,
        call_limit_seconds: raw.call_limit_seconds,
    })
}

/// The address must look like `https://HOST/rest/USER/SECRET/`. What it was is not repeated: it is
/// a secret.
fn webhook_access(
    webhook: Secret,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<PortalAccess> {
    let remedy =
        "copy the whole address from the portal: https://example.bitrix24.ru/rest/1/secret/";
    let Ok(url) = Url::parse(webhook.expose_secret()) else {
        problems.push(Problem::new(place, "this is not an address", remedy));
        return None;
    };
    if !secure_or_local(&url) {
        problems.push(Problem::new(
            place,
            "the portal is spoken to by https only",
            remedy,
        ));
        return None;
    }
    let segments: Vec<&str> = url
        .path_segments()
        .map(|parts| parts.filter(|part| !part.is_empty()).collect())
        .unwrap_or_default();
    let is_webhook = matches!(
        segments.as_slice(), ["rest", user, _secret] if user.bytes().all(|b| b.is_ascii_digit())
    );
    if !is_webhook || url.query().is_some() {
        problems.push(Problem::new(
            place,
            "this is not the address of an incoming webhook",
            remedy,
        ));
        return None;
    }
    Some(PortalAccess::Webhook(webhook))
}

fn app_access(mut app: PortalApp, key: &str, problems: &mut Vec<Problem>) -> Option<PortalAccess> {
    let place = format!("{key}.client_secret");
    let before = problems.len();
    app.client_secret = secret::resolve(
        app.client_secret.take(),
        app.client_secret_file.as_deref(),
        &place,
        problems,
    );
    if app.client_secret.is_none() && problems.len() == before {
        problems.push(Problem::new(
            &place,
            "missing",
            "copy it from the application's card in the portal",
        ));
    }
    if !Url::parse(&app.portal_url).is_ok_and(|url| secure_or_local(&url)) {
        problems.push(Problem::new(
            format!("{key}.portal_url"),
            "this is not an https address",
            "write https://example.bitrix24.ru",
        ));
    }
    if !Url::parse(&app.oauth_url).is_ok_and(|url| secure_or_local(&url)) {
        problems.push(Problem::new(
            format!("{key}.oauth_url"),
            "this is not an https address",
            "leave it out, or write the token address of the authorisation server",
        ));
    }
    (problems.len() == before).then_some(PortalAccess::App(app))
}

/// Plain HTTP is for a sandbox on this machine only.
pub(super) fn secure_or_local(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && local)
}
