//! Tests with IO.

mod intake;
mod lane;
mod layers;
mod support;
mod worker;
