//! Tests with IO: one folder for each feature, one binary for all.
//!
//! Each test has a database of its own on a real PostgreSQL (`support::database`), the sandbox for
//! a portal, a shop or a 1C base, and the bridge in the same process or as the binary itself.
//!
//! To add a scenario:
//! 1. Its file in the folder of its feature; the name is a sentence that says what must hold.
//! 2. Take the world that its neighbours take (`World`, `Site`, `Trade`), set up by what a shop, a
//!    person or a portal would do, not by rows, unless rows of another version are the matter.
//! 3. Look at what a caller sees: answers, cards in the sandbox, messages to the shop, the order's
//!    life. A table is only looked at for what nobody else sees.
//! 4. Wait for what is to come (`until`), never for a time. Chance comes from a seed that is told.
//! 5. What can be cut off is cut off: by a trap (`App::set_trap`), a crash point of the worker
//!    (`CrashPoint`), a fault of the sandbox, or SIGKILL.
//! 6. Break the code once, and see the test fail.

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
