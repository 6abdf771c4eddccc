//! A stock, as configured.

use super::{OrderPolicy, ShortageRule};
use crate::domain::{ShopName, StockName};
use chrono::TimeDelta;
use serde::Deserialize;

/// One truth of what can be sold.
#[derive(Debug, Clone, PartialEq)]
pub struct StockSettings {
    /// Its name in the settings.
    pub name: StockName,
    /// The shops that sell from it, each with what it names products by: the first that is known
    /// wins.
    pub shops: Vec<(ShopName, Vec<NameKind>)>,
    /// Whose counts are absolute.
    pub master: Master,
    /// What the master's counts say: what is on the shelf, or what can be sold.
    pub counts_mean: CountsMean,
    /// How much earlier than a count a move may be that the count does not hold.
    pub count_tolerance: TimeDelta,
    /// How long a reservation is held that does not say it itself.
    pub hold: TimeDelta,
    /// Whether the lines of a reservation may be taken from several stores.
    pub split: bool,
    /// What orders do to goods.
    pub orders: OrderPolicy,
    /// The places that hold its goods.
    pub stores: Vec<Store>,
    /// Who loses when more is reserved than there is: the first rule that settles it.
    pub rules: Vec<ShortageRule>,
    /// What the portals of its shops are told.
    pub portal: PortalStock,
}

impl StockSettings {
    /// The store of this name, or with this id.
    pub fn store(&self, named: &str) -> Option<&str> {
        let by_name = self.stores.iter().find(|store| store.name == named);
        let by_id = |store: &&Store| store.ids.iter().any(|id| id == named);
        let found = by_name.or_else(|| self.stores.iter().find(by_id));
        found.map(|store| store.name.as_str())
    }
}

/// What a portal is told of a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalStock {
    /// Portals are told nothing of it.
    #[default]
    Off,
    /// The products of its catalogue show what can be sold, where the portal keeps no stock itself.
    Quantity,
}

/// A place that holds goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its name in the settings, by which moves are kept.
    pub name: String,
    /// What others call it.
    pub ids: Vec<String>,
    /// Whether customers fetch goods there.
    pub pickup: bool,
    /// Whether reservations that name no store are taken from it.
    pub online: bool,
    /// The lowest is taken from first.
    pub rank: i32,
}

/// Who says how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Master {
    /// Nobody else: operators count.
    Bridge,
    /// A base of 1C.
    Onec,
    /// The shop's own system.
    Shop,
    /// A till and its vendor's cloud.
    Till,
}

impl Master {
    /// The name, as configured.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Onec => "onec",
            Self::Shop => "shop",
            Self::Till => "till",
        }
    }
}

/// What a count says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsMean {
    /// What is on the shelf; what is reserved is taken off by the bridge.
    #[default]
    OnHand,
    /// What can be sold: the master has taken off what was reserved.
    Available,
}

/// What kind of name a product is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// The shop's own id.
    ProductId,
    /// The GUID that 1C gave it (`xml_id`).
    XmlId,
    /// The shop's article (SKU).
    Sku,
    /// One of its barcodes.
    Barcode,
}

impl NameKind {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::ProductId, Self::XmlId, Self::Sku, Self::Barcode];

    /// The name, as configured.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProductId => "product_id",
            Self::XmlId => "xml_id",
            Self::Sku => "sku",
            Self::Barcode => "barcode",
        }
    }
}
