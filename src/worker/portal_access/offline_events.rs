//! The portal's own queue of events: read with a reservation, stored, and only then cleared.

use super::event_bindings::CONNECTOR;
use crate::clients::bitrix24::{Client, Error, Priority};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Rows in one call.
const PAGE: usize = 50;
/// Most pages in one go; the rest follows in the next.
const PAGES: usize = 20;

/// What the portal's queue says: that something happened to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineEvent {
    /// The event, e.g. `ONCRMDEALUPDATE`.
    pub event: String,
    /// The object's id, if it could be read.
    pub id: Option<u64>,
    /// The row as it came.
    pub row: Value,
}

/// Rows that are reserved for us until we clear them.
#[derive(Debug)]
pub(super) struct Packet {
    /// The portal's id of the reservation (`process_id`).
    pub(super) process: String,
    /// The events of the reservation.
    pub(super) items: Vec<OfflineEvent>,
}

/// Reservations that were made and never cleared, by us before a crash: their rows are hidden from
/// every other reading.
pub(super) async fn left_over(client: &Client) -> Result<BTreeSet<String>, Error> {
    let mut found = BTreeSet::new();
    let mut start = 0;
    for _ in 0..PAGES {
        let params = json!({"auth_connector": CONNECTOR, "filter": {"ERROR": 0}, "start": start});
        let answer = client
            .call("event.offline.list", &params, Priority::Reconcile)
            .await?;
        let rows = answer.result.as_array().into_iter().flatten();
        let processes = rows.filter_map(|row| row.get("PROCESS_ID")?.as_str());
        found.extend(
            processes
                .filter(|process| !process.is_empty())
                .map(str::to_owned),
        );
        match answer.next {
            Some(next) if next > start => start = next,
            _ => break,
        }
    }
    Ok(found)
}

/// Reserves the next rows, or reads a reservation again. None if there are none.
pub(super) async fn read(client: &Client, process: Option<&str>) -> Result<Option<Packet>, Error> {
    let mut params = json!({"auth_connector": CONNECTOR, "clear": 0, "limit": PAGE});
    if let (Some(process), Some(map)) = (process, params.as_object_mut()) {
        map.insert("process_id".to_owned(), process.into());
    }
    let answer = client
        .call("event.offline.get", &params, Priority::Reconcile)
        .await?
        .result;
    let rows = answer.get("events").and_then(Value::as_array);
    let items: Vec<OfflineEvent> = rows.into_iter().flatten().map(notified).collect();
    let process = answer.get("process_id").and_then(Value::as_str);
    Ok(match process {
        Some(process) if !items.is_empty() => Some(Packet {
            process: process.to_owned(),
            items,
        }),
        _ => None,
    })
}

/// Clears a reservation's rows: they are stored.
pub(super) async fn clear(client: &Client, packet: &Packet) -> Result<(), Error> {
    let ids: Vec<&Value> = packet
        .items
        .iter()
        .filter_map(|item| item.row.get("ID"))
        .collect();
    let params = json!({"process_id": packet.process, "id": ids, "auth_connector": CONNECTOR});
    client
        .call("event.offline.clear", &params, Priority::Reconcile)
        .await?;
    Ok(())
}

fn notified(row: &Value) -> OfflineEvent {
    let data = row.get("EVENT_DATA");
    let id = data.and_then(|data| {
        data.pointer("/FIELDS/ID")
            .or_else(|| data.get("ID"))
            .and_then(number)
    });
    let event = row.get("EVENT_NAME").and_then(Value::as_str);
    OfflineEvent {
        event: event.unwrap_or_default().to_uppercase(),
        id,
        row: row.clone(),
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
