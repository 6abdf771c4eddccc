//! Tests with IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod crash;
mod http;
mod intake;
mod lane;
mod layers;
mod sandbox;

mod support;
mod worker;
