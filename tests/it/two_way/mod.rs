//! Stages that come back, through the whole service.

mod commands;
mod crossing;
mod heard;
mod model;
mod restored;
mod scenarios;
mod sent;
mod shop;
mod told;
mod untold;
mod world;
