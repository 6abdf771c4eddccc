//! The bodies that are sent, for the description alone: what is really taken is decided where it is
//! read.

#![expect(dead_code, reason = "these are described, not made")]

use crate::http::request_schemas::{Amount, Id};
use serde::Deserialize;
use utoipa::ToSchema;

/// The whole of a reservation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReservationRequest {
    /// The order it is for, once there is one; left out, the number stays.
    number: Option<Id>,
    /// Where it is picked up: a store with `pickup`, from which alone it is taken.
    store: Option<String>,
    /// How long it is held: a number and s, m, h or d, at most 90 days.
    hold: Option<String>,
    /// Grows with each change: an older one changes nothing.
    version: Option<i64>,
    /// All lines that are wanted, 1 to 500: another set changes the reservation by the difference.
    lines: Vec<ReservationLine>,
}

/// A line that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReservationLine {
    /// Its id, unique in the reservation.
    line: Id,
    /// The product, by any name that the shop's products are known by.
    product: Id,
    /// The store it is taken from; left out, the bridge chooses.
    store: Option<String>,
    /// How much, above zero, at most three digits after the point.
    quantity: Amount,
}

/// What is shipped; an empty body: everything that is left.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipmentRequest {
    /// The shop's name for the shipment: one that was seen before is answered as then.
    shipment: Option<Id>,
    /// How much of which lines is shipped, 1 to 500 lines; left out, everything that is left.
    lines: Option<Vec<ShipmentLine>>,
}

/// A line of a shipment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipmentLine {
    /// The id of the reservation's line.
    line: Id,
    /// How much of it, above zero; at most three digits after the point.
    quantity: Amount,
}

/// For how long from now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExtensionRequest {
    /// A number and s, m, h or d, at most 90 days.
    hold: String,
}
