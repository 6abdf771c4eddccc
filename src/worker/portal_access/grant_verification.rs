//! Judging what is told of installations and authorisations: the portal itself confirms, or nothing
//! is stored.

use super::AppPortal;
use crate::{
    app::{
        self, PortalAccess,
        portal_access::{Application, ClaimedGrant, ConfirmedTokens, PendingGrant},
    },
    clients::bitrix24::{
        Access, Class, Client, Credentials, Error, GrantedTokens, OAuthError, Options, Pending,
        Priority, TokenSource,
    },
    domain::ErrorCode,
    process::{
        bug::{self, Step},
        doors::{Admitted, Tries},
    },
};
use futures_util::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use url::Url;

/// How long one process may take to judge an offer, in seconds.
const TURN: f64 = 120.0;
/// How often an offer is judged before it is let go, and the pause between, in seconds: a portal
/// may be away for a while.
const MOST_TRIES: i32 = 60;
/// How many are judged at the same time, and how many may wait for all of them to be shown to the
/// portal.
const AT_ONCE: i64 = 16;
const FEW: i64 = 3;
const PAUSE: f64 = 30.0;

/// What stands in the way of tokens.
enum VerificationError {
    /// They are not to be stored, and why.
    Refused(String),
    /// It could not be found out.
    Later(Error),
}

impl From<Error> for VerificationError {
    fn from(error: Error) -> Self {
        match error.class() {
            Class::Down
            | Class::InDoubt
            | Class::Intercepted
            | Class::Throttled(_)
            | Class::MethodBlocked(_) => Self::Later(error),
            Class::TokenExpired | Class::Blocked(_) | Class::Refused => {
                Self::Refused(error.to_string())
            }
        }
    }
}

impl From<OAuthError> for VerificationError {
    fn from(error: OAuthError) -> Self {
        match error {
            OAuthError::Refused { words, .. } => Self::Refused(words),
            OAuthError::Failed(error) => error.into(),
        }
    }
}

/// What came of judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    /// The grant was good: its tokens are stored.
    Stored,
    /// The grant was refused for good: it is not judged again.
    Refused,
    /// Not to be judged now.
    Later,
}

/// How offers of a portal were judged lately, so that strangers do not use its request limit up,
/// nor our credit with the authorisation server.
#[derive(Debug)]
pub(super) struct Wariness {
    /// Refusals that cost the portal a call.
    of_portal: Tries<()>,
    /// Refusals that cost the authorisation server a call.
    of_server: Tries<()>,
}

impl Default for Wariness {
    fn default() -> Self {
        Self {
            of_portal: Tries::new(3, Duration::from_mins(1)),
            of_server: Tries::new(1_500, Duration::from_millis(200)),
        }
    }
}

/// What some turns came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct VerificationRound {
    /// Whether tokens were stored.
    pub(super) stored: bool,
    /// Whether more may wait to be judged at once.
    pub(super) more: bool,
}

/// Judges the next offers that wait for this portal, several at the same time. Few are shown to the
/// portal; where many wait, or many were refused lately, the authorisation server tells first which
/// were given to our application at all: that costs the portal nothing.
pub(super) async fn next(
    access: &PortalAccess,
    reached: &AppPortal,
    wary: &Wariness,
) -> Result<VerificationRound, app::Error> {
    if let Admitted::In(wait) = wary.of_server.admits(&()) {
        tracing::warn!(
            portal = %reached.tokens.portal(), ?wait,
            "so many installations are forged that the next are judged slowly"
        );
        tokio::time::sleep(wait.min(Duration::from_secs(1))).await;
    }
    let name = reached.tokens.portal();
    let (offers, waiting) = access.next_offers(name, TURN, AT_ONCE).await?;
    let sift = waiting > FEW || wary.of_portal.admits(&()) != Admitted::Now;
    let more = waiting > AT_ONCE;
    let judged = offers
        .into_iter()
        .map(|offered| judge_one(access, reached, offered, sift));
    let mut turn = VerificationRound {
        more,
        ..VerificationRound::default()
    };
    let mut refused = 0;
    for judged in join_all(judged).await {
        match judged? {
            Verification::Stored => turn.stored = true,
            Verification::Refused => refused += 1,
            Verification::Later => {}
        }
    }
    for _ in 0..refused {
        let counted = if sift {
            &wary.of_server
        } else {
            &wary.of_portal
        };
        counted.wrong(&());
    }
    if refused > 0 {
        tracing::warn!(
            portal = %name, code = "B24-TOKEN", refused, waiting,
            "installations were refused: `bridge.grants` says why"
        );
    }
    Ok(turn)
}

