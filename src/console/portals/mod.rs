//! Pages of portals and their shops.

pub(super) mod authorization;
pub(super) mod detail;
pub(super) mod list;
pub(super) mod shop;
pub(super) mod status_map;
