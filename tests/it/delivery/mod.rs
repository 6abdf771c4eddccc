//! Orders on their way to the portal.

pub(crate) mod crash;
pub(crate) mod customers;
pub(crate) mod doubt;
pub(crate) mod foreign_traffic;
pub(crate) mod isolation;
pub(crate) mod lane;
pub(crate) mod limit;
pub(crate) mod many_portals;
pub(crate) mod portal_identity;
pub(crate) mod product_rows;
pub(crate) mod reloads;
pub(crate) mod rights;
pub(crate) mod share;
pub(crate) mod slow_calls;
pub(crate) mod worker;
