//! An order's goods: what its snapshot does to them.

use crate::domain::{Fact, Finality, Item, Snapshot};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// The status by which an order's goods move, whoever gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsStatus {
    /// The status, in the shop's words.
    pub status: String,
    /// Whether its shop says that the order is cancelled, whatever its status.
    pub cancelled: bool,
    /// Whether only a cancelled order has this status.
    pub means_cancelled: bool,
    /// Whether it is paid.
    pub paid: bool,
    /// Since when it has the status.
    pub since: Option<DateTime<Utc>>,
}

impl GoodsStatus {
    /// The status that a snapshot says.
    pub fn said(snapshot: &Snapshot, finality: &Finality) -> Self {
        let flags = (snapshot.paid, snapshot.cancelled);
        Self::of(
            &snapshot.status,
            flags,
            snapshot.status_changed_at,
            finality,
        )
    }

    /// A status since some time, of an order that is paid and cancelled or not by its flags.
    pub fn of(
        status: &str,
        (paid, cancelled): (bool, bool),
        since: Option<DateTime<Utc>>,
        finality: &Finality,
    ) -> Self {
        let facts = finality.facts(status, false, false);
        Self {
            status: status.to_owned(),
            cancelled,
            means_cancelled: facts.contains(&Fact::Cancelled),
            paid,
            since,
        }
    }

    /// What is to be done with the goods of an order in this status.
    pub fn act(&self, policy: &OrderPolicy) -> GoodsAct {
        let among = |statuses: &[String]| statuses.contains(&self.status);
        if self.cancelled || among(&policy.release_on) {
            return GoodsAct::Release;
        }
        if among(&policy.ship_on) {
            return GoodsAct::Ship;
        }
        if self.means_cancelled {
            return GoodsAct::Release;
        }
        match policy.reserve_on {
            ReserveOn::Placed => GoodsAct::Hold,
            ReserveOn::Paid if self.paid => GoodsAct::Hold,
            ReserveOn::Paid | ReserveOn::Call => GoodsAct::Keep,
        }
    }
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
    /// 1C's id of the product, where the shop has it.
    pub xml_id: Option<String>,
    /// The article (SKU), if the line has one.
    pub sku: Option<String>,
    /// The unit of the quantity, as the shop wrote it.
    pub unit: Option<String>,
    /// How much was ordered, as the shop wrote it.
    pub quantity: String,
}

impl OrderGoods {
    /// What an order's status means for the goods of its snapshot. One that was made of a till's
    /// receipt moves nothing: the receipt has.
    pub fn of(snapshot: &Snapshot, status: &GoodsStatus, policy: &OrderPolicy) -> Self {
        let wants = |item: &Item| item.quantity.is_sign_positive() && !item.quantity.is_zero();
        let act = match &snapshot.origin.receipt {
            // The till has moved its goods.
            Some(_) => GoodsAct::Keep,
            None => match status.act(policy) {
                // Nothing is ordered any more.
                GoodsAct::Hold if !snapshot.items.iter().any(wants) => GoodsAct::Release,
                act => act,
            },
        };
        let delivery = snapshot.data.get("delivery");
        let store = delivery.and_then(|delivery| delivery.get("store")?.as_str());
        let counted = snapshot.items.iter().filter(|item| {
            let names = [&item.product_id, &item.xml_id, &item.sku];
            names.iter().any(|name| name.is_some()) && wants(item)
        });
        let line = |item: &Item| GoodsLine {
            product_id: item.product_id.clone(),
            xml_id: item.xml_id.clone(),
            sku: item.sku.clone(),
            unit: item.unit.clone(),
            quantity: super::text(item.quantity),
        };
        Self {
            act,
            paid: status.paid,
            store: store.map(str::to_owned),
            at: status.since,
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
