//! What is known of one order.

use super::{Bridge, Error};
use crate::domain::ShopName;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One order, as people and shops see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderView {
    /// The shop.
    pub shop: String,
    /// Its number there.
    pub number: String,
    /// The portal it goes to.
    pub portal: String,
    /// Its deal.
    pub deal_id: Option<u64>,
    /// Its lead, where the shop's rules made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<u64>,
    /// Its contact.
    pub contact_id: Option<u64>,
    /// Its company.
    pub company_id: Option<u64>,
    /// The shop's status in the newest snapshot.
    pub status: Option<String>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// Whether the portal holds the newest snapshot.
    pub in_sync: bool,
    /// Events that wait.
    pub pending: i64,
    /// Open dead letters.
    pub dead: i64,
    /// Its life, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of thing: `accepted`, `superseded`, `written`, `note`, `refused`, `dead`, `retried`, `discarded`.
    pub kind: String,
    /// One sentence.
    pub text: String,
}

impl Bridge {
    /// One order; none if the bridge never heard of it.
    pub async fn order_view(&self, shop: &ShopName, number: &str) -> Result<Option<OrderView>, Error> {
        todo!("{shop} {number}")
    }
}
