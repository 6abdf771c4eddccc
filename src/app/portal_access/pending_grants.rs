//! Pending grants: installations and authorisations that somebody told of, to be judged in the
//! background.

use super::{Application, Error, PortalAccess, VaultError, digest};
use crate::{
    domain::PortalName,
    process::doors,
    storage::access::{
        grants::{self, Most},
        tokens::{self, UpdateHint},
    },
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What sealed offers are sealed as.
const OFFER: &str = "grant";
/// The most offers that wait at once: a hundred are judged in a second, and a genuine one is sent
/// but once.
pub(super) const MOST: Most = Most {
    of_portal: 6_000,
    of_source: 1_500,
};
/// The longest secret that is taken, in bytes. Portals give tokens of 70 letters.
pub(super) const LONGEST: usize = 1_024;

/// A field of a form: its key as it came, `auth[access_token]`, and its value.
pub type Field = (String, String);

/// What somebody says are tokens, or the way to them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingGrant {
    /// The portal's own message that the application was installed.
    Tokens {
        /// The access token that was told; not ours until the portal has confirmed it.
        access: String,
        /// The refresh token, for which the authorisation server is asked.
        refresh: String,
        /// Bitrix24's `member_id` of the portal.
        member_id: String,
        /// The token of its notifications.
        application_token: Option<String>,
    },
    /// What the authorisation server itself gave us, not checked to the end.
    Granted {
        /// The access token of the pair that was given.
        access: String,
        /// The refresh token of that pair.
        refresh: String,
        /// Bitrix24's `member_id` of the portal, if the server told it.
        member_id: Option<String>,
        /// The token of its notifications.
        application_token: Option<String>,
        /// Whether an operator began it by hand.
        by_hand: bool,
    },
    /// A code from the portal's page.
    Code {
        /// The one-time code, to be exchanged for tokens.
        code: String,
        /// Whether an operator gave it by hand, who may also change the portal's identity.
        by_hand: bool,
    },
}

impl fmt::Debug for PendingGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokens { .. } => "Tokens(…)",
            Self::Granted { .. } => "Granted(…)",
            Self::Code { .. } => "Code(…)",
        })
    }
}

/// An offer that is to be judged now.
#[derive(Debug)]
pub struct ClaimedGrant {
    /// The number of the pending grant.
    pub id: i64,
    /// What is offered; none if it cannot be read with the present keys.
    pub offer: Option<PendingGrant>,
    /// How often it was begun.
    pub tries: i32,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallOutcome {
    /// It is judged in the background, under this number.
    Waits(i64),
    /// The portal is not reached by an application.
    NoApplication,
    /// Something is missing, or is not what a portal sends.
    Incomplete,
    /// It is of another portal.
    Foreign,
    /// Too many wait already.
    TooMany,
}

impl PortalAccess {
    /// Takes a portal's message that its application was installed: the event ONAPPINSTALL, or the
    /// form that opens the application's page. Nothing is believed yet: tokens are stored once the
    /// portal has confirmed them.
    pub async fn install_app(
        &self,
        portal: &PortalName,
        fields: &[Field],
    ) -> Result<InstallOutcome, Error> {
        let Some(application) = self.application(portal) else {
            return Ok(InstallOutcome::NoApplication);
        };
        let Some((offer, domain)) = read(fields) else {
            return Ok(InstallOutcome::Incomplete);
        };
        let PendingGrant::Tokens { member_id, .. } = &offer else {
            return Ok(InstallOutcome::Incomplete);
        };
        let mut db = self.db.acquire().await?;
        let stored = tokens::get(&mut db, portal.as_str()).await?;
        let known = application
            .member_id
            .clone()
            .or_else(|| stored.and_then(|row| row.member_id));
        let ours = match known {
            Some(known) => known == *member_id,
            None => of_host(application, &domain),
        };
        if !ours {
            return Ok(InstallOutcome::Foreign);
        }
        let sealed = self.seal_offer(portal, &offer)?;
        let source = doors::caller().map_or_else(|| "-".to_owned(), |caller| caller.to_string());
        let id = grants::add(&mut db, portal.as_str(), Some(&source), &sealed, MOST).await?;
        Ok(id.map_or(InstallOutcome::TooMany, InstallOutcome::Waits))
    }

    /// Writes an offer down that an operator began.
    pub async fn offer(
        &self,
        portal: &PortalName,
        offer: &PendingGrant,
    ) -> Result<Option<i64>, Error> {
        let sealed = self.seal_offer(portal, offer)?;
        let mut db = self.db.acquire().await?;
        let id = grants::add(&mut db, portal.as_str(), None, &sealed, MOST).await?;
        Ok(id)
    }

    pub(super) fn seal_offer(
        &self,
        portal: &PortalName,
        offer: &PendingGrant,
    ) -> Result<Vec<u8>, Error> {
        let bytes = serde_json::to_vec(offer).map_err(|_| VaultError::CannotSeal)?;
        Ok(self.vault()?.seal(OFFER, portal.as_str(), &bytes)?)
    }

