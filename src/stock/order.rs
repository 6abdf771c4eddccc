//! An order's goods: what its snapshot does to them.

use super::StockSettings;
use crate::domain::Snapshot;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// When an order's goods are reserved, set free and shipped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderPolicy {
    /// When they are reserved.
    pub reserve_on: ReserveOn,
    /// Statuses that set them free, as a cancelled or deleted order does.
    pub release_on: Vec<String>,
    /// Statuses in which they have left.
    pub ship_on: Vec<String>,
}

/// When an order's goods are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReserveOn {
    /// When the shop asks for it, by PUT or SQL.
    #[default]
    Call,
    /// When the order is placed.
    Placed,
    /// When it is paid.
    Paid,
}

/// What is to be done with an order's goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoodsAct {
    /// They are held for it.
    Hold,
    /// What is held stays; a payment keeps it from running out.
    Keep,
    /// They are free again.
    Release,
    /// The goods have left the store.
    Ship,
}

/// The goods of an order, and what its status means for them.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderGoods {
    /// What is to be done with them.
    pub act: GoodsAct,
    /// Whether the order is paid.
    pub paid: bool,
    /// Where they are fetched.
    pub store: Option<String>,
    /// When it got the status that shipped them.
    pub at: Option<DateTime<Utc>>,
    /// The order's lines, those without a product too.
    pub lines: Vec<GoodsLine>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsLine {
    /// The shop's product id.
    pub product_id: Option<String>,
    /// The article (SKU), if the line has one.
    pub sku: Option<String>,
    /// The unit of the quantity, as the shop wrote it.
    pub unit: Option<String>,
    /// How much was ordered, as the shop wrote it.
    pub quantity: String,
}

impl OrderGoods {
    /// What a snapshot means for the goods of its order. One that was made of a till's receipt
    /// moves nothing: the receipt has.
    pub fn of(snapshot: &Snapshot, stock: &StockSettings) -> Self {
        let policy = &stock.orders;
        let among = |statuses: &[String]| statuses.contains(&snapshot.status);
        let of_receipt = snapshot.origin.receipt.is_some();
        let act = if of_receipt {
            // The till has moved its goods.
            GoodsAct::Keep
        } else if snapshot.cancelled || among(&policy.release_on) {
            GoodsAct::Release
        } else if among(&policy.ship_on) {
            GoodsAct::Ship
        } else {
            match policy.reserve_on {
                ReserveOn::Placed => GoodsAct::Hold,
                ReserveOn::Paid if snapshot.paid => GoodsAct::Hold,
                ReserveOn::Paid | ReserveOn::Call => GoodsAct::Keep,
            }
        };
        let delivery = snapshot.data.get("delivery");
        let store = delivery.and_then(|delivery| delivery.get("store")?.as_str());
        let counted = snapshot.items.iter().filter(|item| {
            let named = item.product_id.is_some() || item.sku.is_some();
            named && item.quantity.is_sign_positive() && !item.quantity.is_zero()
        });
        let line = |item: &crate::domain::Item| GoodsLine {
            product_id: item.product_id.clone(),
            sku: item.sku.clone(),
            unit: item.unit.clone(),
            quantity: super::text(item.quantity),
        };
        Self {
            act,
            paid: snapshot.paid,
            store: store.map(str::to_owned),
            at: snapshot.status_changed_at,
            lines: counted.map(line).collect(),
        }
    }

    /// What it means that the order was deleted.
    pub fn deleted() -> Self {
        Self {
            act: GoodsAct::Release,
            paid: false,
            store: None,
            at: None,
            lines: Vec::new(),
        }
    }
}

impl GoodsAct {
    /// The name, as the database reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Keep => "keep",
            Self::Release => "release",
            Self::Ship => "ship",
        }
    }
}
