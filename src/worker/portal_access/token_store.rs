//! Tokens as all processes share them: kept in the database, renewed by one caller for all, stored
//! before they are used.

use crate::{
    app::{self, PortalAccess, portal_access::Tokens},
    clients::bitrix24::{Access, Error, OAuth, OAuthError, Pending, TokenSource},
    domain::PortalName,
};
use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretString};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use url::Url;
use uuid::Uuid;

/// How long read tokens are used without looking whether others were installed.
const FRESH: Duration = Duration::from_secs(10);
/// How long the one who renews is waited for, in seconds: longer than the authorisation server is.
const CLAIM: f64 = 45.0;
/// How often those who wait look.
const LOOK: Duration = Duration::from_millis(100);
/// When those who wait give up.
const PATIENCE: Duration = Duration::from_secs(50);

/// The tokens of a portal's application.
#[derive(Clone)]
pub struct StoredTokens(Arc<Inner>);

struct Inner {
    /// By which the tokens are read and stored; that of the newest settings.
    access: RwLock<Arc<PortalAccess>>,
    portal: PortalName,
    server: OAuth,
    read: Mutex<Option<(Access, Instant)>>,
    /// Held by the caller of this process that renews; the others wait here instead of at the
    /// database.
    turn: Mutex<()>,
}

impl fmt::Debug for StoredTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredTokens({})", self.0.portal)
    }
}

impl StoredTokens {
    /// The tokens of this portal, from the bridge's database; renewed at this server.
    pub fn new(access: &Arc<PortalAccess>, portal: PortalName, server: OAuth) -> Self {
        Self(Arc::new(Inner {
            access: RwLock::new(Arc::clone(access)),
            portal,
            server,
            read: Mutex::default(),
            turn: Mutex::default(),
        }))
    }

    /// The use cases over newer settings, which say the same of this portal's application.
    pub fn renew(&self, access: &Arc<PortalAccess>) {
        *self.0.access.write() = Arc::clone(access);
    }

    /// The portal whose tokens they are.
    pub fn portal(&self) -> &PortalName {
        &self.0.portal
    }

    /// The authorisation server that renews the tokens.
    pub fn server(&self) -> &OAuth {
        &self.0.server
    }

    /// Forgets what was read, so that the next call looks.
    pub async fn forget(&self) {
        *self.0.read.lock().await = None;
    }
}

impl TokenSource for StoredTokens {
    fn current(&self) -> Pending<'_> {
        Box::pin(async {
            let mut read = self.0.read.lock().await;
            match &*read {
                Some((access, at)) if at.elapsed() < FRESH => Ok(access.clone()),
                _ => {
                    let tokens = self.0.tokens().await?;
                    if let Some(words) = tokens.refused {
                        return Err(Error::TokenExpired { words });
                    }
                    let access = access(&tokens)?;
                    *read = Some((access.clone(), Instant::now()));
                    Ok(access)
                }
            }
        })
    }

    fn renewed<'a>(&'a self, expired: &'a SecretString) -> Pending<'a> {
        let (inner, expired) = (Arc::clone(&self.0), expired.clone());
        Box::pin(async move {
            // A task of its own: a caller that is dropped must not take tokens along that are on
            // their way.
            let task = tokio::spawn(async move { inner.renew(&expired).await });
            task.await
                .map_err(|_| Error::Tokens("renewing them broke off".to_owned()))?
        })
    }
}

impl Inner {
    fn access(&self) -> Arc<PortalAccess> {
        Arc::clone(&self.access.read())
    }

    async fn tokens(&self) -> Result<Tokens, Error> {
        self.access()
            .tokens(&self.portal)
            .await
            .map_err(|error| lost(&error))?
            .ok_or_else(|| Error::TokenExpired {
                words: "the application was not installed or authorised yet".to_owned(),
            })
    }

