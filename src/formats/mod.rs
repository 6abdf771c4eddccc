//! Formats of other systems: the bodies and files that they send and take, read into and written
//! from our own types. Pure; one room for each system.
//!
//! To add one: a room with a `read` from bytes to domain types that names every fault, samples of
//! real bodies beside it, and a row in the dependency rule (`tests/it/repository/layers.rs`).

pub mod commerceml;
pub mod forms;
pub mod onec;
pub mod tills;
pub mod woocommerce;
