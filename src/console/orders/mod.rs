//! Pages of orders: the list and one order's life.

pub(super) mod acts;
mod contents;
pub(super) mod customer_cards;
pub(super) mod detail;
pub(super) mod list;
mod onec;
mod retry;
