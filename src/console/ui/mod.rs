//! Parts of pages: the layout, components, sortable tables, charts, files and the page of an error.

pub(super) mod assets;
pub(super) mod chart;
pub(super) mod components;
pub(super) mod error_page;
pub(super) mod keys;
pub(super) mod layout;
pub(super) mod links;
pub(super) mod portal_names;
pub(super) mod sortable;
pub(super) mod subjects;
pub(super) mod upload;
