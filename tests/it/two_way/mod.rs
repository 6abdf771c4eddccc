//! Stages that come back, through the whole service.

mod commands;
mod crossing;
mod model;
mod scenarios;
mod world;
