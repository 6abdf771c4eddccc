//! Reading settings: the file, the environment, files of secrets; and every fault found in them.

pub(super) mod environment;
pub(super) mod error;
pub(super) mod files;
pub(super) mod secret;
