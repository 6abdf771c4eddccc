//! Pages of orders: the list and one order's life.

mod contents;
pub(super) mod customer_cards;
pub(super) mod detail;
pub(super) mod list;
pub(super) mod retry;
