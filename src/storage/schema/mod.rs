//! The database itself: connections, migrations, indexes that are built later, and what the server
//! must be set to.
//!
//! To change the schema: a new file in `migrations`, named by the current time, with one concern;
//! landed ones are never edited. Expand first, move the rows in batches, contract in a later
//! release. Then run `.ci/sqlx`.

pub mod deferred_indexes;
pub mod installation;
pub(super) mod pool;
pub(super) mod server_settings;
