//! Lanes: everything that goes to one portal, to one shop's callback, or to one 1C base, in the
//! hands of one process at a time.

pub(super) mod callback;
mod first_turn;
pub(super) mod isolation;
pub(super) mod lease;
pub(super) mod leased;
pub(super) mod leases;
pub(super) mod lowered_pace;
pub(super) mod picture_files;
pub(super) mod portal;
pub(super) mod push;
pub(super) mod restarts;
pub(super) mod share;
pub(super) mod wave_runner;
pub(super) mod waves;
