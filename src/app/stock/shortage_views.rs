//! Shortages, as people see them.

use crate::{
    domain::{ErrorCode, Place, ShortageAct, ShortageCause},
    stock::{Held, Shortage, text},
    storage::{ShortageEnd, stock::shortages::ShortageRow},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A shortage, as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShortageView {
    /// Its id: one row of numbers with conflicts of statuses.
    pub id: i64,
    /// The stock's name in the settings.
    pub stock: String,
    /// The product, by its `product_id`.
    pub product: String,
    /// The store that has too little, by its name in the settings.
    pub store: String,
    /// The stable code, `STOCK-SHORTAGE`.
    pub code: String,
    /// What was decided, or that a person has to.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
    /// What took the goods: `count`, `moved`, `order`, `receipt` or `shipment`.
    #[schema(value_type = Option<String>)]
    pub cause: Option<ShortageCause>,
    /// `move`, `drop_newest_unpaid` or `review`.
    #[schema(value_type = String)]
    pub rule: ShortageAct,
    /// What is on the shelf.
    pub on_hand: String,
    /// What of it is held.
    pub reserved: String,
    /// The reservations that hold the product there, as they were when it was last judged.
    pub reservations: Vec<ShortReservation>,
    /// Why what it rests on cannot be read: then nothing is told of what is held, and by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// When it was seen.
    pub opened_at: DateTime<Utc>,
    /// When a person last decided about it.
    pub ruled_at: Option<DateTime<Utc>>,
    /// Who decided: `operator:NAME`, `shop:NAME` or `cli:USER`.
    pub ruled_by: Option<String>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// `rule`, `ruled` by a person, or `vanished` by itself.
    #[schema(value_type = Option<String>)]
    pub closed_how: Option<ShortageEnd>,
}

/// A reservation of what there is too little of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShortReservation {
    /// The shop whose order it is for.
    pub shop: String,
    /// The shop's id of the reservation.
    pub id: String,
    /// The order it is for.
    pub number: Option<String>,
    /// How much it holds.
    pub quantity: String,
    /// Whether its order is paid.
    pub paid: bool,
    /// When it was first held.
    pub held_at: DateTime<Utc>,
    /// Whether it is picked up there: it cannot be moved.
    pub bound: bool,
}

/// What a shortage rests on, as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Inputs {
    #[serde(default)]
    on_hand: String,
    #[serde(default)]
    reserved: String,
    #[serde(default)]
    reservations: Vec<ShortReservation>,
}

impl Inputs {
    pub(super) fn of(shortage: &Shortage) -> Self {
        let reservation = |one: &Held| ShortReservation {
            shop: one.shop.clone(),
            id: one.id.clone(),
            number: one.number.clone(),
            quantity: text(one.quantity),
            paid: one.paid,
            held_at: one.held_at,
            bound: one.bound,
        };
        Self {
            on_hand: text(shortage.on_hand),
            reserved: text(shortage.reserved),
            reservations: shortage.reservations.iter().map(reservation).collect(),
        }
    }
}

impl From<ShortageRow> for ShortageView {
    fn from(row: ShortageRow) -> Self {
        let key = format_args!("shortage {}", row.id);
        let inputs = row.inputs.typed_of("bridge.shortages", "inputs", key);
        let (inputs, fault) = match inputs {
            Ok(inputs) => (inputs, None),
            Err(why) => (Inputs::default(), Some(why.to_string())),
        };
        let remedy = ErrorCode::StockShortage.remedy();
        let remedy = Place::stock(&row.stock).fill(remedy).into_owned();
        Self {
            id: row.id,
            stock: row.stock,
            product: row.product,
            store: row.store,
            code: ErrorCode::StockShortage.to_string(),
            remedy,
            sentence: row.sentence,
            cause: row.cause,
            rule: row.rule,
            on_hand: inputs.on_hand,
            reserved: inputs.reserved,
            reservations: inputs.reservations,
            fault,
            opened_at: row.opened_at,
            ruled_at: row.ruled_at,
            ruled_by: row.ruled_by,
            closed_at: row.closed_at,
            closed_how: row.closed_how,
        }
    }
}
