//! The endpoint of calls: the webhook's address or the application's, and the host that a renamed
//! portal moved to.
//!
//! A redirection carries the portal's secret along, so it is followed only to where somebody
//! vouches for: to the same place, to a host that the operator named, to where the authorisation
//! server says that this portal is, or from Bitrix24's cloud to Bitrix24's cloud. What the operator
//! did not name must be a public address, by its name and by what the name resolves to.

use super::{
    Error,
    credentials::{Access, Credentials},
    portal_address,
};
use crate::clients::connections::public_addresses;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use std::sync::OnceLock;
use url::Url;

/// Where a call goes, and the token it carries.
pub(super) struct Address {
    pub(super) base: Url,
    pub(super) token: Option<SecretString>,
    /// Whether the address must turn out to be a public one.
    pub(super) public: bool,
}

impl From<Access> for Address {
    fn from(access: Access) -> Self {
        Self {
            base: access.endpoint,
            token: Some(access.token),
            public: false,
        }
    }
}

/// The way to one portal.
pub(super) struct Route {
    pub(super) credentials: Credentials,
    /// The portal's new address, once it told one that may be followed, and whether it must be
    /// public.
    moved: Mutex<Option<(Url, bool)>>,
    /// Hosts that the operator allows besides the configured one.
    allowed: OnceLock<Vec<String>>,
}

impl Route {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            moved: Mutex::default(),
            allowed: OnceLock::new(),
        }
    }

    /// Allows redirections to these hosts, `host` or `host:port`; the first word counts.
    pub(super) fn allow(&self, hosts: &[String]) {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase());
        let _ = self.allowed.set(hosts.collect());
    }

    /// Where a call goes now.
    pub(super) async fn address(&self) -> Result<Address, Error> {
        let invalid = |_| Error::Invalid("the webhook's address cannot be read".to_owned());
        let mut address = match &self.credentials {
            Credentials::Webhook(url) => Address {
                base: Url::parse(url.expose_secret()).map_err(invalid)?,
                token: None,
                public: false,
            },
            Credentials::App(source) => source.current().await?.into(),
        };
        if let Some((moved, public)) = &*self.moved.lock() {
            rehost(&mut address.base, moved)?;
            address.public = *public;
        }
        Ok(address)
    }

    /// The same after the token expired; the error itself where there is none to renew.
    pub(super) async fn renewed(&self, address: &Address, error: Error) -> Result<Address, Error> {
        match (&self.credentials, &address.token) {
            (Credentials::App(source), Some(expired)) => Ok(source.renewed(expired).await?.into()),
            _ => Err(error),
        }
    }

    /// Where a call that was sent on goes, if that may be.
    pub(super) async fn follow(&self, from: &Address, to: &Url) -> Result<Address, Error> {
        let host = place(to).ok_or_else(|| elsewhere("it names no host", String::new()))?;
        let refused = |why| Err(elsewhere(why, host.clone()));
        if !to.path().contains("/rest/") {
            // What stands before a portal does so with what it dislikes, or with everybody.
            let why =
                "the portal sends the call to an address that is not one of a portal".to_owned();
            return Err(Error::Unreadable { status: 302, why });
        }
        if !(to.scheme() == "https" || to.scheme() == from.base.scheme()) {
            return refused("it is not https");
        }
        if portal_address::same(&from.base, to) || self.allows(to) {
            return sent_on(from, to, false);
        }
        if !public_addresses::may_be_public(to) {
            return refused("it is a private address");
        }
        if portal_address::in_the_cloud(&from.base) && portal_address::in_the_cloud(to) {
            return sent_on(from, to, true);
        }
        if let (Credentials::App(source), Some(token)) = (&self.credentials, &from.token) {
            // Who gives the tokens knows where this portal is, whoever answers at its address.
            let access = source.renewed(token).await?;
            if place(&access.endpoint).as_ref() == Some(&host) {
                return Ok(Address {
                    public: true,
                    ..access.into()
                });
            }
        }
        refused("nobody has allowed it")
    }

    fn allows(&self, to: &Url) -> bool {
        let (Some(bare), Some(whole)) = (to.host_str(), place(to)) else {
            return false;
        };
        let allowed = self.allowed.get().map_or(&[][..], Vec::as_slice);
        allowed.contains(&whole) || to.port().is_none() && allowed.iter().any(|host| host == bare)
    }

    /// Calls go there from now on. To be said only once somebody was told.
    pub(super) fn remember(&self, to: &Address) {
        let mut moved = self.moved.lock();
        *moved = Some((to.base.clone(), to.public));
    }

    /// The host that the webhook leads to, wherever its portal moved since.
    pub(super) fn host(&self) -> Option<String> {
        let Credentials::Webhook(url) = &self.credentials else {
            return None;
        };
        let url = Url::parse(url.expose_secret()).ok()?;
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }

    /// The host the portal moved to, if it told so.
    pub(super) fn moved_to(&self) -> Option<String> {
        let moved = self.moved.lock();
        let (url, _) = moved.as_ref()?;
        url.host_str().map(str::to_owned)
    }
}

/// `host:port` of an address, the usual port written out; `None` where it has no host.
pub(super) fn place(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(format!("{host}:{}", url.port_or_known_default()?))
}

fn elsewhere(why: &'static str, host: String) -> Error {
    Error::Elsewhere { host, why }
}

fn sent_on(from: &Address, to: &Url, public: bool) -> Result<Address, Error> {
    let mut base = from.base.clone();
    rehost(&mut base, to)?;
    Ok(Address {
        base,
        token: from.token.clone(),
        public,
    })
}

/// Keeps the path and takes scheme, host and port of the other address.
fn rehost(url: &mut Url, to: &Url) -> Result<(), Error> {
    let wrong = || Error::Invalid("the new address cannot be used".to_owned());
    url.set_scheme(to.scheme()).map_err(|()| wrong())?;
    url.set_host(to.host_str()).map_err(|_| wrong())?;
    url.set_port(to.port()).map_err(|()| wrong())
}