/// Judges one; a panic over it is its own: it is judged again later, as if the portal were away,
/// and the others are judged meanwhile.
async fn judge_one(
    access: &PortalAccess,
    reached: &AppPortal,
    offered: ClaimedGrant,
    sift: bool,
) -> Result<Verification, app::Error> {
    let (name, id, tries) = (reached.tokens.portal(), offered.id, offered.tries);
    let judged = bug::caught_in(verify(access, reached, offered, sift)).await;
    let bug = match judged {
        Ok(judged) => return judged,
        Err(bug) => bug,
    };
    tracing::error!(
        portal = %name, offer = id, place = bug.place, code = %ErrorCode::Bug,
        "a panic over an installation"
    );
    if tries < MOST_TRIES {
        access.postpone_grant(id, PAUSE).await?;
        return Ok(Verification::Later);
    }
    let words = format!("{}: {}", ErrorCode::Bug, bug);
    access.refuse_grant(id, &words).await?;
    Ok(Verification::Refused)
}

async fn verify(
    access: &PortalAccess,
    reached: &AppPortal,
    offered: ClaimedGrant,
    sift: bool,
) -> Result<Verification, app::Error> {
    let name = reached.tokens.portal();
    access.step(Step::Judge, &offered.id.to_string());
    let confirmed = match (&offered.offer, access.application(name)) {
        (Some(offer), Some(application)) => {
            let judge = Verifier {
                access,
                reached,
                application,
                id: offered.id,
                sift,
            };
            judge.confirm(offer.clone()).await
        }
        (None, _) => Err(VerificationError::Refused(
            "it was encrypted with a key that is no longer configured".to_owned(),
        )),
        (_, None) => Err(VerificationError::Refused(
            "the portal is not reached by an application".to_owned(),
        )),
    };
    let refused = match confirmed {
        Ok(confirmed) => {
            let stored = access.install(name, offered.id, &confirmed).await?;
            (!stored).then(|| {
                "the portal's identity (member_id) is another than before: set `member_id` in the \
                 settings if that is right"
                    .to_owned()
            })
        }
        Err(VerificationError::Refused(words)) => Some(words),
        Err(VerificationError::Later(error)) if offered.tries < MOST_TRIES => {
            tracing::warn!(portal = %name, %error, "an installation cannot be judged yet");
            access.postpone_grant(offered.id, PAUSE).await?;
            return Ok(Verification::Later);
        }
        Err(VerificationError::Later(error)) => Some(error.to_string()),
    };
    let Some(words) = refused else {
        reached.tokens.forget().await;
        tracing::info!(portal = %name, "the application is installed");
        return Ok(Verification::Stored);
    };
    tracing::debug!(portal = %name, "an installation is refused: {words}");
    access.refuse_grant(offered.id, &words).await?;
    Ok(Verification::Refused)
}

/// What is needed to judge one offer.
struct Verifier<'a> {
    access: &'a PortalAccess,
    reached: &'a AppPortal,
    application: &'a Application,
    id: i64,
    /// Whether the authorisation server is asked before the portal is.
    sift: bool,
}