    /// Replaces an offer by what it was exchanged for: a one-time code, say, is used up.
    pub async fn advance_offer(
        &self,
        portal: &PortalName,
        id: i64,
        offer: &PendingGrant,
    ) -> Result<(), Error> {
        let sealed = self.seal_offer(portal, offer)?;
        let mut db = self.db.acquire().await?;
        Ok(grants::advance(&mut db, id, &sealed).await?)
    }

    /// Takes the next offers to judge, for so long, and tells how many wait in all.
    pub async fn next_offers(
        &self,
        portal: &PortalName,
        seconds: f64,
        most: i64,
    ) -> Result<(Vec<ClaimedGrant>, i64), Error> {
        let mut db = self.db.acquire().await?;
        let rows = grants::take(&mut db, portal.as_str(), seconds, most).await?;
        if rows.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let waiting = grants::waiting(&mut db, portal.as_str()).await?;
        let vault = self.vault()?;
        let offered = rows.into_iter().map(|row| {
            let opened = vault.open(OFFER, portal.as_str(), &row.sealed).ok();
            ClaimedGrant {
                id: row.id,
                offer: opened.and_then(|opened| serde_json::from_slice(&opened.bytes).ok()),
                tries: row.tries,
            }
        });
        Ok((offered.collect(), waiting))
    }

    /// What became of an offer: none while it waits, else why it was refused, if it was.
    pub async fn outcome_of_offer(&self, id: i64) -> Result<Option<Option<String>>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(grants::outcome(&mut db, id).await?)
    }

    /// A secret for the portal to send back in ONAPPTEST, so that the token of its notifications is
    /// learnt.
    pub async fn probe_application_token(&self, portal: &PortalName) -> Result<String, Error> {
        let secret = self.vault()?.random()?;
        let mut db = self.db.acquire().await?;
        tokens::probe(&mut db, portal.as_str(), &digest(&secret)).await?;
        Ok(secret)
    }

    /// Takes the event ONAPPUPDATE as a hint that handlers are to be bound anew; false if it is
    /// none. Who shows the known token is believed at once. The new version's token is not known
    /// yet: whoever names the portal's identity is believed as far as that a portal is asked what
    /// is bound, which costs a few calls, and once in five minutes at most.
    pub(super) async fn hint_of_update(
        &self,
        portal: &PortalName,
        fields: &[Field],
    ) -> Result<bool, Error> {
        let token = value(fields, "auth[application_token]").map(digest);
        if self.application(portal).is_none() {
            return Ok(false);
        }
        let hint = UpdateHint {
            application_token: token.as_ref().map(<[u8; 32]>::as_slice),
            member_id: value(fields, "auth[member_id]"),
        };
        let mut db = self.db.acquire().await?;
        Ok(tokens::updated(&mut db, portal.as_str(), &hint).await?)
    }

    /// Takes the event ONAPPTEST. Who sends our own secret back can only be the portal: its
    /// application token is learnt.
    pub async fn learn_application_token(
        &self,
        portal: &PortalName,
        fields: &[Field],
    ) -> Result<bool, Error> {
        let secret = value(fields, "data[QUERY][probe]");
        let token = value(fields, "auth[application_token]");
        let (Some(secret), Some(token)) = (secret, token) else {
            return Ok(false);
        };
        if self.application(portal).is_none() {
            return Ok(false);
        }
        let mut db = self.db.acquire().await?;
        let learnt =
            tokens::learn(&mut db, portal.as_str(), &digest(secret), &digest(token)).await?;
        if let Some(known) = self.known_tokens().filter(|_| learnt) {
            known.forget(portal);
        }
        Ok(learnt)
    }
}

/// Tokens from the event's fields or from those of the application's page, with the portal's host.
fn read(fields: &[Field]) -> Option<(PendingGrant, String)> {
    let either = |event: &str, page: &str| value(fields, event).or_else(|| value(fields, page));
    let offer = PendingGrant::Tokens {
        access: either("auth[access_token]", "AUTH_ID")?.to_owned(),
        refresh: either("auth[refresh_token]", "REFRESH_ID")?.to_owned(),
        member_id: either("auth[member_id]", "member_id")?.to_owned(),
        application_token: either("auth[application_token]", "APPLICATION_TOKEN")
            .map(str::to_owned),
    };
    let domain = either("auth[domain]", "DOMAIN")?.to_owned();
    Some((offer, domain))
}

/// A field's value, if it is there, not empty, visible and not too long.
fn value<'a>(fields: &'a [Field], key: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(name, _)| name == key)?;
    let fits =
        !value.is_empty() && value.len() <= LONGEST && value.bytes().all(|b| b.is_ascii_graphic());
    fits.then_some(value.as_str())
}

fn of_host(application: &Application, domain: &str) -> bool {
    let bare = domain.split(':').next().unwrap_or_default();
    bare.eq_ignore_ascii_case(&application.host)
}
