//! Telemetry: the logs, meters and traces of the bridge.
//!
//! Owns: the table of meters, and the form of a log line. Refuses: secrets and personal data;
//! labels and log fields carry names from the configuration, methods, codes, counts and times,
//! never a key, an address of a webhook, an order's contents or a customer.

pub mod access_log;
pub mod logging;
pub mod metric_catalog;
pub mod metrics;
pub mod printable;
pub mod traces;

pub use metrics::Metrics;

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
