//! Names and numbers that identify things, each its own type.

use super::{Faults, input::json_reader::Reader};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Borrow, fmt};

/// Which order: its shop's name in the settings, and its number there. As plain text: the shop of
/// a stored order may be configured no more. What else goes to a portal has its key for a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the shop {}", self.number, self.shop)
    }
}

impl OrderKey {
    /// The order of this shop with this number.
    pub fn new(shop: &str, number: &str) -> Self {
        Self {
            shop: shop.to_owned(),
            number: number.to_owned(),
        }
    }

    /// The columns of these orders: their shops, and their numbers.
    pub fn columns(orders: impl IntoIterator<Item = Self>) -> (Vec<String>, Vec<String>) {
        let orders = orders.into_iter();
        orders.map(|one| (one.shop, one.number)).unzip()
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Takes the text if it can be such a name; the error is one sentence that says the
            /// rule.
            pub fn parse(text: &str) -> Result<Self, String> {
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() || text.chars().count() > $max || !text.chars().all(allowed) {
                    return Err($rule.to_owned());
                }
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name! {
    /// The configured name of a shop: the key under `[shops]`, and ORIGINATOR_ID in the portal.
    ShopName, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    "a shop's name is 1 to 64 letters, digits, `-` or `_`"
}

name! {
    /// The configured name of a portal: the key under `[portals]`.
    PortalName, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    "a portal's name is 1 to 64 letters, digits, `-` or `_`"
}

name! {
    /// The configured name of a 1C base: the key under `[onec]`, and the end of its address.
    BaseName, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    "a base's name is 1 to 64 letters, digits, `-` or `_`"
}

name! {
    /// The configured name of a stock: the key under `[stock]`.
    StockName, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    "a stock's name is 1 to 64 letters, digits, `-` or `_`"
}

name! {
    /// The configured name of a till: the key under `[tills]`, and the end of its address.
    TillName, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
    "a till's name is 1 to 64 letters, digits, `-` or `_`"
}

name! {
    /// The public, stable number of an order; with the shop it is the order's identity, and
    /// ORIGIN_ID in the portal.
    OrderNumber, 128, |c| !c.is_control(),
    "an order number is 1 to 128 characters, none of them a control character"
}

impl OrderNumber {
    /// Reads the required member `number`: a string, or a whole number.
    pub(super) fn read(data: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        if !data.require("number", faults) {
            return None;
        }
        let text = match data.member("number")? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if number.is_u64() => number.to_string(),
            _ => {
                data.fault("number", "`number` must be a string", faults);
                return None;
            }
        };
        Self::parse(&text)
            .map_err(|rule| data.fault("number", rule, faults))
            .ok()
    }

    /// Stands in while a snapshot without a number is read to its end for further faults; never
    /// leaves this room.
    pub(super) fn unread() -> Self {
        Self(String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_rule() {
        assert!(ShopName::parse("main-2_x").is_ok());
        for wrong in ["", "a b", "магазин", "a/b"] {
            assert!(ShopName::parse(wrong).is_err(), "{wrong}");
        }
        assert!(OrderNumber::parse("№ 1001/А").is_ok());
        assert!(OrderNumber::parse("10\n01").is_err());
        assert!(OrderNumber::parse(&"1".repeat(129)).is_err());
    }
}
