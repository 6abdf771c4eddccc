//! Stock: reservations, counts and moves, over the API, from SQL, and under many hands.

mod counts;
mod histories;
mod orders;
mod race;
mod reservations;
mod sql;
mod world;
