//! What is configured, as the use cases need it.

use crate::domain::{PortalName, ShopName, ShopRules};
use std::{collections::BTreeMap, sync::Arc};

/// The shops and portals of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Every shop with its rules.
    pub shops: BTreeMap<ShopName, Arc<ShopRules>>,
    /// Event sources that name a shop: (`source` of the event, shop).
    pub sources: Vec<(String, ShopName)>,
    /// Every portal.
    pub portals: Vec<PortalName>,
}

impl Directory {
    /// The rules of a shop.
    pub fn rules(&self, shop: &ShopName) -> Option<&Arc<ShopRules>> {
        self.shops.get(shop)
    }

    /// The names of a portal's shops, as text.
    pub fn shops_of(&self, portal: &PortalName) -> Vec<String> {
        let of = self.shops.values().filter(|rules| rules.portal == *portal);
        of.map(|rules| rules.shop.as_str().to_owned()).collect()
    }
}
