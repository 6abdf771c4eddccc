//! Goods: the words for what moves them, and for what is done where there are too few.

use super::words;
use serde::{Deserialize, Serialize};

words! {
    /// Which way the goods of a receipt went.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ReceiptKind {
        /// Goods went to the customer.
        Sale = "sale",
        /// Goods came back from the customer.
        Refund = "refund",
    }
}

words! {
    /// What is done about a shortage.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ShortageAct {
        /// Reservations are held in another store that has the goods.
        Move = "move",
        /// The newest reservations that are not paid are lost.
        DropNewestUnpaid = "drop_newest_unpaid",
        /// Nothing is done until a person decides.
        Review = "review",
    }
}

words! {
    /// What took the goods of a shortage: the cause of the last move that lowered what is on hand.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ShortageCause {
        /// A count found fewer.
        Count = "count",
        /// Goods went, as an event said.
        Moved = "moved",
        /// An order left with more than was held for it.
        Order = "order",
        /// A till sold them.
        Receipt = "receipt",
        /// What a reservation held was shipped.
        Shipment = "shipment",
    }
}
