//! Who calls, and what the caller may do.

use super::{Problem, State};
use crate::{
    app::Actor,
    config::{Caller, Role},
    domain::{Code, ShopName},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

/// The caller whose key the request shows, if it is a known one.
pub(super) fn caller(state: &State, headers: &HeaderMap) -> Option<Caller> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())?;
    state.config.authenticate(key)
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    /// The caller that the outermost layer has told by the key.
    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| {
            Problem::new(
                Code::Key,
                "no known key stands in `Authorization: Bearer KEY`",
            )
        })
    }
}

impl Caller {
    /// The name on record.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Shop(name) => Actor::new(format!("shop:{name}")),
            Self::Operator { name, .. } => Actor::new(format!("operator:{name}")),
        }
    }

    /// The shop whose things alone the caller sees; none: everything.
    pub(super) fn only(&self) -> Option<&ShopName> {
        match self {
            Self::Shop(name) => Some(name),
            Self::Operator { .. } => None,
        }
    }

    /// The shop whose things are asked for: a shop sees its own alone, named or not.
    pub(super) fn within(&self, named: Option<ShopName>) -> Result<Option<ShopName>, Problem> {
        match (self.only(), named) {
            (Some(own), Some(named)) if named != *own => Err(Problem::not_found()),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named),
        }
    }

    /// Whether the caller sees what belongs to this shop; to no known shop: operators alone.
    pub(super) fn sees(&self, shop: Option<&str>) -> bool {
        self.only().is_none_or(|own| shop == Some(own.as_str()))
    }

    /// Refuses who may only look.
    pub(super) fn may_change(&self) -> Result<(), Problem> {
        match self {
            Self::Operator {
                role: Role::Viewer, ..
            } => Err(Problem::new(
                Code::Forbidden,
                "the role `viewer` may look, not change",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses shops, and who may only look.
    pub(super) fn operates(&self) -> Result<(), Problem> {
        self.is_operator()?;
        self.may_change()
    }

    /// Refuses shops.
    pub(super) fn is_operator(&self) -> Result<(), Problem> {
        match self {
            Self::Shop(_) => Err(Problem::new(
                Code::Forbidden,
                "this needs an operator's key",
            )),
            Self::Operator { .. } => Ok(()),
        }
    }
}
