//! What the repository says of itself: pages, deployment files and the layers.

mod circles;
mod columns;
pub(crate) mod deployment;
pub(crate) mod layers;
pub(crate) mod pages;
pub(crate) mod readme;
mod scale;
mod words;