impl Verifier<'_> {
    async fn confirm(&self, offer: PendingGrant) -> Result<ConfirmedTokens, VerificationError> {
        let ours = match offer {
            PendingGrant::Tokens {
                access,
                refresh,
                member_id,
                application_token,
            } => {
                let told = ConfirmedTokens {
                    access: access.into(),
                    refresh: refresh.into(),
                    member_id: Some(member_id),
                    application_token,
                    by_hand: false,
                };
                self.ours(told).await?
            }
            PendingGrant::Granted {
                access,
                refresh,
                member_id,
                application_token,
                by_hand,
            } => ConfirmedTokens {
                access: access.into(),
                refresh: refresh.into(),
                member_id,
                application_token,
                by_hand,
            },
            PendingGrant::Code { code, by_hand } => {
                let code = SecretString::from(code);
                let granted = self.reached.tokens.server().exchange(&code).await?;
                self.keep(granted, None, by_hand).await?
            }
        };
        let client = self.client(&ours.access)?;
        administrator(&client).await?;
        Ok(ours)
    }

    /// The tokens if the portal says that they are our application's. Where it does not say, the
    /// authorisation server does: it renews for us only what it gave to us.
    async fn ours(&self, told: ConfirmedTokens) -> Result<ConfirmedTokens, VerificationError> {
        if self.sift {
            return self.renewed(told).await;
        }
        let client = self.client(&told.access)?;
        match client.call("app.info", &json!({}), Priority::Live).await {
            Ok(answer) => match answer.result.get("CODE").and_then(Value::as_str) {
                Some(code) if code == self.application.client_id => return Ok(told),
                Some(code) if code.starts_with("local.") || code.starts_with("app.") => {
                    return Err(VerificationError::Refused(format!(
                        "the tokens are of another application, {code}"
                    )));
                }
                Some(_) | None => {}
            },
            Err(error) if error.class() == Class::TokenExpired => {}
            Err(error) => return Err(error.into()),
        }
        self.renewed(told).await
    }

    /// The tokens that the authorisation server gives in place of those: it knows its own.
    async fn renewed(&self, told: ConfirmedTokens) -> Result<ConfirmedTokens, VerificationError> {
        let mut granted = self.reached.tokens.server().renew(&told.refresh).await?;
        granted.member_id = granted.member_id.or(told.member_id);
        self.keep(granted, told.application_token, false).await
    }

    /// A client at the configured address: where a message says that a portal is does not matter.
    /// What it calls is counted by whoever drives the portal's lane.
    fn client(&self, token: &SecretString) -> Result<Client, VerificationError> {
        let endpoint =
            Url::parse(&format!("{}rest/", self.application.portal_url)).map_err(|_| {
                VerificationError::Refused("the portal's configured address is none".to_owned())
            })?;
        let access = Access {
            endpoint,
            token: token.clone(),
        };
        let options = Options {
            rate: self.reached.client.rate(),
            timeout: Duration::from_secs(30),
            ..Options::default()
        };
        let credentials = Credentials::App(Arc::new(TokenClaims(access)));
        let client = Client::new(credentials, self.reached.client.connections(), &options);
        Ok(self
            .access
            .with_shared_limit(self.reached.tokens.portal(), client))
    }

    /// Writes down what the server gave before anything else: what it was asked with is used up.
    async fn keep(
        &self,
        granted: GrantedTokens,
        application_token: Option<String>,
        by_hand: bool,
    ) -> Result<ConfirmedTokens, VerificationError> {
        let portal = self.reached.tokens.portal();
        let lost = |error: app::Error| VerificationError::Later(Error::Tokens(error.to_string()));
        let offer = PendingGrant::Granted {
            access: granted.access.expose_secret().to_owned(),
            refresh: granted.refresh.expose_secret().to_owned(),
            member_id: granted.member_id.clone(),
            application_token: application_token.clone(),
            by_hand,
        };
        self.access
            .advance_offer(portal, self.id, &offer)
            .await
            .map_err(lost)?;
        let stored = self.access.tokens(portal).await.map_err(lost)?;
        let before = stored.and_then(|tokens| tokens.member_id);
        of_portal(self.application, before.as_deref(), &granted)?;
        Ok(ConfirmedTokens {
            access: granted.access,
            refresh: granted.refresh,
            member_id: granted.member_id,
            application_token,
            by_hand,
        })
    }
}

/// A code or a renewed token is of the configured portal: by identity if that is known, else by
/// address.
fn of_portal(
    application: &Application,
    before: Option<&str>,
    granted: &GrantedTokens,
) -> Result<(), VerificationError> {
    let host = granted.endpoint.as_ref().and_then(Url::host_str);
    let here = || host.is_none_or(|host| host.eq_ignore_ascii_case(&application.host));
    let given = granted.member_id.as_deref();
    let fits = match &application.member_id {
        Some(wanted) if given.is_some() => given == Some(wanted),
        // A portal that was renamed keeps its identity.
        _ => (before.is_some() && given == before) || here(),
    };
    if fits {
        Ok(())
    } else {
        Err(VerificationError::Refused(format!(
            "the tokens are of another portal, {}",
            host.unwrap_or("which does not say its address")
        )))
    }
}

/// Only an administrator sees every deal and may read the queue of events.
async fn administrator(client: &Client) -> Result<(), VerificationError> {
    let answer = client.call("profile", &json!({}), Priority::Live).await?;
    let admin = match answer.result.get("ADMIN") {
        Some(Value::Bool(admin)) => *admin,
        Some(Value::String(text)) => matches!(text.as_str(), "Y" | "1" | "true"),
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    };
    if admin {
        Ok(())
    } else {
        Err(VerificationError::Refused(
            "whoever installed or authorised the application is no administrator of the portal"
                .to_owned(),
        ))
    }
}

/// Tokens that are used as they are.
struct TokenClaims(Access);

impl TokenSource for TokenClaims {
    fn current(&self) -> Pending<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn renewed<'a>(&'a self, _: &'a SecretString) -> Pending<'a> {
        Box::pin(async {
            Err(Error::TokenExpired {
                words: "it is not renewed before it is confirmed".to_owned(),
            })
        })
    }
}
