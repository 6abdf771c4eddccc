//! Ports for processes that are started by the tests.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on, outside of the range from which the system gives ports by itself:
/// so that no other test is given it before the process listens.
pub(crate) fn free_port() -> u16 {
    loop {
        let nth = std::process::id()
            .wrapping_mul(131)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + nth % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
