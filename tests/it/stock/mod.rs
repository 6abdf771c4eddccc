//! Stock: reservations, counts and moves, over the API, from SQL, and under many hands.

#[expect(clippy::disallowed_methods, reason = "the till's own clock")]
mod cards;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod counts;
mod evotor;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod histories;
#[expect(clippy::disallowed_methods, reason = "the vendor's own clock")]
mod moysklad;
#[expect(clippy::disallowed_methods, reason = "1C's own clock")]
mod onec;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod orders;
mod race;
#[expect(clippy::disallowed_methods, reason = "the till's own clock")]
mod receipts;
mod reservations;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod set_aside;
#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
mod shortages;
mod sql;
mod tills;
mod world;
