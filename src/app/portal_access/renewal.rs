//! Renewal of tokens: new ones are asked for by one process at a time, and installations are stored
//! or refused.

use super::{Error, PortalAccess, digest};
use crate::{
    domain::PortalName,
    storage::access::{
        grants,
        tokens::{self, Installation},
    },
};
use secrecy::SecretString;
use uuid::Uuid;

/// Tokens that are ours, with what came along.
#[derive(Clone)]
pub struct ConfirmedTokens {
    /// The access token, which goes with every call.
    pub access: SecretString,
    /// The refresh token, for which the authorisation server gives a new pair.
    pub refresh: SecretString,
    /// Bitrix24's `member_id` of the portal, if it was told.
    pub member_id: Option<String>,
    /// The token of its notifications.
    pub application_token: Option<String>,
    /// Whether an operator began it by hand.
    pub by_hand: bool,
}

impl PortalAccess {
    /// Lets one process renew the tokens of that version, for so many seconds; false if another
    /// does, or if they are renewed.
    pub async fn claim_renewal(
        &self,
        portal: &PortalName,
        version: i64,
        who: Uuid,
        seconds: f64,
    ) -> Result<bool, Error> {
        let mut db = self.db.acquire().await?;
        Ok(tokens::claim(&mut db, portal.as_str(), version, who, seconds).await?)
    }

    /// Stores renewed tokens in the place of those of that version; false if others are there.
    pub async fn store_renewed(
        &self,
        portal: &PortalName,
        version: i64,
        sealed: &[u8],
    ) -> Result<bool, Error> {
        let mut db = self.db.acquire().await?;
        Ok(tokens::renewed(&mut db, portal.as_str(), version, sealed).await?)
    }

    /// Gives the turn to renew tokens back, and remembers why they were refused, if they were.
    pub async fn release_renewal(
        &self,
        portal: &PortalName,
        version: i64,
        who: Uuid,
        refused: Option<&str>,
    ) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(tokens::release(&mut db, portal.as_str(), version, who, refused).await?)
    }

    /// Has an offer judged again after so many seconds.
    pub async fn postpone_grant(&self, id: i64, seconds: f64) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(grants::later(&mut db, id, seconds).await?)
    }

    /// Refuses an offer for good.
    pub async fn refuse_grant(&self, id: i64, words: &str) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(grants::settle(&mut db, id, Some(&words.replace('\0', " "))).await?)
    }

    /// Stores tokens, settles their offer and wakes the lane: together or not at all. False if the
    /// portal's identity is another than before.
    pub async fn install(
        &self,
        portal: &PortalName,
        offer: i64,
        confirmed: &ConfirmedTokens,
    ) -> Result<bool, Error> {
        let Some(application) = self.application(portal) else {
            return Ok(false);
        };
        let endpoint = format!("{}rest/", application.portal_url);
        let sealed = self.seal_tokens(portal, &confirmed.access, &confirmed.refresh, &endpoint)?;
        let digest = confirmed.application_token.as_deref().map(digest);
        let new = Installation {
            portal: portal.as_str(),
            sealed: &sealed,
            member_id: confirmed.member_id.as_deref(),
            application_token: digest.as_ref().map(<[u8; 32]>::as_slice),
            other_portal: confirmed.by_hand || application.member_id.is_some(),
        };
        let mut tx = self.db.begin().await?;
        tokens::wake(&mut tx, portal.as_str()).await?;
        if !tokens::install(&mut tx, &new).await? {
            return Ok(false);
        }
        grants::settle(&mut tx, offer, None).await?;
        tx.commit().await?;
        Ok(true)
    }
}
