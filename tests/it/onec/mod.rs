//! The exchange with 1C, seen from a base: the sandbox's, which is as unforgiving as real ones.

mod births;
mod commands;
mod console;
mod cut;
mod facts;
mod faults;
mod files;
mod goods;
mod guids;
mod orders;
mod people;
mod protocol;
mod push;
mod receipts;
mod rights;
mod statuses;
mod upgrade;
mod world;
