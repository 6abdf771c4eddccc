//! Who calls, and what the caller may do.

use crate::{
    app::Actor,
    config::{Caller, Role},
    domain::{ErrorCode, ShopName},
    http::{Problem, State},
    process::doors::{self, Admitted},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use std::time::Duration;
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
    /// It is nobody's.
    Wrong(Option<TooMany>),
    /// There is none.
    Nothing,
}

/// Judges the key that the request shows. Every key is judged; wrong ones are counted by where they
/// come from.
pub(in crate::http) fn shown(state: &State, headers: &HeaderMap) -> ShownKey {
    let value = headers.get(header::AUTHORIZATION);
    let key = value.and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let Some(key) = key else {
        return ShownKey::Nothing;
    };
    if let Some(caller) = state.config.authenticate(key) {
        return ShownKey::Known(caller);
    }
    let Some(source) = doors::caller() else {
        return ShownKey::Wrong(None);
    };
    let wrong = state.app.wrong_keys();
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

impl Caller {
    /// The name on record.
    pub(in crate::http) fn actor(&self) -> Actor {
        match self {
            Self::Shop(name) => Actor::new(format!("shop:{name}")),
            Self::Operator { name, .. } => Actor::new(format!("operator:{name}")),
            Self::Till { name, .. } => Actor::new(format!("till:{name}")),
        }
    }

    /// The shop whose things alone the caller sees; none: everything.
    pub(in crate::http) fn only(&self) -> Option<&ShopName> {
        match self {
            Self::Shop(name) | Self::Till { shop: name, .. } => Some(name),
            Self::Operator { .. } => None,
        }
    }

    /// The shop whose things are asked for: a shop sees its own alone, named or not.
    pub(in crate::http) fn within(
        &self,
        named: Option<ShopName>,
    ) -> Result<Option<ShopName>, Problem> {
        match (self.only(), named) {
            (Some(own), Some(named)) if named != *own => Err(Problem::not_found()),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named),
        }
    }

    /// Whether the caller sees what belongs to this shop; to no known shop: operators alone.
    pub(in crate::http) fn sees(&self, shop: Option<&str>) -> bool {
        self.only().is_none_or(|own| shop == Some(own.as_str()))
    }

    /// Refuses who may only look.
    pub(in crate::http) fn may_change(&self) -> Result<(), Problem> {
        match self {
            Self::Operator {
                role: Role::Viewer, ..
            } => Err(Problem::new(
                ErrorCode::Forbidden,
                "the role `viewer` may look, not change",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses shops, and who may only look.
    pub(in crate::http) fn operates(&self) -> Result<(), Problem> {
        self.is_operator()?;
        self.may_change()
    }

    /// Refuses shops.
    pub(in crate::http) fn is_operator(&self) -> Result<(), Problem> {
        match self {
            Self::Shop(_) | Self::Till { .. } => Err(Problem::new(
                ErrorCode::Forbidden,
                "this needs an operator's key",
            )),
            Self::Operator { .. } => Ok(()),
        }
    }
}
