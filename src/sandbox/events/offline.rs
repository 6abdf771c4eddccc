//! The offline queue: one row for each object and event, with the time of the last change.

use crate::sandbox::{
    Caller, PortalState,
    protocol::{
        decode::{Params, elements, id, int, text, truthy},
        envelope::{Fail, Outcome, Reply},
    },
};
use serde_json::{Value, json};

const PAGE: usize = 50;

#[derive(Debug, Clone)]
struct Row {
    id: u64,
    at: String,
    event: String,
    object: String,
    connector: String,
    process: Option<String>,
    failed: bool,
}

/// The queue of offline events: what is bound, and the rows that wait or are reserved.
#[derive(Debug, Default)]
pub(crate) struct Offline {
    bindings: Vec<(String, String, String)>,
    rows: Vec<Row>,
    last_id: u64,
}

impl Offline {
    pub(crate) fn bind(&mut self, client: &str, event: &str, connector: &str) {
        let binding = (client.to_owned(), event.to_owned(), connector.to_owned());
        if !self.bindings.contains(&binding) {
            self.bindings.push(binding);
        }
    }

    pub(crate) fn unbind(&mut self, client: &str, event: &str) -> usize {
        let before = self.bindings.len();
        self.bindings.retain(|(c, e, _)| c != client || e != event);
        before - self.bindings.len()
    }

    pub(crate) fn bindings(&self, client: &str) -> Vec<(String, String)> {
        let own = self.bindings.iter().filter(|(c, _, _)| c == client);
        own.map(|(_, event, connector)| (event.clone(), connector.clone()))
            .collect()
    }

    /// Notes a change in every queue that wants it; true when a row appeared.
    pub(crate) fn record(&mut self, event: &str, object: &str, at: &str, caller: &Caller) -> bool {
        let mut queues: Vec<String> = self
            .bindings
            .iter()
            .filter(|(_, bound, _)| bound == event)
            .map(|(_, _, connector)| connector.clone())
            .filter(|connector| caller.auth_connector.as_ref() != Some(connector))
            .collect();
        queues.sort();
        queues.dedup();
        for connector in &queues {
            let same = |r: &&mut Row| {
                r.event == event
                    && r.object == object
                    && r.connector == *connector
                    && r.process.is_none()
            };
            if let Some(row) = self.rows.iter_mut().find(same) {
                at.clone_into(&mut row.at);
                continue;
            }
            self.last_id += 1;
            self.rows.push(Row {
                id: self.last_id,
                at: at.to_owned(),
                event: event.to_owned(),
                object: object.to_owned(),
                connector: connector.clone(),
                process: None,
                failed: false,
            });
        }
        !queues.is_empty()
    }
}

impl Row {
    fn value(&self, full: bool) -> Value {
        let mut row = json!({
            "ID": self.id.to_string(),
            "TIMESTAMP_X": self.at,
            "EVENT_NAME": self.event,
            "EVENT_DATA": { "FIELDS": { "ID": self.object } },
            "EVENT_ADDITIONAL": false,
            "MESSAGE_ID": self.id.to_string(),
        });
        if let (true, Value::Object(map)) = (full, &mut row) {
            map.insert(
                "PROCESS_ID".into(),
                self.process.clone().unwrap_or_default().into(),
            );
            map.insert("ERROR".into(), if self.failed { "1" } else { "0" }.into());
        }
        row
    }
}

/// The methods of the queue.
pub(crate) fn call(world: &mut PortalState, method: &str, params: &Params) -> Option<Outcome> {
    Some(match method {
        "event.offline.get" => Ok(get(world, params)),
        "event.offline.list" => Ok(list(world, params)),
        "event.offline.clear" => settle(world, params, false),
        "event.offline.error" => settle(world, params, true),
        _ => return None,
    })
}

fn connector(params: &Params) -> String {
    params.any("auth_connector").map(text).unwrap_or_default()
}

fn wanted(row: &Row, params: &Params) -> bool {
    let filter = params.any("filter").and_then(Value::as_object);
    filter.into_iter().flatten().all(|(key, value)| {
        let value = text(value);
        match key.trim_start_matches('=') {
            "EVENT_NAME" => row.event.eq_ignore_ascii_case(&value),
            "ID" | "MESSAGE_ID" => row.id.to_string() == value,
            ">ID" => value.parse().is_ok_and(|least: u64| row.id > least),
            ">=ID" => value.parse().is_ok_and(|least: u64| row.id >= least),
            "PROCESS_ID" => row.process.clone().unwrap_or_default() == value,
            _ => true,
        }
    })
}

fn get(world: &mut PortalState, params: &Params) -> Reply {
    let queue = connector(params);
    let clear = params.any("clear").is_none_or(truthy);
    let limit = params
        .any("limit")
        .and_then(int)
        .and_then(|n| usize::try_from(n).ok());
    let reread = params.any("process_id").map(text).filter(|p| !p.is_empty());
    let failed = params.any("error").is_some_and(truthy);
    let process = reread.clone().unwrap_or_else(|| world.dice.token());
    let offline = &mut world.events.offline;
    let mut rows: Vec<&mut Row> = offline
        .rows
        .iter_mut()
        .filter(|r| r.connector == queue && wanted(r, params) && r.failed == failed)
        .filter(|r| failed || r.process == reread)
        .collect();
    rows.sort_by(|a, b| a.at.cmp(&b.at).then(a.id.cmp(&b.id)));
    rows.truncate(limit.unwrap_or(PAGE));
    let taken: Vec<u64> = rows.iter().map(|r| r.id).collect();
    let events: Vec<Value> = rows.iter().map(|r| r.value(false)).collect();
    if clear {
        offline.rows.retain(|r| !taken.contains(&r.id));
        return json!({ "process_id": null, "events": events }).into();
    }
    for row in offline.rows.iter_mut().filter(|r| taken.contains(&r.id)) {
        row.process = Some(process.clone());
    }
    json!({ "process_id": process, "events": events }).into()
}

fn list(world: &PortalState, params: &Params) -> Reply {
    let queue = connector(params);
    let start = params
        .any("start")
        .and_then(int)
        .and_then(|n| usize::try_from(n).ok());
    let start = start.unwrap_or(0);
    let rows: Vec<&Row> = world
        .events
        .offline
        .rows
        .iter()
        .filter(|r| r.connector == queue && wanted(r, params))
        .collect();
    let page: Vec<Value> = rows
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|r| r.value(true))
        .collect();
    let next = (rows.len() > start + PAGE).then_some(start + PAGE);
    Reply {
        result: page.into(),
        total: Some(rows.len()),
        next,
    }
}

fn settle(world: &mut PortalState, params: &Params, failed: bool) -> Outcome {
    let Some(process) = params.any("process_id").map(text).filter(|p| !p.is_empty()) else {
        return Err(Fail::bad(
            "ERROR_ARGUMENT",
            "Argument 'process_id' is null or empty",
        ));
    };
    let named = params.any("id").or_else(|| params.any("message_id"));
    let only: Option<Vec<u64>> = named.map(|list| {
        elements(list)
            .into_iter()
            .filter_map(|v| id(Some(v)))
            .collect()
    });
    let hit = |r: &Row| {
        r.process.as_ref() == Some(&process) && only.as_ref().is_none_or(|ids| ids.contains(&r.id))
    };
    let rows = &mut world.events.offline.rows;
    if failed {
        rows.iter_mut()
            .filter(|r| hit(r))
            .for_each(|r| r.failed = true);
    } else {
        rows.retain(|r| !hit(r));
    }
    Ok(Value::Bool(true).into())
}
