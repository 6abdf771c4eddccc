//! Applications of portals: what they are, what is told of their installation, and their tokens as
//! they are kept.
//!
//! Owns: which installations are worth judging, the secrets of an authorisation in a browser, and
//! the form in which tokens lie in the database. Refuses: judging. Whether tokens are genuine is
//! found out by asking the portal, in the background; a request that tells of an installation is
//! only written down.
//!
//! Invariants: no token and no code is stored unencrypted; application tokens are stored as
//! digests; nobody gets tokens replaced by telling of an installation.

mod app_events;
mod authorization;
mod pending_grants;
mod renewal;
pub(super) mod shared_limit;
mod states;
mod token_cache;
mod vault;

use super::{Error, Shared, Traps};
use crate::{
    domain::PortalName,
    process::bug::Step,
    storage::{self, access::tokens},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use std::{collections::BTreeMap, fmt, sync::Arc, sync::OnceLock};
use subtle::ConstantTimeEq as _;

pub use crate::storage::access::tokens::PortalState;
pub use app_events::AppEvent;
pub use authorization::{
    Access, AuthorizationStart, AuthorizationState, CallbackOutcome, CodeOutcome,
};
pub use pending_grants::{ClaimedGrant, Field, InstallOutcome, PendingGrant};
pub use renewal::ConfirmedTokens;
use states::StateCache;
pub(super) use token_cache::TokenCache;
pub use vault::{Plaintext, Vault, VaultError};

/// Applications are let into portals, and their tokens are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PortalAccess {
    db: PgPool,
    traps: Traps,
    applications: Arc<OnceLock<(Applications, TokenCache, StateCache)>>,
}

impl PortalAccess {
    /// A step with one installation begins.
    pub(crate) fn step(&self, step: Step, grant: &str) {
        self.traps.step(step, grant);
    }

    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            db: shared.db.clone(),
            traps: shared.traps.clone(),
            applications: Arc::default(),
        }
    }
}

/// What sealed tokens are sealed as.
const TOKENS: &str = "tokens";

/// An application of a portal, as configured.
#[derive(Debug, Clone)]
pub struct Application {
    /// The application's `client_id`, which the portal shows at its registration.
    pub client_id: String,
    /// The portal's address with a slash at its end.
    pub portal_url: String,
    /// The portal's host, in lower case.
    pub host: String,
    /// The portal's identity, if configured.
    pub member_id: Option<String>,
}

/// All applications, and the keys of their tokens.
#[derive(Debug)]
pub struct Applications {
    /// What seals tokens before they are stored, and opens them.
    pub vault: Vault,
    /// The portals that are reached by an application.
    pub portals: BTreeMap<PortalName, Application>,
}

/// The tokens of a portal, readable.
#[derive(Clone)]
pub struct Tokens {
    /// Grows with every change: a renewal replaces only the version that it read.
    pub version: i64,
    /// The access token, which goes with every call.
    pub access: SecretString,
    /// The refresh token, for which the authorisation server gives a new pair.
    pub refresh: SecretString,
    /// The portal's address for method names to be put behind.
    pub endpoint: String,
    /// Bitrix24's `member_id` of the portal, which stays when its address changes.
    pub member_id: Option<String>,
    /// Whether the token of the application's notifications is known.
    pub hears: bool,
    /// When the application was last installed, authorised or updated, in microseconds of the
    /// epoch.
    pub installed_at: i64,
    /// Why the portal refuses to renew them.
    pub refused: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("version", &self.version)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// The part of the tokens that is sealed.
#[derive(Serialize, Deserialize)]
struct SealedTokens {
    access: String,
    refresh: String,
    endpoint: String,
}

impl PortalAccess {
    /// Says which applications there are. The first word counts.
    pub(super) fn set_applications(&self, applications: Applications) {
        let (tokens, states) = (TokenCache::default(), StateCache::default());
        let _ = self.applications.set((applications, tokens, states));
    }

    /// The application of a portal.
    pub fn application(&self, portal: &PortalName) -> Option<&Application> {
        self.applications.get()?.0.portals.get(portal)
    }

    fn vault(&self) -> Result<&Vault, VaultError> {
        let applications = self.applications.get();
        applications
            .map(|(all, ..)| &all.vault)
            .ok_or(VaultError::CannotSeal)
    }

    /// The tokens of a portal's application. Those that lie there under an old key are sealed anew.
    pub async fn tokens(&self, portal: &PortalName) -> Result<Option<Tokens>, Error> {
        let mut db = self.db.acquire().await?;
        let Some(row) = tokens::get(&mut db, portal.as_str()).await? else {
            return Ok(None);
        };
        let opened = self.vault()?.open(TOKENS, portal.as_str(), &row.sealed)?;
        if !opened.newest {
            let sealed = self.vault()?.seal(TOKENS, portal.as_str(), &opened.bytes)?;
            tokens::reseal(&mut db, portal.as_str(), row.version, &sealed).await?;
        }
        let kept: SealedTokens = serde_json::from_slice(&opened.bytes).map_err(|error| {
            Error::Storage(storage::Error::Unreadable {
                table: "bridge.tokens",
                detail: error.classify_words().to_owned(),
            })
        })?;
        Ok(Some(Tokens {
            version: row.version,
            access: SecretString::from(kept.access),
            refresh: SecretString::from(kept.refresh),
            endpoint: kept.endpoint,
            member_id: row.member_id,
            hears: row.application_token.is_some(),
            installed_at: row.installed_at.timestamp_micros(),
            refused: row.refused_reason,
        }))
    }

    /// Tokens as they are stored.
    pub fn seal_tokens(
        &self,
        portal: &PortalName,
        access: &SecretString,
        refresh: &SecretString,
        endpoint: &str,
    ) -> Result<Vec<u8>, Error> {
        let kept = SealedTokens {
            access: access.expose_secret().to_owned(),
            refresh: refresh.expose_secret().to_owned(),
            endpoint: endpoint.to_owned(),
        };
        let bytes = serde_json::to_vec(&kept).map_err(|_| VaultError::CannotSeal)?;
        Ok(self.vault()?.seal(TOKENS, portal.as_str(), &bytes)?)
    }

    /// Whether a notification's token is that of the portal's application. Takes as long for every
    /// wrong one.
    pub async fn knows_application_token(
        &self,
        portal: &PortalName,
        token: &str,
    ) -> Result<bool, Error> {
        if self.application(portal).is_none() {
            return Ok(false);
        }
        let given = digest(token);
        let fits = |known: Option<&[u8]>| known.is_some_and(|known| known.ct_eq(&given).into());
        if let Some(fits) = self
            .known_tokens()
            .and_then(|known| known.says(portal, fits))
        {
            return Ok(fits);
        }
        let mut db = self.db.acquire().await?;
        let row = tokens::get(&mut db, portal.as_str()).await?;
        let stored = row.and_then(|row| row.application_token);
        let fits = fits(stored.as_deref());
        if let Some(known) = self.known_tokens() {
            known.read(portal, stored);
        }
        Ok(fits)
    }

    fn known_tokens(&self) -> Option<&TokenCache> {
        self.applications.get().map(|(_, known, _)| known)
    }
}

/// What stands for a secret where it need not be read again.
fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The kind of a JSON error without its words: they may hold a secret.
trait Kind {
    fn classify_words(&self) -> &'static str;
}

impl Kind for serde_json::Error {
    fn classify_words(&self) -> &'static str {
        if self.is_data() {
            "an unknown form"
        } else {
            "no JSON"
        }
    }
}
