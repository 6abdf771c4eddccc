//! Authorisations in a browser: begun by an operator, ended by the portal's page, followed in
//! between.

use super::{
    Error, PendingGrant, PortalAccess, digest,
    pending_grants::{LONGEST, MOST},
};
use crate::{
    app::Actor,
    domain::{PortalName, happening::Act},
    storage::{
        access::{
            grants::{self, AuthorizationRow},
            tokens,
        },
        journal,
    },
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use std::fmt;
use url::Url;

/// How long an authorisation may take in the browser, in seconds.
const PATIENCE: f64 = 900.0;

/// An authorisation that was begun.
#[derive(Clone)]
pub struct AuthorizationStart {
    /// What an administrator of the portal opens.
    pub address: String,
    /// What will come back: it serves once, and only shows that the authorisation was begun here.
    pub state: String,
}

impl fmt::Debug for AuthorizationStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(…)")
    }
}

impl AuthorizationStart {
    /// The public polling handle: the SHA-256 of the state, so that the state stays secret.
    pub fn follow(&self) -> String {
        follow(&digest(&self.state))
    }
}

/// What became of a code that came back from the portal's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// It is judged in the background, under this number.
    Waits(i64),
    /// Nobody began this authorisation, or too long ago, or it has come back already.
    Unknown,
}

/// What became of a code that a person gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeOutcome {
    /// It is judged in the background.
    Waits {
        /// The number of the grant that waits.
        id: i64,
        /// The public polling handle, by which pages ask what became of it.
        follow: String,
    },
    /// There is no code in what was given.
    NoCode,
    /// Too many installations wait already.
    TooMany,
    /// The portal is not reached by an application.
    NoApplication,
}

/// How far an authorisation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationState {
    /// The browser is in the portal.
    Waits,
    /// The browser came back; the portal is asked to confirm.
    Judged,
    /// The bridge is let in.
    Done,
    /// It is not, in these words.
    Refused(String),
    /// Nobody began it, or nobody came back in time.
    Over,
}

/// How an application stands with its portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It was never let in.
    Never,
    /// It was let in at this time.
    Since(DateTime<Utc>),
    /// The portal refuses to renew its tokens, in these words.
    Refused(String),
}

impl PortalAccess {
    /// Begins an authorisation in a browser; none if the portal is not reached by an application.
    pub async fn begin_authorisation(
        &self,
        portal: &PortalName,
        who: &Actor,
    ) -> Result<Option<AuthorizationStart>, Error> {
        let Some(application) = self.application(portal) else {
            return Ok(None);
        };
        let state = self.vault()?.random()?;
        let mut tx = self.db.begin().await?;
        grants::begin(&mut tx, portal.as_str(), &digest(&state), PATIENCE).await?;
        on_record(&mut tx, portal, who, "browser").await?;
        tx.commit().await?;
        let client = percent_encoding::utf8_percent_encode(
            &application.client_id,
            percent_encoding::NON_ALPHANUMERIC,
        );
        let address = format!(
            "{}oauth/authorize/?client_id={client}&state={state}",
            application.portal_url
        );
        Ok(Some(AuthorizationStart { address, state }))
    }

    /// Takes the code that the portal's page sent back with a state that was given out.
    pub async fn authorisation_came_back(
        &self,
        portal: &PortalName,
        code: &str,
        state: &str,
    ) -> Result<CallbackOutcome, Error> {
        if self.application(portal).is_none() || !fits(code) || !fits(state) {
            return Ok(CallbackOutcome::Unknown);
        }
        let offer = PendingGrant::Code {
            code: code.to_owned(),
            by_hand: false,
        };
        let sealed = self.seal_offer(portal, &offer)?;
        let state = digest(state);
        let mut tx = self.db.begin().await?;
        if !grants::begun(&mut tx, portal.as_str(), &state).await? {
            return Ok(CallbackOutcome::Unknown);
        }
        // Whoever holds a state was given it by us: strangers' offers do not stand in the way.
        let Some(id) = grants::add(&mut tx, portal.as_str(), None, &sealed, MOST).await? else {
            return Ok(CallbackOutcome::Unknown);
        };
        grants::came_back(&mut tx, &state, id).await?;
        tx.commit().await?;
        Ok(CallbackOutcome::Waits(id))
    }

