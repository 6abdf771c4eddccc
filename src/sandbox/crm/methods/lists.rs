//! Lists: filters with prefixes, order, selection, pages of fifty.

use crate::sandbox::{
    PortalState,
    clock::Clock,
    protocol::{
        decode::{Params, elements, int, text},
        envelope::{Fail, Outcome, Reply},
    },
};
use chrono::{DateTime, FixedOffset};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::cmp::Ordering;

pub(crate) const PAGE: usize = 50;

/// How a list method treats what it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Unknown fields of a filter mean nothing, so that more comes back than was meant.
    Classic,
    /// Unknown fields are refused.
    Strict,
}

/// The prefixes, longest first.
const CLASSIC: [&str; 11] = ["!@", ">=", "<=", "!=", "=%", "%=", "@", ">", "<", "%", "="];
const STRICT: [&str; 14] = [
    "!=%", "!%=", "!@", ">=", "<=", "!=", "=%", "%=", "!%", "@", ">", "<", "%", "=",
];

/// Splits a filter key into its operator and its field.
fn operator(key: &str, source: Source) -> (&str, &str) {
    let known: &[&str] = if source == Source::Classic {
        &CLASSIC
    } else {
        &STRICT
    };
    for prefix in known {
        if let Some(field) = key.strip_prefix(prefix) {
            return (prefix, field);
        }
    }
    key.strip_prefix('!')
        .map_or(("=", key), |field| ("!=", field))
}

/// What a list knows of a record: `None` for a field that does not exist.
pub(crate) trait Record {
    /// All values of a field; several for fields with many.
    fn values(&self, field: &str) -> Option<Vec<Value>>;

    /// Whether a field holds text, so that `007` and `7` differ.
    fn textual(&self, field: &str) -> bool;
}

impl Record for Value {
    fn values(&self, field: &str) -> Option<Vec<Value>> {
        self.get(field).map(|value| vec![value.clone()])
    }

    fn textual(&self, field: &str) -> bool {
        field.starts_with("RQ_") || field.ends_with("NAME") || field.starts_with("ORIGIN")
    }
}

/// Whether a record passes a filter.
pub(crate) fn passes(record: &dyn Record, filter: &Value, source: Source, clock: &Clock) -> bool {
    let Value::Object(conditions) = filter else {
        return elements(filter)
            .into_iter()
            .all(|inner| passes(record, inner, source, clock));
    };
    let any = conditions
        .get("logic")
        .is_some_and(|l| text(l).eq_ignore_ascii_case("OR"));
    let mut verdicts = conditions
        .iter()
        .filter(|(key, _)| *key != "logic")
        .filter_map(|(key, value)| {
            if key.parse::<usize>().is_ok() || (value.is_object() && value.get("logic").is_some()) {
                return Some(passes(record, value, source, clock));
            }
            let (op, field) = operator(key, source);
            let own = record.values(field)?;
            Some(holds(&own, op, value, record.textual(field), clock))
        });
    if any {
        verdicts.any(|yes| yes)
    } else {
        verdicts.all(|yes| yes)
    }
}

fn holds(own: &[Value], op: &str, wanted: &Value, textual: bool, clock: &Clock) -> bool {
    let list = elements(wanted);
    let wanted: Vec<&Value> = if wanted.is_array() || wanted.is_object() {
        list
    } else {
        vec![wanted]
    };
    let some = |test: &dyn Fn(&Value, &Value) -> bool| {
        own.iter()
            .any(|have| wanted.iter().any(|want| test(have, want)))
    };
    let same = |have: &Value, want: &Value| {
        if textual {
            let (have, want) = (text(have), text(want));
            if have.is_ascii() && want.is_ascii() {
                have.eq_ignore_ascii_case(&want)
            } else {
                have.to_lowercase() == want.to_lowercase()
            }
        } else {
            compare(have, want, clock) == Ordering::Equal
        }
    };
    let blank = |v: &Value| crate::sandbox::crm::fields::is_empty(v);
    match op {
        "=" | "@" => some(&same) || (own.iter().all(blank) && wanted.iter().any(|w| blank(w))),
        "!=" | "!@" => {
            let empty = own.iter().all(blank);
            if wanted.iter().any(|w| blank(w)) {
                !empty
            } else {
                !some(&same)
            }
        }
        ">" => some(&|h, w| !blank(h) && compare(h, w, clock) == Ordering::Greater),
        ">=" => some(&|h, w| !blank(h) && compare(h, w, clock) != Ordering::Less),
        "<" => some(&|h, w| !blank(h) && compare(h, w, clock) == Ordering::Less),
        "<=" => some(&|h, w| !blank(h) && compare(h, w, clock) != Ordering::Greater),
        "%" => some(&contains),
        "!%" => !some(&contains),
        "=%" | "%=" => some(&|h, w| like(&fold(h), &fold(w))),
        "!=%" | "!%=" => !some(&|h, w| like(&fold(h), &fold(w))),
        _ => true,
    }
}

