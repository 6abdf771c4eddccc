//! Rules, from the settings: of a shop, its forms, its calls, and who wins a conflict.

pub(super) mod activity;
pub(super) mod conflict_policy;
pub(super) mod form;
pub(super) mod shop_rules;
