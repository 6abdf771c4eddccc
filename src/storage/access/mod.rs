//! Access: tokens and grants of applications, and sessions of operators.

pub mod grants;
pub mod sessions;
pub mod tokens;
