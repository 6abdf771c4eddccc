//! The filter of dead letters: one reading of the same words for terminal, API and console. Pure.

use crate::{
    app::filter_words::{read, time, words},
    domain::{ErrorCode, Faults, OrderNumber, PortalName, ShopName, did_you_mean},
    storage::dead_letters,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A filter as people write it, in a form, a query or a command. What is empty or missing means
/// any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LetterQuery {
    /// Only of this shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    /// Only of this portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
    /// Only of this code, e.g. `MAP-STATUS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only of this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Last failed then or later: RFC 3339, or a date (its midnight in UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last failed before then: RFC 3339, or a date (its midnight in UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// With this text in the message or the payload, in any case: at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Which letters, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only of this shop.
    pub shop: Option<ShopName>,
    /// Only of this portal.
    pub portal: Option<PortalName>,
    /// Only of this code.
    pub code: Option<ErrorCode>,
    /// Only of this order.
    pub number: Option<String>,
    /// Last failed then or later.
    pub since: Option<DateTime<Utc>>,
    /// Last failed before then.
    pub until: Option<DateTime<Utc>>,
    /// With this text in the message or the payload.
    pub text: Option<String>,
    /// Only with ids above this, or below it if the newest come first: the `next` of the page
    /// before.
    pub after: Option<i64>,
    /// How many: at most 500; 0 means 50.
    pub limit: u32,
}

impl LetterQuery {
    /// Reads the words; every fault with the name of its field as the pointer.
    pub fn parse(&self) -> Result<LetterFilter, Faults> {
        let mut faults = Faults::new();
        let filter = LetterFilter {
            shop: read("/shop", self.shop.as_ref(), &mut faults, ShopName::parse),
            portal: read(
                "/portal",
                self.portal.as_ref(),
                &mut faults,
                PortalName::parse,
            ),
            code: read("/code", self.code.as_ref(), &mut faults, |text| {
                ErrorCode::parse(text).ok_or_else(|| {
                    let all: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
                    format!("there is no code `{text}`{}", did_you_mean(text, &all))
                })
            }),
            number: read("/number", self.number.as_ref(), &mut faults, |text| {
                OrderNumber::parse(text).map(|number| number.as_str().to_owned())
            }),
            since: read("/since", self.since.as_ref(), &mut faults, time),
            until: read("/until", self.until.as_ref(), &mut faults, time),
            text: read("/text", self.text.as_ref(), &mut faults, words),
            after: None,
            limit: 0,
        };
        if faults.is_empty() {
            Ok(filter)
        } else {
            Err(faults)
        }
    }
}

impl LetterFilter {
    /// Whether it means every letter there is.
    pub fn is_empty(&self) -> bool {
        Self {
            after: None,
            limit: 0,
            ..self.clone()
        } == Self::default()
    }

    /// The same filter in words, as a job keeps it; the page is left out.
    pub fn to_query(&self) -> LetterQuery {
        LetterQuery {
            shop: self.shop.as_ref().map(ToString::to_string),
            portal: self.portal.as_ref().map(ToString::to_string),
            code: self.code.map(|code| code.to_string()),
            number: self.number.clone(),
            since: self.since.map(|time| time.to_rfc3339()),
            until: self.until.map(|time| time.to_rfc3339()),
            text: self.text.clone(),
        }
    }

    /// The same as storage takes it, with `limit` rows after `after`.
    pub(in crate::app) fn rows(&self, after: i64, limit: i64) -> dead_letters::Filter<'_> {
        dead_letters::Filter {
            shop: self.shop.as_ref().map(ShopName::as_str),
            portal: self.portal.as_ref().map(PortalName::as_str),
            code: self.code.map(ErrorCode::as_str),
            number: self.number.as_deref(),
            since: self.since,
            until: self.until,
            text: self.text.as_deref(),
            after,
            upto: None,
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(since: &str, code: &str, text: &str) -> LetterQuery {
        LetterQuery {
            since: Some(since.to_owned()),
            code: Some(code.to_owned()),
            text: Some(text.to_owned()),
            ..LetterQuery::default()
        }
    }

    #[test]
    fn what_is_empty_means_any() {
        assert!(query("", " ", "").parse().unwrap().is_empty());
        assert!(!query("2026-01-15", "", "").parse().unwrap().is_empty());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = query("yesterday", "NONE", &"x".repeat(201))
            .parse()
            .unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/code", "/since", "/text"]);
    }

    #[test]
    fn a_date_is_its_midnight_in_utc() {
        let filter = query("2026-01-15", "", "").parse().unwrap();
        assert_eq!(
            filter.since.unwrap().to_rfc3339(),
            "2026-01-15T00:00:00+00:00"
        );
    }

    proptest! {
        #[test]
        fn
            a_filter_comes_back_from_its_own_words(
                text in "[a-zа-я0-9%_']{0,50}", seconds in 0_i64..4_000_000_000,
                shop in "[a-z]{1,9}",
            )
            {
            let written = LetterQuery {
                shop: Some(shop),
                until: DateTime::from_timestamp(seconds, 0).map(|time| time.to_rfc3339()),
                ..query("", "MAP-STATUS", &text)
            };
            let filter = written.parse().unwrap();
            prop_assert_eq!(filter.to_query().parse().unwrap(), filter);
        }
    }
}
