//! Addresses that are listened on, and who has one that is taken.

use anyhow::Context as _;
use std::{fs, io, net::SocketAddr};
use tokio::net::TcpListener;

/// Listens on the address that a key of the settings names. Where it is taken, the error says by
/// whom, as far as the system tells it.
pub(super) async fn listen(place: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(place).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let who = match holder(place.port()) {
                Some((id, name)) => format!("by {name} (process {id})"),
                None => "by another process".to_owned(),
            };
            anyhow::bail!(
                "{place} is in use {who}: stop that, or choose another address with `{key}`"
            )
        }
        done => done.with_context(|| format!("listen on {place} (`{key}`)")),
    }
}

/// The process that listens on a port, as Linux tells it to those who may see it.
fn holder(port: u16) -> Option<(u32, String)> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| sockets_at(&table, port))
        .collect();
    let owns = |id: u32| {
        let open = fs::read_dir(format!("/proc/{id}/fd")).ok()?;
        let mut links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links
            .any(|link| {
                sockets
                    .iter()
                    .any(|socket| link.as_os_str() == socket.as_str())
            })
            .then_some(())
    };
    let ids = fs::read_dir("/proc").ok()?;
    let mut ids = ids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let id = ids.find(|id| owns(*id).is_some())?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some((id, name.trim().to_owned()))
}

/// The sockets of such a table that listen on a port, as a process's links name them.
fn sockets_at(table: &str, port: u16) -> Vec<String> {
    const LISTENING: &str = "0A";
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, at) = fields.get(1)?.rsplit_once(':')?;
            let listens = *fields.get(3)? == LISTENING;
            let same = u16::from_str_radix(at, 16).ok()? == port;
            let inode = fields.get(9)?;
            (listens && same).then(|| format!("socket:[{inode}]"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_sockets_tells_who_listens() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n   0: \
                     0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 \
                     4711 1 0 100 0\n   1: 0100007F:1F90 0100007F:D2A0 01 00000000:00000000 \
                     00:00000000 00000000 0 0 4712 1 0 20\n";
        assert_eq!(sockets_at(table, 8080), ["socket:[4711]"]);
        assert!(sockets_at(table, 80).is_empty());
    }

    #[tokio::test]
    async fn who_has_the_address_is_named_with_the_key_that_chooses_another() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = taken.local_addr().expect("an address");
        let error = listen(place, "[http] listen").await.expect_err("taken");
        let error = error.to_string();
        let own = format!("(process {})", std::process::id());
        assert!(
            error.contains(&own) && error.contains("`[http] listen`"),
            "{error}"
        );
    }
}
