//! Where calls go: to the webhook's address or the application's, and on to the host that a renamed portal moved to.
//!
//! A redirection is followed only to https, or to where the call already went without it, and only to an address of a portal.

use super::{
    Error,
    auth::{Access, Credentials},
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Where a call goes, and the token it carries.
pub(super) struct Address {
    pub(super) base: Url,
    pub(super) token: Option<SecretString>,
}

impl From<Access> for Address {
    fn from(access: Access) -> Self {
        Self {
            base: access.endpoint,
            token: Some(access.token),
        }
    }
}

/// The way to one portal.
pub(super) struct Route {
    pub(super) credentials: Credentials,
    /// The portal's new address, once it told one.
    moved: Mutex<Option<Url>>,
}

impl Route {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            moved: Mutex::default(),
        }
    }

    /// Where a call goes now.
    pub(super) async fn address(&self) -> Result<Address, Error> {
        let invalid = |_| Error::Invalid("the webhook's address cannot be read".to_owned());
        let mut address = match &self.credentials {
            Credentials::Webhook(url) => Address {
                base: Url::parse(url.expose_secret()).map_err(invalid)?,
                token: None,
            },
            Credentials::App(source) => source.current().await?.into(),
        };
        if let Some(moved) = &*self.moved.lock().unwrap_or_else(PoisonError::into_inner) {
            rehost(&mut address.base, moved)?;
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

    /// The same path on the new host, for this call and those that follow.
    pub(super) fn follow(&self, from: &Url, to: &Url) -> Result<Url, Error> {
        if !(to.scheme() == "https" || to.scheme() == from.scheme())
            || !to.path().contains("/rest/")
        {
            let why =
                "the portal sends the call to an address that is not one of a portal".to_owned();
            return Err(Error::Unreadable { status: 302, why });
        }
        let mut base = from.clone();
        rehost(&mut base, to)?;
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.clone());
        Ok(base)
    }

    /// The host the portal moved to, if it told so.
    pub(super) fn moved_to(&self) -> Option<String> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.as_ref().and_then(Url::host_str).map(str::to_owned)
    }
}

/// Keeps the path and takes scheme, host and port of the other address.
fn rehost(url: &mut Url, to: &Url) -> Result<(), Error> {
    let wrong = || Error::Invalid("the new address cannot be used".to_owned());
    url.set_scheme(to.scheme()).map_err(|()| wrong())?;
    url.set_host(to.host_str()).map_err(|_| wrong())?;
    url.set_port(to.port()).map_err(|()| wrong())
}
