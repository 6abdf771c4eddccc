//! Taking events in.

use super::{Bridge, Error};
use crate::domain::{Faults, ShopName};
use serde_json::Value;

/// The most events that one request may carry.
pub const MAX_EVENTS: usize = 1000;

/// What became of an event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored, durably.
    Queued,
    /// The same event was accepted before.
    Duplicate,
    /// Another event with the same source and id was accepted before.
    Conflict,
    /// It is not a valid event of this shop.
    Invalid(Faults),
}

impl Bridge {
    /// Accepts up to [`MAX_EVENTS`] events in one transaction; returns after COMMIT, one result for each, in order. `shop` is the
    /// shop whose key was shown; without one the events say it themselves.
    pub async fn accept_events(&self, shop: Option<&ShopName>, events: &[Value]) -> Result<Vec<Accepted>, Error> {
        todo!("{shop:?} {events:?}")
    }
}
