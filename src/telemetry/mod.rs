//! What the bridge tells about itself.

pub mod logging;
pub mod metrics;

pub use metrics::Metrics;
