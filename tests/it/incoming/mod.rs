//! What comes in: events, forms, and what shops install to send them.

pub(super) mod forms;
pub(super) mod intake;
pub(super) mod shop_adapters;
