//! What is wrong with an input, and where.

use serde::Serialize;

/// One thing that is wrong with an input, at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the value; empty for the whole document.
    pub pointer: String,
    /// One sentence for the person who sent it.
    pub detail: String,
}

/// Everything that is wrong with one input: never only the first thing.
pub type Faults = Vec<Fault>;
