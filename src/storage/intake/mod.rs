//! Ways in: events published by SQL, histories that are loaded, and the keys that orders are found
//! by.

pub mod backfills;
pub mod search_keys;
pub mod sql_events;
