//! Tests with IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod catalogue;
mod chaos;
mod delivery;
mod http;
mod incoming;
mod onec;
mod operators;
mod portal;
mod repository;
mod resilience;
mod stock;
mod support;
mod two_way;
