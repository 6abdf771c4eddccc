//! Bounds on callers: bytes in work, tries at keys. A stranger gets little, and takes nothing from
//! those who are known.
//!
//! Owns: the bounds that hold for all requests together, and where a request comes from. Refuses:
//! to know what a request is about.

mod places;
mod room;
mod source;
mod tries;
mod weight;

pub use places::Place;
pub use room::{CONNECTIONS, Full, Room, caller, known, take, within};
pub use source::{Proxies, Source};
pub use tries::{Admitted, Tries};
pub use weight::{weight, weight_in_parts};
