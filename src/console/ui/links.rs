//! Queries in links.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One segment of a path, or one value of a query.
pub(in crate::console) fn escape(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

/// A path with those of the pairs that have a value.
pub(in crate::console) fn link(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter_map(|(key, value)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(format!("{key}={}", escape(value)))
        })
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// The page of a portal.
pub(in crate::console) fn portal(name: &str) -> String {
    format!("/console/portals/{}", escape(name))
}

/// The page of a shop.
pub(in crate::console) fn shop(name: &str) -> String {
    format!("/console/shops/{}", escape(name))
}

/// The page of what a shop's forms have sent.
pub(in crate::console) fn forms(name: &str) -> String {
    format!("{}/forms", shop(name))
}

/// The page of a shop's products.
pub(in crate::console) fn products(name: &str) -> String {
    format!("{}/products", shop(name))
}

/// The page of an order.
pub(in crate::console) fn order(shop: &str, number: &str) -> String {
    format!("/console/orders/{}/{}", escape(shop), escape(number))
}
