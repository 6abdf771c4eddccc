//! What the repository says of itself: pages, deployment files and the layers.

pub(crate) mod deployment;
pub(crate) mod layers;
pub(crate) mod pages;
pub(crate) mod readme;
