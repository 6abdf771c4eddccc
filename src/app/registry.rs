//! The registry: all that is configured, as the use cases need it.

use crate::{
    decision::status_map,
    domain::{
        ActivityRules, BaseName, CatalogueRules, FormRules, Policy, PortalName, ShopName, ShopRules,
    },
    formats::onec::Base,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

/// The shops and portals of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Every shop with its rules.
    pub shops: BTreeMap<ShopName, Arc<ShopRules>>,
    /// Event sources that name a shop: (`source` of the event, shop).
    pub sources: Vec<(String, ShopName)>,
    /// Every portal that is configured.
    pub portals: Vec<PortalName>,
    /// How each shop's differences are decided, and how it is told; a shop that is not here has the
    /// defaults.
    pub two_way: BTreeMap<ShopName, Arc<SyncRules>>,
    /// The 1C bases, each with its shops and tables.
    pub bases: BTreeMap<BaseName, Arc<Base>>,
    /// What people call the statuses of each shop.
    pub titles: BTreeMap<ShopName, BTreeMap<String, String>>,
    /// The forms of every shop, by their names.
    pub forms: BTreeMap<(ShopName, String), Arc<FormRules>>,
    /// How each shop's calls, mails and messages are put on cards; a shop that is not here has the
    /// defaults.
    pub activities: BTreeMap<ShopName, ActivityRules>,
    /// How each shop's products are kept in step; a shop that is not here keeps no catalogue.
    pub catalogues: BTreeMap<ShopName, Arc<CatalogueRules>>,
    /// Which shops each portal has; made when it is first asked for.
    pub by_portal: ShopsByPortal,
}

/// The names of each portal's shops, as text.
#[derive(Debug, Default)]
pub struct ShopsByPortal(OnceLock<HashMap<String, Vec<String>>>);

impl Clone for ShopsByPortal {
    /// A clone is made anew: the shops of the clone may be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How a shop's differences are decided, and how it is told.
#[derive(Debug, Clone, Default)]
pub struct SyncRules {
    /// How its statuses and stages are compared and who is right.
    pub policy: Policy,
    /// Whether changes are sent to the shop; else it reads the feed.
    pub callback: bool,
    /// The comment that a deal gets when a move in it was overruled.
    pub overruled_comment: Option<String>,
}

impl SyncRules {
    /// The defaults for a shop with this table.
    pub fn of(rules: &ShopRules) -> Self {
        let policy = Policy {
            finality: status_map::finality(&rules.statuses),
            statuses: rules.statuses.clone(),
            ..Policy::default()
        };
        Self {
            policy,
            ..Self::default()
        }
    }
}

impl Registry {
    /// Takes what is the same from earlier settings, so that it is in memory once.
    pub(in crate::app) fn share(&mut self, earlier: &Self) {
        for (name, sync) in &mut self.two_way {
            let of = |registry: &BTreeMap<ShopName, Arc<ShopRules>>| registry.get(name).cloned();
            let (Some(now), Some(before)) = (of(&self.shops), of(&earlier.shops)) else {
                continue;
            };
            if Arc::ptr_eq(&now, &before)
                && let Some(known) = earlier.two_way.get(name)
            {
                *sync = Arc::clone(known);
            }
        }
    }

    /// The rules of a shop.
    pub fn rules(&self, shop: &ShopName) -> Option<&Arc<ShopRules>> {
        self.shops.get(shop)
    }

    /// How a shop's differences are decided.
    pub fn two_way(&self, shop: &str) -> Option<Arc<SyncRules>> {
        let rules = self.shops.get(shop)?;
        let known = self.two_way.get(&rules.shop).cloned();
        Some(known.unwrap_or_else(|| Arc::new(SyncRules::of(rules))))
    }

    /// Whether a 1C base says what is in a shop's orders.
    pub fn is_onecs(&self, shop: &str) -> bool {
        self.bases.values().any(|base| base.is_master(shop))
    }

    /// The lane of the base to which the orders of a shop are pushed.
    pub fn push_lane(&self, shop: &str) -> Option<String> {
        let mut bases = self.bases.values().filter(|base| base.push.is_some());
        let base = bases.find(|base| base.shops.iter().any(|one| one.as_str() == shop))?;
        Some(onec_lane_of(base.name.as_str()))
    }

    /// The names of a 1C base's shops, as text.
    pub fn shops_of_base(&self, base: &BaseName) -> Vec<String> {
        let shops = self.bases.get(base).map(|base| base.shops.iter());
        shops
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect()
    }

    /// The 1C base whose products are a shop's catalogue, if 1C owns that.
    pub fn base_of_goods(&self, shop: &ShopName) -> Option<&Arc<Base>> {
        let rules = self.catalogues.get(shop)?;
        let mut bases = self.bases.values().filter(|_| rules.is_onecs());
        bases.find(|base| base.shops.contains(shop))
    }

    /// The shops whose catalogue are a base's products, in the order of their names.
    pub fn shops_of_goods(&self, base: &Base) -> Vec<(&ShopName, &Arc<CatalogueRules>)> {
        let catalogues = self.catalogues.iter();
        let of = |(shop, rules): &(&ShopName, &Arc<CatalogueRules>)| {
            rules.is_onecs() && base.shops.contains(shop)
        };
        catalogues.filter(of).collect()
    }

    /// The names of a portal's shops, as text.
    pub fn shops_of(&self, portal: &str) -> Vec<String> {
        let by_portal = self.by_portal.0.get_or_init(|| {
            let mut by_portal: HashMap<String, Vec<String>> = HashMap::new();
            for rules in self.shops.values() {
                let shops = by_portal.entry(rules.portal.to_string()).or_default();
                shops.push(rules.shop.to_string());
            }
            by_portal
        });
        by_portal.get(portal).cloned().unwrap_or_default()
    }
}

/// The lane of a 1C base that orders are pushed to.
pub fn onec_lane_of(base: &str) -> String {
    format!("onec:{base}")
}
