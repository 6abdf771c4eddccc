//! Tests with IO.

mod http;
mod intake;
mod lane;
mod layers;
mod support;
mod worker;