fn fold(value: &Value) -> String {
    text(value).to_lowercase()
}

fn contains(have: &Value, want: &Value) -> bool {
    fold(have).contains(&fold(want))
}

/// SQL's LIKE, with `%` only.
fn like(have: &str, pattern: &str) -> bool {
    match pattern.split_once('%') {
        None => have == pattern,
        Some((head, tail)) => have.strip_prefix(head).is_some_and(|rest| {
            let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            tail.is_empty() || starts.into_iter().any(|at| like(&rest[at..], tail))
        }),
    }
}

fn moment(value: &str, clock: &Clock) -> Option<DateTime<FixedOffset>> {
    let dated = value.len() >= 10 && value.contains(['-', '.']);
    dated.then(|| clock.parse(value)).flatten()
}

/// Numbers as numbers, dates as instants, the rest as text without regard to case.
pub(crate) fn compare(have: &Value, want: &Value, clock: &Clock) -> Ordering {
    let (have, want) = (text(have), text(want));
    // Portals of thousands of deals are asked for fifty by their ids.
    let id = |text: &str| !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if id(&have) && id(&want) {
        return (have.len(), &have).cmp(&(want.len(), &want));
    }
    // Most of what is compared are names and other words: no need to read them as numbers first.
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if number(&have) && number(&want) {
        if let (Ok(a), Ok(b)) = (have.parse::<Decimal>(), want.parse::<Decimal>()) {
            return a.cmp(&b);
        }
        if let (Some(a), Some(b)) = (moment(&have, clock), moment(&want, clock)) {
            return a.cmp(&b);
        }
    }
    have.to_lowercase().cmp(&want.to_lowercase())
}

/// The fields that a filter or an order names.
pub(crate) fn named_fields(params: &Params, source: Source) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(filter) = params.any("filter") {
        collect(filter, source, &mut names);
    }
    names.extend(params.entries("order").into_iter().map(|(key, _)| key));
    names
}

fn collect(filter: &Value, source: Source, names: &mut Vec<String>) {
    match filter {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "logic" {
                } else if key.parse::<usize>().is_ok() || value.get("logic").is_some() {
                    collect(value, source, names);
                } else {
                    names.push(operator(key, source).1.to_owned());
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, source, names)),
        _ => {}
    }
}

/// Checks the shapes of the usual list parameters.
pub(crate) fn check_shapes(params: &Params) -> Result<(), Fail> {
    for name in ["filter", "order", "select"] {
        if params
            .any(name)
            .is_some_and(|v| !v.is_array() && !v.is_object() && !text(v).is_empty())
        {
            return Err(Fail::plain(&format!("Parameter '{name}' must be array.")));
        }
    }
    Ok(())
}

/// Puts records in the order that was asked for.
pub(crate) fn sort<R: Record>(records: &mut [R], params: &Params, clock: &Clock) {
    let order = params.entries("order");
    let keys: Vec<(String, bool)> = order
        .into_iter()
        .map(|(field, way)| (field, text(way).to_uppercase().starts_with("DESC")))
        .collect();
    let value = |record: &R, field: &str| {
        record
            .values(field)
            .and_then(|v| v.into_iter().next())
            .unwrap_or(Value::Null)
    };
    records.sort_by(|a, b| {
        for (field, down) in &keys {
            let way = compare(&value(a, field), &value(b, field), clock);
            let way = if *down { way.reverse() } else { way };
            if way != Ordering::Equal {
                return way;
            }
        }
        Ordering::Equal
    });
}

/// Which part of a list is wanted, and what the envelope says of the rest.
pub(crate) struct Page {
    pub(crate) start: usize,
    pub(crate) total: usize,
    pub(crate) next: Option<usize>,
}

pub(crate) fn page(params: &Params, found: usize) -> Page {
    let start = params.any("start").and_then(int).unwrap_or(0);
    let Ok(start) = usize::try_from(start) else {
        return Page {
            start: 0,
            total: 0,
            next: None,
        };
    };
    let start = start / PAGE * PAGE;
    Page {
        start,
        total: found,
        next: (found > start + PAGE).then_some(start + PAGE),
    }
}

