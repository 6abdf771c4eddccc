//! Whether everything flows.

use super::{Actor, Bridge, Error};
use crate::domain::PortalName;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The state of the whole bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// Each portal.
    pub portals: Vec<PortalStatus>,
    /// Each shop.
    pub shops: Vec<ShopStatus>,
    /// Open dead letters by portal, shop and code.
    pub dead: Vec<DeadCount>,
    /// Events from SQL that are not taken up yet.
    pub published: i64,
}

/// The state of one portal's lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortalStatus {
    /// The portal.
    pub portal: String,
    /// Orders that wait.
    pub pending: i64,
    /// Age of the oldest that waits, in seconds; 0 if none does.
    pub oldest_seconds: i64,
    /// Open dead letters.
    pub dead: i64,
    /// Events done in the last hour.
    pub done_last_hour: i64,
    /// What the lane does.
    pub state: LaneState,
    /// Who drives it.
    pub owner: Option<String>,
    /// Until when, unless renewed.
    pub lease_until: Option<DateTime<Utc>>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// The code of what paused it; none if a person did.
    pub paused_code: Option<String>,
    /// Why it is paused, in one sentence.
    pub paused_reason: Option<String>,
    /// When it tries again by itself.
    pub resume_at: Option<DateTime<Utc>>,
    /// Failures of the portal in a row.
    pub failures: i32,
}

/// What a lane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// Driven by a worker.
    Running,
    /// No worker drives it.
    Idle,
    /// The portal is in trouble: tries again by itself.
    Waiting,
    /// Waits for a person.
    Paused,
}

/// The state of one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShopStatus {
    /// The shop.
    pub shop: String,
    /// Its portal.
    pub portal: String,
    /// Orders that wait.
    pub pending: i64,
    /// Age of the oldest that waits, in seconds; 0 if none does.
    pub oldest_seconds: i64,
    /// Open dead letters.
    pub dead: i64,
    /// Events done in the last hour.
    pub done_last_hour: i64,
}

/// How many letters are open for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadCount {
    /// The portal.
    pub portal: Option<String>,
    /// The shop.
    pub shop: Option<String>,
    /// The reason.
    pub code: String,
    /// How many.
    pub count: i64,
}

impl Bridge {
    /// The state of everything.
    pub async fn status(&self) -> Result<StatusReport, Error> {
        todo!()
    }

    /// Stops sending to a portal until somebody resumes it.
    pub async fn pause_portal(&self, portal: &PortalName, who: &Actor) -> Result<(), Error> {
        todo!("{portal} {who:?}")
    }

    /// Sends to a portal again, at once.
    pub async fn resume_portal(&self, portal: &PortalName, who: &Actor) -> Result<(), Error> {
        todo!("{portal} {who:?}")
    }
}
