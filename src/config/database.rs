//! `[database]`: where the bridge keeps its tables.

use super::Secret;
use serde::Deserialize;
use std::path::PathBuf;

/// Where the bridge keeps its tables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://…`; also by `DATABASE_URL`. None: a PostgreSQL of the bridge's own in the data directory.
    pub url: Option<Secret>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// Most connections at once; none: 16.
    pub max_connections: Option<u32>,
}
