//! The events of an application's own life, which come to the same address as those of deals.

use super::{Error, Field, InstallOutcome, PortalAccess, digest};
use crate::{domain::PortalName, storage::access::tokens};
use serde_json::Value;

/// Most fields of a notification that are looked at.
const MOST: usize = 500;

/// What became of an event of an application's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEvent {
    /// It was taken: tokens are judged in the background, or something was learnt.
    Taken,
    /// It is not genuine, or not of this portal: nothing was stored.
    Refused,
    /// Too many installations wait to be judged.
    TooMany,
}

impl PortalAccess {
    /// Takes an event of an application's life; none if the notification is of anything else. To be
    /// asked before the application token is checked: an installation is what the token is learnt
    /// from.
    pub async fn application_event(
        &self,
        portal: &PortalName,
        sent: &Value,
    ) -> Result<Option<AppEvent>, Error> {
        let event = sent.get("event").and_then(Value::as_str);
        let fields = || {
            let mut fields = Vec::new();
            flatten("", sent, &mut fields);
            fields
        };
        let genuine = |genuine: bool| {
            if genuine {
                AppEvent::Taken
            } else {
                AppEvent::Refused
            }
        };
        Ok(match event.map(str::to_ascii_uppercase).as_deref() {
            Some("ONAPPINSTALL") => Some(match self.install_app(portal, &fields()).await? {
                InstallOutcome::Waits(_) => AppEvent::Taken,
                InstallOutcome::TooMany => AppEvent::TooMany,
                InstallOutcome::NoApplication
                | InstallOutcome::Incomplete
                | InstallOutcome::Foreign => AppEvent::Refused,
            }),
            Some("ONAPPUPDATE") => Some(self.updated(portal, &fields()).await?),
            Some("ONAPPTEST") => Some(genuine(
                self.learn_application_token(portal, &fields()).await?,
            )),
            Some("ONAPPUNINSTALL") => Some(genuine(self.uninstalled(portal, sent).await?)),
            _ => None,
        })
    }

    /// A new version of the application. The portal has dropped its handlers, and the token of its
    /// notifications may be another one from now on: both are put right by the next round of
    /// whoever drives the lane. Tokens that come along are judged like those of an installation.
    async fn updated(&self, portal: &PortalName, fields: &[Field]) -> Result<AppEvent, Error> {
        let hinted = self.hint_of_update(portal, fields).await?;
        Ok(match self.install_app(portal, fields).await? {
            InstallOutcome::Waits(_) => AppEvent::Taken,
            _ if hinted => AppEvent::Taken,
            InstallOutcome::TooMany => AppEvent::TooMany,
            InstallOutcome::NoApplication
            | InstallOutcome::Incomplete
            | InstallOutcome::Foreign => AppEvent::Refused,
        })
    }

    /// The tokens of an application that was removed are dead: its own token is the only proof.
    async fn uninstalled(&self, portal: &PortalName, sent: &Value) -> Result<bool, Error> {
        let token = sent.pointer("/auth/application_token");
        let Some(token) = token.and_then(Value::as_str) else {
            return Ok(false);
        };
        let mut db = self.db.acquire().await?;
        let reason = "the application was removed from the portal";
        let removed = tokens::uninstalled(&mut db, portal.as_str(), &digest(token), reason).await?;
        if removed {
            tracing::error!(%portal, code = "B24-TOKEN", reason);
        }
        Ok(removed)
    }
}

/// Nested values under the keys that they had in the form.
fn flatten(key: &str, value: &Value, fields: &mut Vec<Field>) {
    if fields.len() >= MOST {
        return;
    }
    let below = |part: &str| {
        if key.is_empty() {
            part.to_owned()
        } else {
            format!("{key}[{part}]")
        }
    };
    match value {
        Value::Object(map) => {
            for (part, value) in map {
                flatten(&below(part), value, fields);
            }
        }
        Value::String(text) => fields.push((key.to_owned(), text.clone())),
        Value::Number(number) => fields.push((key.to_owned(), number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_values_get_their_keys_back() {
        let sent = json!(
            {
                "event": "X", "auth": {"user_id": 5, "a": "b"}, "data": {"QUERY": {"probe": "p"}},
                    "l": [1]
            }
        );
        let mut fields = Vec::new();
        flatten("", &sent, &mut fields);
        fields.sort();
        let found: Vec<_> = fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let wanted = [
            ("auth[a]", "b"),
            ("auth[user_id]", "5"),
            ("data[QUERY][probe]", "p"),
            ("event", "X"),
        ];
        assert_eq!(found, wanted);
    }
}
