//! What systems say of an order's status, and what was last known to be the same thing on both sides.

use super::Stage;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A system that has an opinion about an order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The online store.
    Shop,
    /// The CRM portal.
    Bitrix24,
    /// The accounting system.
    OneC,
    /// A till.
    Pos,
}

/// What one system says, and since when by its own clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation<V> {
    /// Who says it.
    pub source: Source,
    /// What it says: a status code or a [`Stage`].
    pub value: V,
    /// Since when, by that system's clock, uncorrected: `status_changed_at` of a shop, MOVED_TIME of a deal. Never the
    /// time of any other edit.
    pub since: Option<DateTime<Utc>>,
    /// When the bridge learnt of it, by the bridge's clock.
    pub seen: DateTime<Utc>,
}

/// The last status and stage known to be the same thing on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The shop's status.
    pub status: String,
    /// The portal's stage.
    pub stage: Stage,
    /// MOVED_TIME of the deal as it was read in that stage; none until it was read after a write of our own.
    #[serde(default)]
    pub portal_since: Option<DateTime<Utc>>,
    /// What the shop was told and has not confirmed by a snapshot yet, oldest first; the last one is `status`.
    #[serde(default)]
    pub told: Vec<Told>,
}

impl Agreed {
    /// Agreement right after a deal was made or read: nothing is on its way.
    pub fn new(status: impl Into<String>, stage: Stage) -> Self {
        Self {
            status: status.into(),
            stage,
            portal_since: None,
            told: Vec::new(),
        }
    }

    /// The shop acknowledged (2xx, or read from the feed) that it was told `status`.
    #[must_use]
    pub fn delivered(mut self, status: &str, at: DateTime<Utc>) -> Self {
        let waiting = self.told.iter_mut().filter(|t| t.delivered_at.is_none());
        for told in waiting {
            told.delivered_at = Some(at);
            if told.status == status {
                break;
            }
        }
        self
    }

    /// The shop refused what it was told (409), or it will never be told: what was agreed before that; none if nothing was.
    #[must_use]
    pub fn refused(self) -> Option<Self> {
        let Some(told) = self.told.iter().find(|t| t.delivered_at.is_none()) else {
            return Some(self);
        };
        let stage = told.stage_before.clone()?;
        Some(Self::new(told.previous.clone(), stage))
    }
}

/// A status that the shop was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it was told.
    pub status: String,
    /// What it had before, as far as was known.
    pub previous: String,
    /// Since when it had that, by its own clock: the same status with the same time is the same fact, however late it comes.
    #[serde(default)]
    pub previous_since: Option<DateTime<Utc>>,
    /// The stage that was agreed before; none if nothing was.
    pub stage_before: Option<Stage>,
    /// When that was decided, by the bridge's clock.
    pub at: DateTime<Utc>,
    /// When the shop acknowledged it, by the bridge's clock.
    pub delivered_at: Option<DateTime<Utc>>,
}
