//! What the bridge tells about itself.

pub mod metrics;

pub use metrics::Metrics;
