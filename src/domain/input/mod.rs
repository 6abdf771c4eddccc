//! Reading what comes from outside: every fault at once, each with its place.

pub(super) mod fault;
pub(super) mod json_reader;
pub(super) mod text;
