//! Methods of the CRM, by the section of the vendor's documents.
//!
//! To add a method: read its page, put it into the file of its section, and name it in
//! `portal_methods`.

pub(crate) mod activities;
pub(crate) mod classic;
pub(crate) mod duplicates;
pub(crate) mod import;
pub(crate) mod lists;
pub(crate) mod merge;
pub(crate) mod productrows;
pub(crate) mod requisites;
pub(crate) mod timeline;
pub(crate) mod universal;
mod universal_fields;
pub(crate) mod userfields;
