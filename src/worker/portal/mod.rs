//! One portal as its lane sees it: calls and who observes them, places in its limit for others, and
//! what it is asked about itself.

pub(super) mod call_observer;
pub(super) mod client;
pub(super) mod identity;
pub(super) mod lead_mode;
pub(super) mod permit_server;
pub(super) mod shared_limit;
