//! A till, as configured.

use super::ReceiptDeals;
use crate::domain::{ShopName, TillName};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A till, or all tills of one account with their vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TillSettings {
    /// The till's name in the settings.
    pub name: TillName,
    /// Who makes it, and so how its receipts come.
    pub kind: TillKind,
    /// The shop that it sells for.
    pub shop: ShopName,
    /// The store or stores that it stands in.
    pub stores: TillStores,
    /// Whether the shop is told of its receipts.
    pub tell_shop: bool,
    /// How its receipts become deals; none: they do not.
    pub deals: Option<ReceiptDeals>,
}

/// Who makes a till, and how its receipts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TillKind {
    /// Whoever: events at `/v1/events`.
    #[default]
    Event,
    /// Evotor's cloud calls the bridge's webhook.
    Evotor,
    /// MoySklad's API is read.
    Moysklad,
}

impl TillKind {
    /// The name, as configured.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Evotor => "evotor",
            Self::Moysklad => "moysklad",
        }
    }
}

/// Where a till stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TillStores {
    /// In this store, whatever it says.
    One(String),
    /// In several: the vendor's id of each, and its name.
    Many(BTreeMap<String, String>),
}

impl TillSettings {
    /// Whether it stands in this store.
    pub fn stands_in(&self, store: &str) -> bool {
        match &self.stores {
            TillStores::One(own) => own == store,
            TillStores::Many(stores) => stores.values().any(|own| own == store),
        }
    }

    /// Whether it stands in one store, whatever it says.
    pub fn is_at_one(&self) -> bool {
        matches!(self.stores, TillStores::One(_))
    }

    /// The store that the till means by this name, or by none; none: it is none of its stores.
    pub fn store(&self, named: Option<&str>) -> Option<&str> {
        match (&self.stores, named) {
            (TillStores::One(store), _) => Some(store),
            (TillStores::Many(stores), Some(named)) => {
                let by_id = stores.get(named);
                by_id
                    .or_else(|| stores.values().find(|store| *store == named))
                    .map(String::as_str)
            }
            (TillStores::Many(stores), None) => {
                let mut names = stores.values();
                let first = names.next()?;
                names.all(|name| name == first).then_some(first.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_means_its_stores_alone() {
        let mut till = TillSettings {
            name: TillName::parse("t").unwrap(),
            kind: TillKind::Evotor,
            shop: ShopName::parse("main").unwrap(),
            stores: TillStores::One("a".to_owned()),
            tell_shop: false,
            deals: None,
        };
        assert_eq!(till.store(Some("VENDOR-9")), Some("a"));
        let stores =
            [("V-1", "a"), ("V-2", "b")].map(|(id, name)| (id.to_owned(), name.to_owned()));
        till.stores = TillStores::Many(stores.into());
        assert_eq!(till.store(Some("V-2")), Some("b"));
        assert_eq!(till.store(Some("a")), Some("a"));
        assert_eq!(till.store(Some("c")), None);
        assert_eq!(till.store(None), None, "it stands in two");
    }
}
