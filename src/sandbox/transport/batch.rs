//! Batches: up to fifty commands in a row, the later ones fed from the earlier answers.

use super::commands::run;
use crate::sandbox::{
    Caller, PortalState,
    protocol::{
        decode::{Params, pairs, text, truthy},
        envelope::{Fail, Reply, Timing},
    },
};
use serde_json::{Map, Value, json};

const MOST_COMMANDS: usize = 50;

/// The methods named by a batch's commands, in lower case.
pub(crate) fn methods(params: &Params) -> Vec<String> {
    params
        .entries("cmd")
        .iter()
        .map(|(_, command)| split(&text(command)).0)
        .collect()
}

fn split(command: &str) -> (String, String) {
    let (method, query) = command.split_once('?').unwrap_or((command, ""));
    let method = method.trim().trim_matches('/').to_lowercase();
    (
        method.strip_suffix(".json").unwrap_or(&method).to_owned(),
        query.to_owned(),
    )
}

/// Methods that bring or take files do not run in a batch. With which words they are refused there
/// is not in the pages.
fn brings_a_file(method: &str) -> bool {
    method == "catalog.productimage.add"
}

/// Carries out a batch. It always succeeds as a whole; the commands have answers of their own.
pub(crate) fn batch(world: &mut PortalState, caller: &Caller, params: &Params) -> Reply {
    let commands = params.entries("cmd");
    let halt = params.any("halt").is_some_and(truthy);
    let [mut result, mut errors, mut totals, mut nexts, mut times]: [Map<String, Value>; 5] =
        std::array::from_fn(|_| Map::new());
    for (at, (key, command)) in commands.iter().enumerate() {
        let start = world.clock.now();
        let (method, query) = split(&text(command));
        let outcome = if at >= MOST_COMMANDS {
            Err(Fail::bad(
                "ERROR_BATCH_LENGTH_EXCEEDED",
                "Max batch length exceeded",
            ))
        } else if method == "batch" || brings_a_file(&method) {
            Err(Fail::bad(
                "ERROR_BATCH_METHOD_NOT_ALLOWED",
                "Method is not allowed for batch usage",
            ))
        } else {
            let filled = Params::from_pairs(
                pairs(&query)
                    .into_iter()
                    .map(|(k, v)| (k, substitute(&v, &result)))
                    .collect(),
            );
            run(world, caller, &method, &filled)
        };
        match outcome {
            Ok(reply) => {
                result.insert(key.clone(), reply.result);
                if let Some(total) = reply.total {
                    totals.insert(key.clone(), total.into());
                }
                if let Some(next) = reply.next {
                    nexts.insert(key.clone(), next.into());
                }
                let operating = world.operating_now(caller, &method);
                let timing = Timing {
                    start,
                    finish: world.clock.now(),
                    operating,
                };
                times.insert(key.clone(), timing.value());
            }
            Err(fail) => {
                errors.insert(key.clone(), fail.body());
                if halt {
                    break;
                }
            }
        }
    }
    let answer = json!({
        "result": result, "result_error": errors, "result_total": totals,
        "result_next": nexts, "result_time": times,
    });
    answer.into()
}

/// Puts earlier answers in place of `$result[key][field]`; what is not there becomes nothing.
fn substitute(value: &str, results: &Map<String, Value>) -> String {
    const MARK: &str = "$result[";
    let mut filled = String::new();
    let mut rest = value;
    while let Some(at) = rest.find(MARK) {
        filled.push_str(&rest[..at]);
        let mut tail = &rest[at + MARK.len() - 1..];
        let mut found: Option<&Value> = None;
        let mut first = true;
        while let Some((key, after)) = tail.strip_prefix('[').and_then(|t| t.split_once(']')) {
            found = match (first, found) {
                (true, _) => results.get(key),
                (false, Some(Value::Object(map))) => map.get(key),
                (false, Some(Value::Array(list))) => {
                    key.parse::<usize>().ok().and_then(|i| list.get(i))
                }
                _ => None,
            };
            first = false;
            tail = after;
        }
        if first {
            filled.push_str(MARK);
            rest = &rest[at + MARK.len()..];
            continue;
        }
        filled.push_str(&found.map(text).unwrap_or_default());
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_as_text() {
        let Value::Object(results) = json!({
            "deal": 7, "find": [{"ID": "5"}], "page": {"items": [{"id": 9}]}, "none": []
        }) else {
            unreachable!()
        };
        let filled = |text: &str| substitute(text, &results);
        assert_eq!(filled("$result[deal]"), "7");
        assert_eq!(filled("DEAL_$result[deal]!"), "DEAL_7!");
        assert_eq!(
            filled("$result[find][0][ID],$result[page][items][0][id]"),
            "5,9"
        );
        assert_eq!(filled("$result[none][0][ID]"), "");
        assert_eq!(filled("$result[failed]"), "");
        assert_eq!(filled("$result[unclosed"), "$result[unclosed");
        assert_eq!(filled("plain $ text"), "plain $ text");
    }

    #[test]
    fn commands_are_split_at_the_question_mark() {
        assert_eq!(
            split("CRM.Deal.Get.json?ID=5"),
            ("crm.deal.get".into(), "ID=5".into())
        );
        assert_eq!(split("server.time"), ("server.time".into(), String::new()));
    }
}
