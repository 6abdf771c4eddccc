//! What any process of the bridge needs, whatever it carries: its signals, its logs, its bounds, a
//! database of its own. Nothing here knows of orders.

pub mod backoff;
pub mod bug;
pub mod doors;
pub mod embedded;
pub mod signals;
pub mod telemetry;
