//! What the tests stand on.

pub(crate) mod api;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod log_lines;
mod port;
pub(crate) mod process;
pub(crate) mod settings;
pub(crate) mod shop;

pub(crate) use port::free_port;

use b24_bridge::clients::connections::Connections;

/// What a test's clients reach other systems by.
pub(crate) fn connections() -> Connections {
    Connections::new().unwrap()
}

/// Installs what does the cryptography of TLS; whoever comes second finds it there.
pub(crate) fn provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
