//! Tests with IO.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod ages;
mod apart;
mod backfill;
mod chaos;
mod client;
mod console;
mod crash;
mod customers;
mod decision_model;
mod deployment;
mod doors;
mod doubt;
mod embedded;
mod figures;
mod foreign;
mod forms;
mod hostile;
mod http;
mod identity;
mod intake;
mod lane;
mod layers;
mod letters;
mod limit;
mod locks;
mod many;
mod oauth;
mod onec;
mod operate;
mod readme;
mod rows;
mod sandbox;
mod shopside;
mod statuses;
mod stock;
mod support;
mod traps;
mod truth;
mod two_way;
mod worker;
mod written;