    async fn renew(&self, expired: &SecretString) -> Result<Access, Error> {
        let _turn = self.turn.lock().await;
        let until = Instant::now() + PATIENCE;
        loop {
            let tokens = self.tokens().await?;
            if tokens.access.expose_secret() != expired.expose_secret() {
                return self.took(&tokens).await;
            }
            if let Some(words) = tokens.refused {
                return Err(Error::TokenExpired { words });
            }
            let who = Uuid::now_v7();
            if self.claim(tokens.version, who).await? {
                return self.ask(tokens, who).await;
            }
            if Instant::now() > until {
                return Err(Error::Tokens(
                    "another process renews them and does not come to an end".to_owned(),
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn claim(&self, version: i64, who: Uuid) -> Result<bool, Error> {
        let access = self.access();
        let claim = access.claim_renewal(&self.portal, version, who, CLAIM);
        claim.await.map_err(|error| lost(&error))
    }

    /// Asks the server. What it gives is stored first: the token that it was asked with is used up.
    async fn ask(&self, old: Tokens, who: Uuid) -> Result<Access, Error> {
        let granted = match self.server.renew(&old.refresh).await {
            Ok(granted) => granted,
            Err(error) => return Err(self.gave_nothing(old.version, who, error).await),
        };
        let endpoint = granted
            .endpoint
            .as_ref()
            .map_or_else(|| old.endpoint.clone(), Url::to_string);
        let sealed = self
            .access()
            .seal_tokens(&self.portal, &granted.access, &granted.refresh, &endpoint)
            .map_err(|error| lost(&error))?;
        let stored = self.store(old.version, &sealed).await?;
        let now = if stored {
            tracing::info!(portal = %self.portal, "the application's tokens were renewed");
            Tokens {
                access: granted.access,
                refresh: granted.refresh,
                endpoint,
                ..old
            }
        } else {
            // The application was installed anew meanwhile: those tokens are newer.
            self.tokens().await?
        };
        self.took(&now).await
    }

    /// A lost connection must not lose the tokens: they cannot be asked for again.
    async fn store(&self, version: i64, sealed: &[u8]) -> Result<bool, Error> {
        let mut left = 20;
        loop {
            let access = self.access();
            match access.store_renewed(&self.portal, version, sealed).await {
                Ok(stored) => return Ok(stored),
                Err(error) if left == 0 => return Err(lost(&error)),
                Err(_) => {
                    left -= 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Gives the claim back. Only a grant that is no longer valid is remembered: other refusals may
    /// be mended elsewhere.
    async fn gave_nothing(&self, version: i64, who: Uuid, error: OAuthError) -> Error {
        let refused = match &error {
            OAuthError::Refused { code, words } if code == "invalid_grant" => Some(words.clone()),
            OAuthError::Refused { .. } | OAuthError::Failed(_) => None,
        };
        if let OAuthError::Refused { words, .. } = &error {
            tracing::error!(
                portal = %self.portal, code = "B24-TOKEN", "new tokens are refused: {words}"
            );
        }
        let access = self.access();
        let release = access.release_renewal(&self.portal, version, who, refused.as_deref());
        if let Err(error) = release.await {
            tracing::warn!(
                portal = %self.portal, %error,
                "the turn to renew tokens could not be given back: it ends by itself"
            );
        }
        error.into()
    }

    async fn took(&self, tokens: &Tokens) -> Result<Access, Error> {
        let access = access(tokens)?;
        *self.read.lock().await = Some((access.clone(), Instant::now()));
        Ok(access)
    }
}

fn access(tokens: &Tokens) -> Result<Access, Error> {
    let endpoint = Url::parse(&tokens.endpoint)
        .map_err(|_| Error::Tokens("their portal's address cannot be read".to_owned()))?;
    Ok(Access {
        endpoint,
        token: tokens.access.clone(),
    })
}

/// The database or the key is missing. The words of neither hold a secret.
fn lost(error: &app::Error) -> Error {
    Error::Tokens(error.chain())
}
