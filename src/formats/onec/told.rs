//! Shipments of an order, as the shop is told of them, and what they come to together.

use crate::formats::commerceml::write::Order;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Of a shipment, as the shop is told of it, what is shipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldShipment {
    #[serde(default)]
    pub(super) shipped: bool,
    #[serde(default)]
    pub(super) lines: Vec<ToldLine>,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldLine {
    xml_id: Option<String>,
    pub(super) quantity: Option<Decimal>,
}

/// Whether as many pieces are shipped, as the shop is told of it, as the order has. A shipment that
/// names no goods is of all.
pub fn is_shipped(shipments: &[ToldShipment], sent: &Order) -> bool {
    let goods = sent.lines.iter().filter(|line| !line.is_service);
    let ordered = goods.fold(Decimal::ZERO, |all, line| all.saturating_add(line.quantity));
    let mut shipped = Decimal::ZERO;
    for one in shipments {
        if !one.shipped {
            continue;
        }
        if one.lines.is_empty() {
            return true;
        }
        for line in &one.lines {
            shipped = shipped.saturating_add(line.quantity.unwrap_or_default());
        }
    }
    shipped >= ordered && !shipped.is_zero()
}

/// How many pieces of each of 1C's products were shipped, as the shop is told of it. A shipment
/// that names no goods tells of none.
pub fn shipped_goods(shipments: &[ToldShipment]) -> BTreeMap<String, Decimal> {
    let mut goods: BTreeMap<String, Decimal> = BTreeMap::new();
    let shipped = shipments.iter().filter(|one| one.shipped);
    for line in shipped.flat_map(|one| &one.lines) {
        if let (Some(id), Some(quantity)) = (&line.xml_id, line.quantity) {
            let sum = goods.entry(id.clone()).or_default();
            *sum = sum.saturating_add(quantity);
        }
    }
    goods
}
