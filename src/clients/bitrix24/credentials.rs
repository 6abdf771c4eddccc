//! Credentials of a portal: an incoming webhook, or an application with tokens.

use super::Error;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, future::Future, pin::Pin, sync::Arc};
use url::Url;

/// A way into a portal. Printing it shows no secret.
#[derive(Clone)]
pub enum Credentials {
    /// The address of an incoming webhook: the address is the secret.
    Webhook(SecretString),
    /// Tokens of an application.
    App(Arc<dyn TokenSource>),
}

impl Credentials {
    /// An incoming webhook. Refuses what is not its address.
    pub fn webhook(url: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Invalid(
                "the webhook's address does not look like https://HOST/rest/USER/SECRET/"
                    .to_owned(),
            )
        };
        let mut url = Url::parse(url.trim()).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host_str().is_none()
            || !url.path().contains("/rest/")
        {
            return Err(wrong());
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self::Webhook(SecretString::from(String::from(url))))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webhook(_) => "Webhook(…)",
            Self::App(_) => "App(…)",
        })
    }
}

/// An access token and where it is valid.
#[derive(Clone)]
pub struct Access {
    /// `client_endpoint`: the portal's address for method names to be put behind, ending in
    /// `/rest/`.
    pub endpoint: Url,
    /// The access token, never shown.
    pub token: SecretString,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint.host_str())
            .finish_non_exhaustive()
    }
}

/// What a [`TokenSource`] does in the end.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Access, Error>> + Send + 'a>>;

/// Where access tokens come from. One renewal must serve all who ask at the same time: a refresh
/// token is valid once.
pub trait TokenSource: Send + Sync {
    /// The token to use now. Never renews: portals dislike renewals on a schedule.
    fn current(&self) -> Pending<'_>;

    /// The portal said that this token expired: a newer one. If another caller has renewed it
    /// since, that one.
    fn renewed<'a>(&'a self, expired: &'a SecretString) -> Pending<'a>;
}

/// Whether two secrets are the same.
pub(super) fn same(a: &SecretString, b: &SecretString) -> bool {
    subtle::ConstantTimeEq::ct_eq(a.expose_secret().as_bytes(), b.expose_secret().as_bytes()).into()
}
