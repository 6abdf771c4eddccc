//! What the CRM holds: cards, their multiple fields, links and product rows.

pub(crate) mod cards;
pub(crate) mod links;
pub(crate) mod multifields;
pub(crate) mod rows;
