//! Lines that a person types for the sandbox's 1C base to do, one act each.

use crate::sandbox::onec::Act;
use std::str::FromStr;

/// A line that was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Something is done with the order of this number.
    Act(String, Act),
    /// Orders are fetched, changes are sent.
    Exchange,
    Fetch,
    Send,
    /// The site's products are loaded.
    Catalogue,
    /// The connection is lost after so many bytes of the answer with the orders.
    CutFetch(usize),
    /// The same of the file with the changes.
    CutSend(usize),
}

const KNOWN: &str = "status NUMBER STATUS, pay NUMBER [SUM], ship NUMBER [PARCEL], cancel NUMBER, \
    revive NUMBER, delete NUMBER, exchange, fetch, send, catalogue, cut fetch BYTES, \
    cut send BYTES";

impl FromStr for Said {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let unknown = || format!("not known: {line}. Known are: {KNOWN}");
        let mut words = line.trim().splitn(3, ' ').map(str::trim);
        let first = words.next().unwrap_or_default();
        let (second, third) = (words.next(), words.next());
        let act = |act: Act| {
            let number = second.filter(|number| !number.is_empty());
            Ok(Self::Act(number.ok_or_else(unknown)?.to_owned(), act))
        };
        match (first, third) {
            ("status", Some(status)) => act(Act::Status(status.to_owned())),
            ("pay", None) => act(Act::Pay(None)),
            ("pay", Some(sum)) => act(Act::Pay(Some(sum.parse().map_err(|_| unknown())?))),
            ("ship", parcel) => act(Act::Ship(parcel.map(str::to_owned))),
            ("cancel", None) => act(Act::Cancel),
            ("revive", None) => act(Act::Revive),
            ("delete", None) => act(Act::Delete),
            ("cut", Some(bytes)) => {
                let bytes = bytes.parse().map_err(|_| unknown())?;
                match second {
                    Some("fetch") => Ok(Self::CutFetch(bytes)),
                    Some("send") => Ok(Self::CutSend(bytes)),
                    _ => Err(unknown()),
                }
            }
            _ if second.is_some() => Err(unknown()),
            ("exchange", _) => Ok(Self::Exchange),
            ("fetch", _) => Ok(Self::Fetch),
            ("send", _) => Ok(Self::Send),
            ("catalogue", _) => Ok(Self::Catalogue),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_done_with_the_order_that_it_names() {
        let act = |line: &str| match line.parse::<Said>() {
            Ok(Said::Act(number, act)) => (number, act),
            other => panic!("{line}: {other:?}"),
        };
        let of = |act: Act| ("A-1".to_owned(), act);
        let named = Act::Status("К выполнению".to_owned());
        assert_eq!(act("status A-1 К выполнению"), of(named));
        assert_eq!(act("pay A-1"), of(Act::Pay(None)));
        let part = "10.50".parse().ok();
        assert_eq!(act("pay A-1 10.50"), of(Act::Pay(part)));
        assert_eq!(act(" ship A-1 RB1 "), of(Act::Ship(Some("RB1".to_owned()))));
        assert_eq!("cut send 100".parse(), Ok(Said::CutSend(100)));
        assert_eq!("catalogue".parse(), Ok(Said::Catalogue));
    }

    #[test]
    fn a_line_that_says_too_little_or_too_much_does_nothing_and_lists_what_is_known() {
        for line in [
            "",
            "status A-1",
            "pay A-1 much",
            "cancel",
            "fetch 3",
            "cut fetch",
            "sip A-1",
        ] {
            let refused = line.parse::<Said>().unwrap_err();
            assert!(refused.contains("pay NUMBER [SUM]"), "{line}: {refused}");
        }
    }
}
