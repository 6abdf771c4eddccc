//! Tests with IO.

mod crash;
mod intake;
mod lane;
mod layers;
mod support;
mod worker;
