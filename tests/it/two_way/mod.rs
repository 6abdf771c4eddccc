//! Stages that come back, through the whole service.

mod callbacks;
mod commands;
mod concurrent_writes;
mod goods;
mod model;
mod restored;
mod scenarios;
mod sent;
mod shop;
mod untold;
mod webhooks;
mod world;
