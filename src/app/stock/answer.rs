//! Answers to requests about a reservation.

use crate::{
    app::Error,
    domain::{ErrorCode, Fault, Faults},
    storage::{self, ReservationState},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

/// A reservation as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReservationView)]
pub struct Reserved {
    /// The shop's id of the reservation, unique in the shop.
    pub id: String,
    /// The order it is for, once there is one.
    pub number: Option<String>,
    /// `held`, `shipped`, `released`, `expired`, or `short`: lost to a shortage.
    #[schema(value_type = String)]
    pub state: ReservationState,
    /// When it runs out; null: it does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its lines; one that is taken from several stores is there once for each.
    pub lines: Vec<ReservedLine>,
}

/// A line of a reservation, in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReservedLine {
    /// The id that the shop gave the line, unique in the reservation.
    pub line: String,
    /// The product, by its `product_id`.
    pub product: String,
    /// The store it is taken from.
    pub store: String,
    /// How much of it, what was shipped included.
    pub quantity: String,
    /// How much of that was shipped.
    pub shipped: String,
}

/// A line of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShortLine {
    /// The id of the line that was asked for.
    pub line: String,
    /// The product, by its `product_id`.
    pub product: String,
    /// How much was wanted.
    pub wanted: String,
    /// How much could be had: in the store that was named, else in the best one; with `split` in
    /// all that sell online.
    pub available: String,
    /// Other stores that have some.
    pub elsewhere: Vec<StoreAvailable>,
}

/// What a store has that can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreAvailable {
    /// The store, by its name in the settings.
    pub store: String,
    /// How much of the product can be sold there: a decimal with at most three digits after the
    /// point.
    pub available: String,
}

/// Something is wrong with what was asked, as only the stock can know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StockFault {
    /// JSON pointer to the value.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
    /// The code, if it is not the usual one.
    #[serde(default)]
    pub code: Option<String>,
}

/// The state that a reservation has in place of being held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHeld(pub ReservationState);

/// The answer to what is asked about a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationAnswer {
    /// It was done: the reservation as it stands now.
    Reserved(Reserved),
    /// There is not enough: nothing was done.
    Short(Vec<ShortLine>),
    /// It is not held (any more): nothing was done.
    NotHeld(NotHeld),
    /// The request cannot be used.
    Invalid {
        /// The stable code of the refusal.
        code: ErrorCode,
        /// Every fault at once, each with its pointer.
        faults: Faults,
    },
    /// There is no such reservation.
    Unknown,
}

#[derive(Deserialize)]
struct Raw {
    status: u16,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    short: Vec<ShortLine>,
    state: Option<ReservationState>,
}

#[derive(Deserialize)]
struct Invalid {
    faults: Vec<StockFault>,
}

/// An answer of which the body is still text.
#[derive(Deserialize)]
struct RawText<'a> {
    status: u16,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// An answer that is not what a function of the database says.
fn odd(error: &serde_json::Error, (shop, id): (&str, &str)) -> Error {
    storage::Error::Unreadable {
        table: "the answer of a stock function",
        detail: format!("the reservation {id} of the shop {shop}: {error}"),
    }
    .into()
}

impl ReservationAnswer {
    /// The same of an answer that is text.
    pub(super) fn read_text(answer: &RawValue, key: (&str, &str)) -> Result<Self, Error> {
        let raw: RawText<'_> =
            serde_json::from_str(answer.get()).map_err(|error| odd(&error, key))?;
        // Most are: no tree is made of it.
        if let (200, Some(body)) = (raw.status, raw.body) {
            let reserved = serde_json::from_str(body.get());
            return Ok(Self::Reserved(reserved.map_err(|error| odd(&error, key))?));
        }
        let answer = serde_json::from_str(answer.get());
        Self::read(answer.map_err(|error| odd(&error, key))?, key)
    }

    /// Reads what a function of the database answered about a reservation.
    pub(super) fn read(answer: Value, key: (&str, &str)) -> Result<Self, Error> {
        let odd = |error: serde_json::Error| odd(&error, key);
        let Raw { status, body } = serde_json::from_value(answer).map_err(odd)?;
        Ok(match status {
            200 => Self::Reserved(serde_json::from_value(body).map_err(odd)?),
            404 => Self::Unknown,
            409 => {
                let refused: Refused = serde_json::from_value(body).map_err(odd)?;
                match refused.state {
                    Some(state) => Self::NotHeld(NotHeld(state)),
                    None => Self::Short(refused.short),
                }
            }
            _ => {
                let Invalid { faults } = serde_json::from_value(body).map_err(odd)?;
                let named = faults.iter().find_map(|fault| fault.code.as_deref());
                let fault = |fault: StockFault| Fault {
                    pointer: fault.pointer,
                    detail: fault.detail,
                };
                Self::Invalid {
                    code: named
                        .and_then(ErrorCode::parse)
                        .unwrap_or(ErrorCode::Invalid),
                    faults: faults.into_iter().map(fault).collect(),
                }
            }
        })
    }
}
