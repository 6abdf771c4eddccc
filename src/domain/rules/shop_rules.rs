//! A shop's rules of how its orders are written: parsed, checked, free of secrets.

use crate::domain::{Placeholders, PortalName, Reading, ShopName, Stage, StatusMap, Texts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one shop's orders are written into its portal.
#[derive(Debug, Clone, PartialEq)]
pub struct ShopRules {
    /// The shop: ORIGINATOR_ID of everything it makes.
    pub shop: ShopName,
    /// The portal that its orders are brought to.
    pub portal: PortalName,
    /// CATEGORY_ID of new deals.
    pub funnel: u32,
    /// Which status stands for which stage.
    pub statuses: StatusMap,
    /// Title of a new deal. Placeholders: `{number}`, `{id}`, `{customer}`, `{total}`,
    /// `{currency}`, `{channel}`, `{shop}`.
    pub title: String,
    /// ASSIGNED_BY_ID of what is made; `None` leaves it to the portal.
    pub responsible_id: Option<u64>,
    /// SOURCE_ID of what is made; `None` leaves it to the portal.
    pub source_id: Option<String>,
    /// From a path in the snapshot (`properties.promo`, `payment.method`) to a user field
    /// (`UF_CRM_PROMO`).
    pub fields: BTreeMap<String, String>,
    /// Country calling code for phones written without one (`7`).
    pub phone_country: String,
    /// What the shop's texts are.
    pub texts: Texts,
    /// Values that identify nobody.
    pub placeholders: Placeholders,
    /// What an order that the shop deleted becomes.
    pub on_deleted: OnDeleted,
    /// Orders that become leads instead of deals.
    pub leads: Vec<LeadRule>,
    /// Name of the delivery row.
    pub delivery_name: String,
}

impl ShopRules {
    /// How the shop's snapshots are read.
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            phone_country: &self.phone_country,
            texts: self.texts,
        }
    }
}

/// Which orders of a marketplace are taken: its plugins divide a customer's order into one for each
/// vendor, and both kinds come the same way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Marketplace {
    /// The customer's order alone.
    #[default]
    Parents,
    /// The vendors' orders; the customer's only where it was not divided.
    SubOrders,
    /// Both: each is a deal.
    Both,
}

/// What happens to the deal of an order that the shop deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OnDeleted {
    /// The deal stays as it is.
    #[default]
    Nothing,
    /// The deal moves to this stage.
    Stage(Stage),
}

/// Which orders become leads: every given condition must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadRule {
    /// `origin.channel` of the order equals this.
    pub channel: Option<String>,
    /// The value at this path of `properties` (by code) equals this text.
    pub property: Option<(String, String)>,
    /// STATUS_ID of the new lead.
    pub status: String,
}
