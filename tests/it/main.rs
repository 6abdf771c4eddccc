//! Tests with IO.


    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
#![expect(
)]
mod crash;
mod http;
mod intake;
mod lane;
mod layers;
mod support;
mod worker;
