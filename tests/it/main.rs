//! Tests with IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod crash;
mod decision_model;
mod intake;
mod lane;
mod layers;
mod support;
mod worker;