/// A whole list method over records that are plain maps.
pub(crate) fn plain(
    world: &PortalState,
    rows: &[Value],
    params: &Params,
    source: Source,
) -> Outcome {
    check_shapes(params)?;
    if let (Source::Strict, Some(sample)) = (source, rows.first()) {
        for name in named_fields(params, source) {
            if sample.get(&name).is_none() {
                let text = format!("Invalid filter: field '{name}' is not allowed in filter");
                return Err(Fail::bad("INVALID_ARG_VALUE", &text));
            }
        }
    }
    let none = Value::Null;
    let filter = params.any("filter").unwrap_or(&none);
    let passing = rows
        .iter()
        .filter(|row| passes(*row, filter, source, &world.clock));
    let mut found: Vec<Value> = passing.cloned().collect();
    sort(&mut found, params, &world.clock);
    let page = page(params, found.len());
    let select: Vec<String> = params
        .any("select")
        .map(|s| elements(s).into_iter().map(text).collect())
        .unwrap_or_default();
    let all = select.is_empty() || select.iter().any(|name| name == "*");
    let shown = found
        .into_iter()
        .skip(page.start)
        .take(PAGE)
        .map(|row| match row {
            Value::Object(map) if !all => {
                let kept = map.into_iter().filter(|(key, _)| select.contains(key));
                Value::Object(kept.collect::<Map<_, _>>())
            }
            row => row,
        });
    Ok(Reply {
        result: shown.collect(),
        total: Some(page.total),
        next: page.next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn yes(record: &Value, filter: &Value) -> bool {
        passes(record, filter, Source::Strict, &Clock::new(180, 0))
    }

    #[test]
    fn every_prefix_means_what_it_says() {
        let deal = json!({"ID": "7", "TITLE": "Заказ 100%", "SUM": "10.00", "NOTE": null,
            "AT": "2026-01-02T13:00:00+03:00"});
        for filter in [
            json!({"ID": 7}),
            json!({"=ID": "7"}),
            json!({">ID": 6}),
            json!({">=ID": 7}),
            json!({"<ID": 10}),
            json!({"<=ID": "7"}),
            json!({"@ID": [1, 7]}),
            json!({"ID": [7]}),
            json!({"!@ID": [1, 2]}),
            json!({"!ID": 8}),
            json!({"!=ID": 8}),
            json!({"%TITLE": "заказ"}),
            json!({"=%TITLE": "Зак%"}),
            json!({"%=TITLE": "%100%"}),
            json!({"!%TITLE": "x"}),
            json!({"SUM": 10}),
            json!({"NOTE": ""}),
            json!({"!TITLE": ""}),
            json!({"!=%TITLE": "x%"}),
            json!({">AT": "2026-01-02T09:59:59Z"}),
            json!({"<=AT": "2026-01-02 13:00:00"}),
            json!({"0": {"logic": "OR", "0": {"ID": 1}, "1": {"ID": 7}}}),
            json!({"logic": "OR", "0": {"ID": 1}, "1": {"ID": 7}}),
            json!([{"logic": "OR", "0": {"ID": 1}, "1": {"ID": 7}}]),
        ] {
            assert!(yes(&deal, &filter), "{filter}");
        }
        for filter in [
            json!({"ID": 8}),
            json!({">ID": 7}),
            json!({"@ID": [1]}),
            json!({"!@ID": [7]}),
            json!({"!ID": 7}),
            json!({"%TITLE": "x"}),
            json!({"!NOTE": ""}),
            json!({"<AT": "2026-01-02"}),
            json!({">NOTE": 0}),
            json!({"=%TITLE": "каз%"}),
        ] {
            assert!(!yes(&deal, &filter), "{filter}");
        }
    }

    #[test]
    fn an_unknown_field_restricts_nothing() {
        assert!(passes(
            &json!({"ID": 1}),
            &json!({"NO_SUCH": 5}),
            Source::Classic,
            &Clock::new(0, 0)
        ));
    }

    #[test]
    fn pages_start_at_multiples_of_fifty() {
        let page = |query: &str| page(&Params::from_query(query), 120);
        assert_eq!(
            (page("").start, page("").next, page("").total),
            (0, Some(50), 120)
        );
        assert_eq!(
            (page("start=100").start, page("start=100").next),
            (100, None)
        );
        assert_eq!((page("start=-1").total, page("start=-1").next), (0, None));
        assert_eq!(page("start=70").start, 50);
    }
}
