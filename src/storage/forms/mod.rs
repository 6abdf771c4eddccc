//! Forms: what was sent in, and the people and wishes that become leads or deals.

pub mod activities;
pub mod submissions;
