//! Addresses of portals: Bitrix24's own cloud or not, and whether two name one place.

use url::{Host, Url};

/// The ends of the names under which Bitrix24's own cloud keeps portals.
const CLOUD: [&str; 22] = [
    "by", "cn", "co", "com", "com.br", "com.tr", "de", "es", "eu", "fr", "id", "in", "it", "jp",
    "kz", "mx", "net", "pl", "ru", "tech", "uk", "vn",
];

/// Whether this is a portal in Bitrix24's own cloud: `NAME.bitrix24.TLD`, by https.
pub(super) fn in_the_cloud(url: &Url) -> bool {
    let Some(Host::Domain(host)) = url.host() else {
        return false;
    };
    let named = host.split_once(".bitrix24.");
    let known = named.is_some_and(|(name, end)| !name.contains('.') && CLOUD.contains(&end));
    known && url.scheme() == "https" && url.port().is_none()
}

/// Whether both name the same place: host and port, and of this machine any of its names.
pub(super) fn same(one: &Url, other: &Url) -> bool {
    let port = one.port_or_known_default() == other.port_or_known_default();
    port && (one.host() == other.host() || here(one) && here(other))
}

fn here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_cloud_is_told_by_the_whole_name() {
        assert!(in_the_cloud(&url("https://shop.bitrix24.ru/rest/")));
        assert!(in_the_cloud(&url("https://shop.bitrix24.com.br/rest/")));
        for other in [
            "https://bitrix24.ru/",
            "https://shop.bitrix24.ru.evil.example/",
            "https://shop.bitrix24.evil/",
            "https://evil-bitrix24.ru/",
            "https://a.b.bitrix24.ru/",
            "http://shop.bitrix24.ru/",
            "https://shop.bitrix24.ru:8443/",
            "https://127.0.0.1/",
        ] {
            assert!(!in_the_cloud(&url(other)), "{other}");
        }
    }

    #[test]
    fn this_machine_has_several_names_and_each_port_is_a_place() {
        let sandbox = url("http://127.0.0.1:8090/rest/1/x/");
        assert!(same(&sandbox, &url("http://localhost:8090/rest/")));
        assert!(same(&sandbox, &url("http://[::1]:8090/rest/")));
        assert!(!same(&sandbox, &url("http://localhost:8091/rest/")));
        let cloud = url("https://a.bitrix24.ru/rest/");
        assert!(same(&cloud, &url("https://a.bitrix24.ru:443/")));
        assert!(!same(&cloud, &url("https://b.bitrix24.ru/")));
    }
}
