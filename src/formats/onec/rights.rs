//! Rights of those who exchange for a base.

use super::Base;

/// Something that a user of a base may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Fetch the orders that wait for the base.
    Export,
    /// Change statuses, cancellations and deletions among them.
    Statuses,
    /// Say what is paid and shipped.
    Payments,
    /// Have the shop told of changed contents.
    Contents,
    /// Make orders that the shop does not know yet.
    Create,
}

impl Right {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::Export,
        Self::Statuses,
        Self::Payments,
        Self::Contents,
        Self::Create,
    ];

    /// Its name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Statuses => "statuses",
            Self::Payments => "payments",
            Self::Contents => "contents",
            Self::Create => "create",
        }
    }
}

impl Base {
    /// Whether somebody may do something. What nobody's name is known of, anybody may.
    pub fn may(&self, login: Option<&str>, right: Right) -> bool {
        let rights = login.and_then(|login| self.rights.get(login));
        rights.is_none_or(|rights| rights.contains(&right))
    }
}
