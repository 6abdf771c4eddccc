//! A gate before each call, where another process keeps the portal's bucket.

use crate::clients::bitrix24::Error;
use std::{future::Future, pin::Pin};

/// What [`CallGate::permit`] does in the end.
pub type GatePass<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Keeps a portal's bucket elsewhere.
pub trait CallGate: Send + Sync {
    /// Waits until one request may be sent, at once.
    fn permit(&self) -> GatePass<'_>;
}
