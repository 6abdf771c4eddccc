//! Extractors of callers: each refuses who may not go on.

use crate::{
    app::Actor,
    auth::{Caller, Refused},
    config::Config,
    domain::ErrorCode,
    http::{Problem, State},
    process::doors::{self, Admitted},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use std::{net::IpAddr, time::Duration};
use tokio::sync::Semaphore;

/// How long the answer to a wrong key is held back where too many came from the same place, and how
/// many answers at once.
const HELD_BACK: Duration = Duration::from_secs(1);
static HELD: Semaphore = Semaphore::const_new(256);

/// A wrong key was shown, after many others from the same place: the next is judged no sooner than
/// after this.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct TooMany(Duration);

/// What the key says that a request shows.
pub(in crate::http) enum ShownKey {
    /// Its owner. A right key is never slowed, whoever else is at the same place.
    Known(Caller),
    /// A key that nobody has; with it how long its place must wait, after many wrong ones.
    Wrong(Option<TooMany>),
    /// No `Authorization: Bearer` at all.
    Nothing,
}

/// Judges the key that the request shows. Every key is judged; wrong ones are counted by where they
/// come from.
pub(in crate::http) fn shown(
    config: &Config,
    wrong: &doors::Tries<IpAddr>,
    headers: &HeaderMap,
) -> ShownKey {
    let value = headers.get(header::AUTHORIZATION);
    let key = value.and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let Some(key) = key else {
        return ShownKey::Nothing;
    };
    if let Some(caller) = config.authenticate(key) {
        return ShownKey::Known(caller);
    }
    let Some(source) = doors::caller() else {
        return ShownKey::Wrong(None);
    };
    let admitted = wrong.admits(&source);
    wrong.wrong(&source);
    ShownKey::Wrong(match admitted {
        Admitted::Now => None,
        Admitted::In(wait) => Some(TooMany(wait)),
    })
}

impl TooMany {
    async fn problem(self) -> Problem {
        // Beyond that many the answer comes at once: they must not keep others from being answered.
        if let Ok(_place) = HELD.try_acquire() {
            tokio::time::sleep(HELD_BACK).await;
        }
        Problem::slowed(self.0)
    }
}

/// A caller who may be a till, too.
pub(in crate::http) struct AnyCaller(pub(in crate::http) Caller);

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    /// A caller who is no till: a till's token opens two doors, and those say so themselves.
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        match AnyCaller::from_request_parts(parts, state).await?.0 {
            Self::Till { .. } => Err(Problem::new(
                ErrorCode::Forbidden,
                "a till's token tells receipts, counts and moves, and reserves for its shop: \
                 nothing else",
            )),
            caller => Ok(caller),
        }
    }
}

impl FromRequestParts<State> for AnyCaller {
    type Rejection = Problem;

    /// The caller that the outermost layer has told by the key.
    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        if let Some(too_many) = parts.extensions.get::<TooMany>().copied() {
            return Err(too_many.problem().await);
        }
        let known = parts.extensions.get::<Caller>().cloned();
        known.map(Self).ok_or_else(|| {
            Problem::new(
                ErrorCode::Key,
                "no known key stands in `Authorization: Bearer KEY`",
            )
        })
    }
}

/// A caller who may change what is his: no viewer.
pub(in crate::http) struct MayChange(pub(in crate::http) Caller);

/// An operator who may change things: no shop, no viewer.
pub(in crate::http) struct MayOperate(pub(in crate::http) Caller);

/// An operator, who may be a viewer: no shop. What only looks has no use for the name.
pub(in crate::http) struct IsOperator;

impl FromRequestParts<State> for MayChange {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.may_change()?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<State> for MayOperate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.operates()?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<State> for IsOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.is_operator()?;
        Ok(Self)
    }
}

impl Caller {
    /// Under which name the caller's acts are put on record.
    pub(in crate::http) fn actor(&self) -> Actor {
        match self {
            Self::Shop(name) => Actor::new(format!("shop:{name}")),
            Self::Operator { name, .. } => Actor::new(format!("operator:{name}")),
            Self::Till { name, .. } => Actor::new(format!("till:{name}")),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Elsewhere => Self::not_found(),
            Refused::Viewer | Refused::NoOperator => {
                Self::new(ErrorCode::Forbidden, refused.to_string())
            }
        }
    }
}
