//! The portal client over a real socket.

pub(crate) mod client;
