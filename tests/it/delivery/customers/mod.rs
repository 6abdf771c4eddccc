//! Who the customer is, through the whole service: the binary on a database, and a sandbox portal.

mod follow;
mod refused;
mod strangers;
mod world;
