//! The source of a request: the other end of the connection, or the address that a trusted proxy
//! names.

use axum::http::{HeaderMap, request::Parts};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// The other end of a connection: among a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// Proxies that are believed: what stands last in their `X-Forwarded-For` is the caller. Those of
/// this machine always are.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    length: u8,
}

impl Proxies {
    /// Addresses and networks such as `10.0.0.0/8`; on failure the first that is none.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let one = |text: &String| text.parse().map_err(|NoNetwork| text.clone());
        texts.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn believed(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.iter().any(|network| network.holds(address))
    }
}

/// The text is no address and no network.
#[derive(Debug)]
struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), str::parse).map_err(|_| NoNetwork)?;
        (length <= most)
            .then_some(Self { address, length })
            .ok_or(NoNetwork)
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        let alike = |one: u128, other: u128, bits: u8| {
            let rest = u32::from(bits - self.length);
            // A network of length 0 holds everything: shifting by all bits gives none.
            one.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                alike(own.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => alike(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// Who calls, as far as it is known. Of IPv6 the network counts: whoever has one address there has
/// 2^64.
pub(super) fn source(parts: &Parts, proxies: &Proxies) -> IpAddr {
    let peer = parts.extensions.get::<Source>();
    let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.0);
    let mut last = peer.to_canonical();
    if proxies.believed(last) {
        for told in forwarded(&parts.headers) {
            let Some(address) = told else { break };
            last = address;
            if !proxies.believed(last) {
                break;
            }
        }
    }
    network(last)
}

/// An address as one source: of IPv6 its network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(of) => IpAddr::V6(Ipv6Addr::from_bits(of.to_bits() >> 64 << 64)),
        IpAddr::V4(_) => address,
    }
}

/// The addresses that proxies told, the nearest first; `None` for what is no address.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<_> = lines
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    let words = lines.into_iter().rev().flat_map(|line| line.rsplit(','));
    words.map(|word| Some(word.trim().parse::<IpAddr>().ok()?.to_canonical()))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut request = Request::builder().extension(Source(peer.parse().unwrap()));
        for line in forwarded {
            request = request.header("x-forwarded-for", *line);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let proxies: Vec<String> = proxies.iter().map(ToString::to_string).collect();
        source(&parts, &Proxies::parse(&proxies).unwrap()).to_string()
    }

    #[test]
    fn only_a_proxy_that_is_believed_says_who_calls() {
        let stranger = "203.0.113.9";
        assert_eq!(of(stranger, &["198.51.100.1"], &[]), stranger);
        assert_eq!(of("127.0.0.1", &[stranger], &[]), stranger);
        assert_eq!(of("127.0.0.1", &[], &[]), "127.0.0.1");
        // What the caller wrote itself stands before what the proxy added.
        assert_eq!(of("127.0.0.1", &["1.2.3.4, 203.0.113.9"], &[]), stranger);
        assert_eq!(of("127.0.0.1", &["1.2.3.4", "203.0.113.9"], &[]), stranger);
        let chain = ["1.2.3.4, 203.0.113.9, 10.1.2.3"];
        assert_eq!(of("10.9.9.9", &chain, &["10.0.0.0/8"]), stranger);
        assert_eq!(of("10.9.9.9", &chain, &["10.9.9.9"]), "10.1.2.3");
        assert_eq!(of("127.0.0.1", &["nonsense"], &[]), "127.0.0.1");
        assert_eq!(of("::ffff:127.0.0.1", &[stranger], &[]), stranger);
    }

    #[test]
    fn who_has_a_network_of_ipv6_is_one() {
        let one = of("2001:db8:1:2:3:4:5:6", &[], &[]);
        assert_eq!(one, of("2001:db8:1:2:ffff::1", &[], &[]));
        assert_ne!(one, of("2001:db8:1:3::1", &[], &[]));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["", "10.0.0.0/33", "::/129", "proxy", "10.0.0/8"] {
            let texts = ["10.0.0.0/8".to_owned(), wrong.to_owned()];
            assert_eq!(Proxies::parse(&texts).unwrap_err(), wrong);
        }
        assert!(Proxies::parse(&["::/0".to_owned(), "0.0.0.0/0".to_owned()]).is_ok());
        assert_eq!(of("9.9.9.9", &["8.8.8.8"], &["0.0.0.0/0"]), "8.8.8.8");
    }
}
