//! The order's page: the order, its customer's cards, its life.

mod contents;
mod customer;
mod timeline;

use super::{browser, event, journey, world, world::Page, world::World};
