//! What the tests stand on.

pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod lines;
mod port;
pub(crate) mod shop;

pub(crate) use port::free_port;
