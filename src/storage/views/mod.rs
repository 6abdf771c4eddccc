//! Views: what pages, the status and the metrics show; nothing here changes an order.

pub mod incidents;
pub mod overview;
pub mod search;
pub mod stats;
