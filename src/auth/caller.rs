//! Callers: who somebody is, and what he may see and do.

use super::Role;
use crate::domain::{ShopName, TillName};

/// Who calls the API, told by the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A shop: sees its own.
    Shop(ShopName),
    /// A person: sees all; may change things in the role `operator`.
    Operator {
        /// The name under `[operators]`.
        name: String,
        /// What the person may do.
        role: Role,
    },
    /// A till: tells receipts, counts and moves, and reserves for its shop.
    Till {
        /// The name under `[tills]`.
        name: TillName,
        /// The shop that it sells for.
        shop: ShopName,
    },
}

/// Why a caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is another's, and for this caller it does not exist.
    #[error("there is no such thing")]
    Elsewhere,
    /// The person may only look.
    #[error("the role `viewer` may look, not change")]
    Viewer,
    /// A shop or a till calls where only people may.
    #[error("this needs an operator's key")]
    NoOperator,
}

impl Caller {
    /// The shop whose things alone the caller sees; `None`: everything.
    pub fn only(&self) -> Option<&ShopName> {
        match self {
            Self::Shop(name) | Self::Till { shop: name, .. } => Some(name),
            Self::Operator { .. } => None,
        }
    }

    /// The shop whose things are asked for: a shop sees its own alone, named or not.
    pub fn within(&self, named: Option<ShopName>) -> Result<Option<ShopName>, Refused> {
        match (self.only(), named) {
            (Some(own), Some(named)) if named != *own => Err(Refused::Elsewhere),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named),
        }
    }

    /// Whether the caller sees what belongs to this shop; to no known shop: operators alone.
    pub fn sees(&self, shop: Option<&str>) -> bool {
        self.only().is_none_or(|own| shop == Some(own.as_str()))
    }

    /// Refuses who may only look.
    pub fn may_change(&self) -> Result<(), Refused> {
        match self {
            Self::Operator {
                role: Role::Viewer, ..
            } => Err(Refused::Viewer),
            _ => Ok(()),
        }
    }

    /// Refuses shops, and who may only look.
    pub fn operates(&self) -> Result<(), Refused> {
        self.is_operator()?;
        self.may_change()
    }

    /// Refuses shops and tills: people alone may go on, viewers too.
    pub fn is_operator(&self) -> Result<(), Refused> {
        match self {
            Self::Shop(_) | Self::Till { .. } => Err(Refused::NoOperator),
            Self::Operator { .. } => Ok(()),
        }
    }
}
