//! Pages of the exchange with 1C: what waits, what came, and what was not carried out.

pub(super) mod document;
pub(super) mod files;
pub(super) mod page;
mod push;

/// The address of a file as it came.
fn file_of(id: i64) -> String {
    format!("/console/onec/files/{id}")
}

/// The address of a document's page.
fn document_of(id: i64) -> String {
    format!("/console/onec/documents/{id}")
}
