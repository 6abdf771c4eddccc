//! Clients: the systems that the bridge calls, each with its limits, its answers and its errors.
//!
//! To add one: a room with `Client`, `Options` and an `Error` that tells by class what may be tried
//! again, and a row in the dependency rule (`tests/it/repository/layers.rs`).

pub mod bitrix24;
pub mod callback;
pub mod connections;
pub mod moysklad;
pub mod onec;
pub mod pictures;
