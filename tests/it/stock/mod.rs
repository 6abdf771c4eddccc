//! Stock: reservations, counts and moves, over the API, from SQL, and under many hands.

#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod counts;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod histories;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod orders;
mod race;
mod reservations;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod shortages;
mod sql;
mod world;
