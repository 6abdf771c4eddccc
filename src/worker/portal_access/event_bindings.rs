//! Having a portal tell of its events: what is bound, and what is missing.

use crate::clients::bitrix24::{Client, Command, Error, Priority};
use serde_json::{Value, json};

/// What an application can hear of deals; only an application hears of moves between funnels.
const DEALS: [&str; 4] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDEALMOVETOCATEGORY",
];
const LEADS: [&str; 3] = ["ONCRMLEADADD", "ONCRMLEADUPDATE", "ONCRMLEADDELETE"];
/// The application's own life: what a portal sends when it is asked to, a new version (which drops
/// every handler, and may change the token of notifications), and the removal.
const OWN: [&str; 3] = ["ONAPPTEST", "ONAPPUPDATE", "ONAPPUNINSTALL"];

/// The key of our own queue of events: what is written with it does not come back there.
pub const CONNECTOR: &str = "b24-bridge";

/// What is to be bound.
#[derive(Debug, Clone)]
pub(super) struct WantedBinding {
    /// The address that the portal posts notifications to, if it is to post them.
    pub(super) handler: Option<String>,
    /// Whether a shop writes leads.
    pub(super) leads: bool,
    /// Whether the portal keeps a queue for us.
    pub(super) queue: bool,
}

impl WantedBinding {
    fn events(&self) -> impl Iterator<Item = &'static str> {
        let leads = LEADS.into_iter().filter(|_| self.leads);
        DEALS.into_iter().chain(leads)
    }
}

/// What a portal's plan has.
pub(super) async fn has(client: &Client, feature: &str) -> Result<bool, Error> {
    let asked = client
        .call(
            "feature.get",
            &json!({"CODE": feature}),
            Priority::Reconcile,
        )
        .await;
    match asked {
        Ok(answer) => Ok(answer.result.get("value").and_then(Value::as_str) == Some("Y")),
        // Portals that do not know the question do not have it.
        Err(Error::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Binds what is missing; returns how many.
pub(super) async fn bind(client: &Client, wanted: &WantedBinding) -> Result<usize, Error> {
    let listed = client
        .call("event.get", &json!({}), Priority::Reconcile)
        .await?
        .result;
    let bound: Vec<&Value> = listed.as_array().into_iter().flatten().collect();
    let mut missing = Vec::new();
    if let Some(handler) = &wanted.handler {
        let heard = |event: &str| {
            bound
                .iter()
                .any(|row| is(row, "event", event) && text(row, "handler") == handler)
        };
        for event in wanted.events().chain(OWN).filter(|event| !heard(event)) {
            missing.push(json!({"event": event, "handler": handler}));
        }
    }
    if wanted.queue {
        let queued = |event: &str| {
            bound.iter().any(|row| {
                is(row, "event", event)
                    && is_true(row.get("offline"))
                    && matches!(text(row, "connector_id"), "" | CONNECTOR)
            })
        };
        for event in wanted.events().filter(|event| !queued(event)) {
            missing.push(
                json!({"event": event, "event_type": "offline", "auth_connector": CONNECTOR}),
            );
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    let command = |(at, params): (usize, &Value)| Command {
        key: format!("b{at}"),
        method: "event.bind".to_owned(),
        params: params.clone(),
    };
    let commands: Vec<Command> = missing.iter().enumerate().map(command).collect();
    let answers = client.batch(&commands, Priority::Reconcile).await?;
    let mut count = 0;
    for (key, answer) in answers {
        match answer {
            Ok(_) => count += 1,
            // Another process was faster.
            Err(refused) if refused.description.to_lowercase().contains("already") => {}
            Err(refused) => {
                let event = commands
                    .iter()
                    .find(|command| command.key == key)
                    .map_or("", |command| text(&command.params, "event"));
                tracing::warn!(
                    event,
                    error = refused.error,
                    "the portal does not bind an event: {}",
                    refused.description
                );
            }
        }
    }
    Ok(count)
}

/// Has the portal send a secret to our address, with the token of its notifications.
pub(super) async fn test(client: &Client, secret: &str) -> Result<(), Error> {
    client
        .call("event.test", &json!({"probe": secret}), Priority::Reconcile)
        .await?;
    Ok(())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is(row: &Value, key: &str, wanted: &str) -> bool {
    text(row, key).eq_ignore_ascii_case(wanted)
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        Some(Value::String(text)) => text == "1",
        Some(Value::Bool(value)) => *value,
        _ => false,
    }
}
