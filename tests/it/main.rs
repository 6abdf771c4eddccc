//! Tests with IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod bitrix24;
mod chaos;
mod console;
mod dead_letters;
mod decision_model;
mod delivery;
mod forms;
mod hostile;
mod http;
mod intake;
mod locks;
mod oauth;
mod onec;
mod operations;
mod repository;
mod sandbox;
mod shop_adapters;
mod stock;
mod support;
mod traps;
mod two_way;
