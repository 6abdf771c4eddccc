//! Where settings come from: files of secrets, the environment; and what is wrong with them.

pub(super) mod environment;
pub(super) mod error;
pub(super) mod secret;
