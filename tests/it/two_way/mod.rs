//! Stages that come back, through the whole service.

mod callbacks;
mod commands;
mod concurrent_writes;
pub(super) mod decision_model;
pub(super) mod goods;
mod model;
mod plans;
mod restored;
mod scenarios;
mod sent;
mod shop;
mod untold;
mod webhooks;
pub(crate) mod world;
