//! Commands and steps before the bridge runs: settings, schema, passwords, and what every command
//! starts from.

pub(super) mod bootstrap;
pub(super) mod config;
pub(super) mod init;
pub(super) mod manual;
pub(super) mod migrate;
pub(super) mod password;
