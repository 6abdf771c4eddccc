//! `[onec.NAME.profiles]`: fields of the counterparty and further requisites, by payer type.

use super::Problem;
use crate::formats::onec::{ADDRESS_PARTS, Given, Profiles, address_part};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    default: BTreeMap<String, RawGiven>,
    person: BTreeMap<String, RawGiven>,
    company: BTreeMap<String, RawGiven>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawGiven {
    Path(String),
    Value(RawValue),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    value: String,
}

/// The profiles of a base; a part of an address that CommerceML does not know is a problem.
pub(super) fn read(key: &str, raw: Raw, problems: &mut Vec<Problem>) -> Profiles {
    let mut of = |kind: &str, values: BTreeMap<String, RawGiven>| {
        for name in values.keys() {
            if address_part(name).is_some_and(|part| !ADDRESS_PARTS.contains(&part)) {
                let key = format!("{key}.profiles.{kind}.{name}");
                let fix = format!("write `Адрес.` with one of: {}", ADDRESS_PARTS.join(", "));
                problems.push(Problem::new(
                    key,
                    "1C knows no such part of an address",
                    fix,
                ));
            }
        }
        let given = |given| match given {
            RawGiven::Path(path) => Given::Path(path),
            RawGiven::Value(RawValue { value }) => Given::Value(value),
        };
        let values = values.into_iter();
        values.map(|(name, value)| (name, given(value))).collect()
    };
    Profiles {
        default: of("default", raw.default),
        person: of("person", raw.person),
        company: of("company", raw.company),
    }
}
