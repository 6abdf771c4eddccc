//! A subject as it is understood: what is put on a card, whose card it is, and how one is made.

use crate::{
    domain::{Entry, FormRules, ShopRules, Snapshot},
    formats::forms::Enquiry,
    planner::Sought,
};
use std::sync::Arc;

/// A subject as it is understood.
pub(super) struct Understood {
    pub(super) making: Making,
    pub(super) entries: Vec<Entry>,
    pub(super) sought: Sought,
    pub(super) makes: bool,
    pub(super) responsible_id: Option<u64>,
}

/// How a card is made where there is none.
#[derive(Debug, Clone)]
pub(super) enum Making {
    /// As of somebody who asked for something.
    Enquiry(Arc<FormRules>, Box<Enquiry>),
    /// As of an order, by these rules.
    Order(Box<(ShopRules, Snapshot)>),
    /// The portal gets nothing of it.
    Never,
}
