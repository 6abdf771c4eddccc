//! Stages that come back, through the whole service.

mod commands;
mod crossing;
mod model;
mod restored;
mod scenarios;
mod world;