    /// Takes a code, or the whole address that the browser was sent to, from a person whose browser
    /// cannot reach the bridge.
    pub async fn hand_over_code(
        &self,
        portal: &PortalName,
        given: &str,
        who: &Actor,
    ) -> Result<CodeOutcome, Error> {
        if self.application(portal).is_none() {
            return Ok(CodeOutcome::NoApplication);
        }
        let Some(code) = code_of(given).filter(|code| fits(code)) else {
            return Ok(CodeOutcome::NoCode);
        };
        let offer = PendingGrant::Code {
            code,
            by_hand: true,
        };
        let sealed = self.seal_offer(portal, &offer)?;
        let state = digest(&self.vault()?.random()?);
        let mut tx = self.db.begin().await?;
        let Some(id) = grants::add(&mut tx, portal.as_str(), None, &sealed, MOST).await? else {
            return Ok(CodeOutcome::TooMany);
        };
        grants::begin(&mut tx, portal.as_str(), &state, PATIENCE).await?;
        grants::came_back(&mut tx, &state, id).await?;
        on_record(&mut tx, portal, who, "code").await?;
        tx.commit().await?;
        let follow = follow(&state);
        Ok(CodeOutcome::Waits { id, follow })
    }

    /// How far an authorisation is.
    pub async fn authorising(
        &self,
        portal: &PortalName,
        follow: &str,
    ) -> Result<AuthorizationState, Error> {
        let Some(state) = followed(follow) else {
            return Ok(AuthorizationState::Over);
        };
        let mut db = self.db.acquire().await?;
        let found = grants::follow(&mut db, portal.as_str(), &state).await?;
        Ok(match found {
            Some(AuthorizationRow {
                came_back: false,
                over: false,
                ..
            }) => AuthorizationState::Waits,
            None
            | Some(AuthorizationRow {
                came_back: false, ..
            }) => AuthorizationState::Over,
            Some(AuthorizationRow { settled: false, .. }) => AuthorizationState::Judged,
            Some(AuthorizationRow {
                refused: Some(words),
                ..
            }) => AuthorizationState::Refused(words),
            Some(_) => AuthorizationState::Done,
        })
    }

    /// How the application of a portal stands; none if the portal is reached by a webhook.
    pub async fn application_access(&self, portal: &PortalName) -> Result<Option<Access>, Error> {
        if self.application(portal).is_none() {
            return Ok(None);
        }
        let mut db = self.db.acquire().await?;
        let row = tokens::get(&mut db, portal.as_str()).await?;
        Ok(Some(match row {
            None => Access::Never,
            Some(row) => row
                .refused_reason
                .map_or(Access::Since(row.installed_at), Access::Refused),
        }))
    }

    /// The offer that came back with a state, if one did.
    pub async fn offer_of_state(&self, state: &str) -> Result<Option<i64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(grants::of_state(&mut db, &digest(state)).await?)
    }
}

/// Who asked for the authorisation, and by which way.
async fn on_record(
    db: &mut PgConnection,
    portal: &PortalName,
    who: &Actor,
    by: &str,
) -> Result<(), Error> {
    let detail = json!({ "by": by });
    let act = Act::PortalAuthorized {
        portal: portal.to_string(),
        by: by.to_owned(),
    };
    journal::audit(db, &who.0, &act, portal.as_str(), &detail).await?;
    Ok(())
}

fn fits(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST
}

/// The code by itself, or out of the address that the browser was sent to.
fn code_of(given: &str) -> Option<String> {
    let given = given.trim();
    match Url::parse(given) {
        Ok(url) => {
            let mut pairs = url.query_pairs();
            let code = pairs.find(|(key, _)| key == "code");
            code.map(|(_, code)| code.into_owned())
        }
        Err(_) => Some(given.to_owned()),
    }
}

fn follow(state: &[u8; 32]) -> String {
    hex::encode(state)
}

fn followed(text: &str) -> Option<Vec<u8>> {
    let whole = text.len() == 64 && text.is_ascii();
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    whole.then(|| (0..64).step_by(2).map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_alone_or_in_the_address_of_the_browser() {
        let address = "https://bridge.example/webhooks/bitrix24/main/oauth?code=abc&state=s";
        assert_eq!(code_of(address).as_deref(), Some("abc"));
        assert_eq!(code_of(" abc\n").as_deref(), Some("abc"));
        assert_eq!(code_of("https://bridge.example/oauth?state=s"), None);
    }

    #[test]
    fn what_is_followed_is_the_digest_and_nothing_else_is_taken_for_one() {
        let state = digest("a state");
        assert_eq!(followed(&follow(&state)), Some(state.to_vec()));
        for other in [
            "",
            "00",
            &"zz".repeat(32),
            &"é".repeat(32),
            &"+1".repeat(32),
        ] {
            let bytes = followed(other);
            assert!(bytes.is_none_or(|bytes| bytes != state), "{other}");
        }
    }
}
