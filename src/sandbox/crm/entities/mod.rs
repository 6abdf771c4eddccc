//! The things that the CRM holds: cards, their multiple fields, links and product rows.

pub(crate) mod card;
pub(crate) mod changes;
pub(crate) mod links;
pub(crate) mod multifields;
pub(crate) mod rows;
