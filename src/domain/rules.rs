//! What a shop's configuration says about how its orders are written: parsed, checked, free of secrets.

use super::{PortalName, ShopName, Stage, StatusMap};
use std::collections::BTreeMap;

/// How one shop's orders are written into its portal.
#[derive(Debug, Clone, PartialEq)]
pub struct ShopRules {
    /// The shop: ORIGINATOR_ID of everything it makes.
    pub shop: ShopName,
    /// Its portal.
    pub portal: PortalName,
    /// CATEGORY_ID of new deals.
    pub funnel: u32,
    /// Statuses and stages.
    pub statuses: StatusMap,
    /// Title of a new deal. Placeholders: `{number}`, `{id}`, `{customer}`, `{total}`, `{currency}`, `{channel}`, `{shop}`.
    pub title: String,
    /// ASSIGNED_BY_ID of what is made; none leaves it to the portal.
    pub responsible_id: Option<u64>,
    /// SOURCE_ID of what is made; none leaves it to the portal.
    pub source_id: Option<String>,
    /// From a path in the snapshot (`properties.promo`, `payment.method`) to a user field (`UF_CRM_PROMO`).
    pub fields: BTreeMap<String, String>,
    /// Country calling code for phones written without one (`7`).
    pub phone_country: String,
    /// What an order that the shop deleted becomes.
    pub on_deleted: OnDeleted,
    /// Orders that become leads instead of deals.
    pub leads: Vec<LeadRule>,
    /// Name of the delivery row.
    pub delivery_name: String,
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
    /// `origin.channel` equals this.
    pub channel: Option<String>,
    /// The value at this path of `properties` (by code) equals this text.
    pub property: Option<(String, String)>,
    /// STATUS_ID of the new lead.
    pub status: String,
}
