//! Pages of dead letters: the list, one letter, many at once, and files.

pub(super) mod bulk;

pub(super) mod detail;
pub(super) mod fields;
pub(super) mod files;
pub(super) mod list;
pub(super) mod list_query;
pub(super) mod selection;
