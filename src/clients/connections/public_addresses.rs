//! Public addresses: which they are, and a resolver that gives no others, for hosts that another
//! system named and no operator.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Whether this may be a public address, as far as it can be told before its name is resolved.
pub(in crate::clients) fn may_be_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let inner = ["localhost", "local", "internal", "lan", "home.arpa"];
            let within = |end: &&str| name == *end || name.ends_with(&format!(".{end}"));
            name.contains('.') && !inner.iter().any(within)
        }
        None => false,
    }
}

/// Whether everybody reaches the same machine under this address.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 240.., ..] | [192, 0, 0, _] => true,
        [100, b, ..] => (64..=127).contains(&b),
        [198, b, ..] => (18..=19).contains(&b),
        _ => false,
    };
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    let bits = address.to_bits();
    // What carries an address of IPv4 is as public as that one.
    let low = u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default();
    match (a, b) {
        (0x64, 0xff9b) => return is_public_v4(Ipv4Addr::from_bits(low)),
        (0x2002, _) => {
            let inner = u32::from(b) << 16 | u32::from(c);
            return is_public_v4(Ipv4Addr::from_bits(inner));
        }
        _ => {}
    }
    // Global unicast, without Teredo and what stands in documents.
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b == 0 || b == 0xdb8))
}

/// The name stands for private addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("the name stands for a private address")]
pub(in crate::clients) struct PrivateAddress;

/// Resolves names to public addresses, leaving out all others.
#[derive(Debug)]
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn what_only_this_machine_or_this_network_reaches_is_not_public() {
        for private in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[2001:db8::1]",
            "localhost",
            "db.internal",
            "printer.local",
            "intranet",
            // Other ways to write 127.0.0.1, which the reader of addresses knows.
            "2130706433",
            "0x7f.1",
            "017700000001",
        ] {
            assert!(
                !may_be_public(&url(&format!("https://{private}/rest/"))),
                "{private}"
            );
        }
        for public in [
            "8.8.8.8",
            "[2606:4700::1111]",
            "[64:ff9b::808:808]",
            "shop.example.com",
        ] {
            assert!(
                may_be_public(&url(&format!("https://{public}/rest/"))),
                "{public}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_resolved() {
        let resolved = PublicResolver.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.err().unwrap().is::<PrivateAddress>());
    }
}
