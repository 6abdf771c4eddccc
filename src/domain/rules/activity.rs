//! A shop's rules for its calls, mails and messages.

use serde::Deserialize;

/// How the calls, mails and messages of a shop are put on cards.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityRules {
    /// What becomes of somebody whom the portal does not know.
    pub unknown: UnknownCaller,
    /// Within how many seconds a missed call is to be answered: the deadline of its to-do. That of
    /// a form's is the same.
    pub missed_call_within: f64,
    /// Who deals with them; `None`: whoever deals with the card.
    pub responsible_id: Option<u64>,
}

impl Default for ActivityRules {
    fn default() -> Self {
        Self {
            unknown: UnknownCaller::Lead,
            missed_call_within: 15.0 * 60.0,
            responsible_id: None,
        }
    }
}

/// What becomes of somebody whom the portal does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCaller {
    /// A lead; a contact and a deal where the portal has no leads.
    #[default]
    Lead,
    /// Nothing is made; it is only on record.
    None,
}
