//! Ports for processes that are started by the tests.

use std::{
    fs::{self, File},
    net::TcpListener,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Locks of the ports that were given out: held until this process ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that nobody listens on, outside of the range from which the system gives ports by itself.
///
/// It is this test run's until that ends, also while the process that listens on it is killed and
/// started again: another run at the same time would else be given it meanwhile, its shop and its
/// 1C would talk to this one's bridge, and both would count what the other did.
pub(crate) fn free_port() -> u16 {
    loop {
        let nth = std::process::id()
            .wrapping_mul(131)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + nth % 20_000).unwrap();
        if let Some(lock) = locked(port)
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
        {
            HELD.lock().unwrap().push(lock);
            return port;
        }
    }
}

/// The lock of a port; none: another run has it, or this one gave it out before.
fn locked(port: u16) -> Option<File> {
    let user = nix::unistd::geteuid();
    let folder = std::env::temp_dir().join(format!("b24-ports-{user}"));
    fs::create_dir_all(&folder).unwrap();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(port.to_string()))
        .unwrap();
    file.try_lock().is_ok().then_some(file)
}

#[test]
fn a_port_is_given_once_even_while_nobody_listens_on_it() {
    let port = free_port();
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    assert!(locked(port).is_none());
    assert_ne!(free_port(), port);
}
