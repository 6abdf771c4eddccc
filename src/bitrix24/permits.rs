//! Who says whether a call may be sent, where another process keeps the portal's bucket.

use super::Error;
use std::{future::Future, pin::Pin};

/// What [`Permits::permit`] does in the end.
pub type MayCall<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Keeps a portal's bucket elsewhere.
pub trait Permits: Send + Sync {
    /// Waits until one request may be sent, at once.
    fn permit(&self) -> MayCall<'_>;
}
