//! Pages of the lists that people look through.

/// How many there are on a page where nothing was said.
const DEFAULT_PAGE: u32 = 50;
/// The most of a page.
const LARGEST_PAGE: u32 = 500;

/// How many a page has: 0 asks for what is usual.
pub(in crate::app) fn page_size(asked: u32) -> u32 {
    match asked {
        0 => DEFAULT_PAGE,
        asked => asked.min(LARGEST_PAGE),
    }
}
