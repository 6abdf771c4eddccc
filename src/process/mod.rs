//! The process itself, whatever it carries: its signals, its logs, its bounds, a database of its
//! own. Nothing here knows of orders.
//!
//! To add a bound, a meter or a signal: the room it belongs to, without a word about orders; what
//! is counted has a row in `telemetry::metric_catalog`.

pub mod backoff;
pub mod bug;
pub mod doors;
pub mod embedded;
pub mod signals;
pub mod telemetry;
