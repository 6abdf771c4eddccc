//! Identity and access: callers known by key, password or session, and their roles.
//!
//! Owns: keys and passwords as digests, compared in constant time; callers, roles and what each may
//! see and do; how often a wrong password may be tried. Refuses: to know HTTP, pages, or where the
//! settings come from. The API and the console ask here, and word the refusal each in its own way.
//!
//! To add a kind of caller: a variant of [`Caller`], what it sees in `only`, where its key stands
//! in `Config::authenticate`, and a test that every door not meant for it stays shut.

mod caller;
mod keys;
mod operators;
mod passwords;
mod sessions;
mod throttle;

pub use caller::{Caller, Refused};
pub use keys::KeyDigest;
pub use operators::{Operator, Role};
pub use passwords::PasswordHash;
pub use sessions::{SessionToken, same};
pub use throttle::{LoginThrottle, ThrottleKey};
