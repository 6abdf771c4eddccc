//! Stages that come back, through the whole service.

mod scenarios;
mod world;
