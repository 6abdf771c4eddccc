//! Notifications: who hears of what, how the message looks, and the methods that bind handlers.
//!
//! At most once, always form-encoded, never more than an id. Outgoing webhooks and applications
//! hear the same, save for the move to another funnel, which only applications hear of.

pub(super) mod offline;

use super::{
    Caller, PortalState,
    options::Options,
    protocol::{
        decode::{Params, int, text},
        envelope::{Fail, Outcome},
    },
};
use offline::Offline;
use serde_json::{Value, json};

const KNOWN: [&str; 26] = [
    "ONAPPINSTALL",
    "ONAPPUNINSTALL",
    "ONAPPUPDATE",
    "ONAPPTEST",
    "ONOFFLINEEVENT",
    "ONCRMLEADADD",
    "ONCRMLEADUPDATE",
    "ONCRMLEADDELETE",
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    MOVED,
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMCONTACTDELETE",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCOMPANYDELETE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMTIMELINECOMMENTADD",
    "ONCRMTIMELINECOMMENTUPDATE",
    "ONCRMTIMELINECOMMENTDELETE",
    "ONCRMACTIVITYADD",
    "ONCRMACTIVITYUPDATE",
    "ONCRMACTIVITYDELETE",
];

/// A deal went to another funnel.
pub(crate) const MOVED: &str = "ONCRMDEALMOVETOCATEGORY";

/// Something that happened and that handlers may hear of.
#[derive(Debug, Clone)]
pub(crate) struct RaisedEvent {
    pub(crate) event: String,
    /// Wire keys and values below `data`, such as `[FIELDS][ID]`.
    pub(crate) data: Vec<(String, String)>,
    pub(crate) user: Option<u64>,
    /// Whether the message carries a refresh token.
    pub(crate) refresh: bool,
    /// Only this application hears of it.
    pub(crate) only: Option<String>,
}

#[derive(Clone)]
enum Owner {
    Webhook {
        token: String,
        events: Vec<String>,
    },
    App {
        client: String,
        event: String,
        user: u64,
    },
}

#[derive(Clone)]
struct Handler {
    id: u64,
    url: String,
    owner: Owner,
    connector: String,
}

/// Handlers, and what waits to be sent.
pub(crate) struct Events {
    handlers: Vec<Handler>,
    next_id: u64,
    raised: Vec<RaisedEvent>,
    pub(crate) offline: Offline,
}

/// One message on its way.
pub(crate) struct Message {
    pub(crate) url: String,
    pub(crate) body: String,
    pub(crate) delay: std::time::Duration,
}

impl Events {
    pub(crate) fn new(options: &Options) -> Self {
        let mut events = Self {
            handlers: Vec::new(),
            next_id: 1,
            raised: Vec::new(),
            offline: Offline::default(),
        };
        for hook in &options.webhooks {
            let wanted = hook.events.iter().map(|e| e.to_uppercase()).collect();
            events.add_webhook(&hook.url, &hook.application_token, wanted);
        }
        events
    }

    pub(crate) fn add_webhook(&mut self, url: &str, token: &str, events: Vec<String>) {
        let owner = Owner::Webhook {
            token: token.to_owned(),
            events,
        };
        self.add(url, owner, "");
    }

    fn add(&mut self, url: &str, owner: Owner, connector: &str) {
        let id = self.next_id;
        self.next_id += 1;
        self.handlers.push(Handler {
            id,
            url: url.to_owned(),
            owner,
            connector: connector.to_owned(),
        });
    }

    pub(crate) fn push(&mut self, raised: RaisedEvent) {
        self.raised.push(raised);
    }
}

impl PortalState {
    /// Tells the world that an object was added, changed or deleted.
    pub(crate) fn raise(&mut self, caller: &Caller, event: &str, fields: &[(&str, String)]) {
        let data = fields
            .iter()
            .map(|(k, v)| (format!("[FIELDS][{k}]"), v.clone()))
            .collect();
        let user = (!caller.robot).then_some(caller.user);
        self.events.push(RaisedEvent {
            event: event.to_owned(),
            data,
            user,
            refresh: false,
            only: None,
        });
        let stamp = self.clock.stamp();
        let object = fields.first().map(|(_, id)| id.clone()).unwrap_or_default();
        let woken = self.events.offline.record(event, &object, &stamp, caller);
        if woken {
            self.events.push(RaisedEvent {
                event: "ONOFFLINEEVENT".to_owned(),
                data: Vec::new(),
                user,
                refresh: true,
                only: None,
            });
        }
    }

    /// Takes what was raised and makes the messages that leave.
    pub(crate) fn messages(&mut self) -> Vec<Message> {
        let raised = std::mem::take(&mut self.events.raised);
        let mut messages = Vec::new();
        for what in raised {
            for handler in self.events.handlers.clone() {
                if !hears(&handler, &what) {
                    continue;
                }
                let (url, body) = (handler.url.clone(), self.body(&handler, &what));
                let travel = self.options.delivery;
                if self.dice.share() < travel.loss {
                    self.stats.notifications_lost += 1;
                    continue;
                }
                let copies = if self.dice.share() < travel.duplication {
                    2
                } else {
                    1
                };
                for _ in 0..copies {
                    let spread = travel.max_delay.saturating_sub(travel.min_delay);
                    let delay = travel.min_delay + spread.mul_f64(self.dice.share());
                    messages.push(Message {
                        url: url.clone(),
                        body: body.clone(),
                        delay,
                    });
                }
            }
        }
        messages
    }

    fn body(&mut self, handler: &Handler, what: &RaisedEvent) -> String {
        let mut pairs = vec![
            ("event".to_owned(), what.event.clone()),
            ("event_handler_id".to_owned(), handler.id.to_string()),
        ];
        pairs.extend(
            what.data
                .iter()
                .map(|(key, value)| (format!("data{key}"), value.clone())),
        );
        pairs.push(("ts".to_owned(), self.clock.now().timestamp().to_string()));
        let mut auth: Vec<(&str, String)> = Vec::new();
        let token = match &handler.owner {
            Owner::Webhook { token, .. } => token.clone(),
            Owner::App { client, user, .. } => {
                let acting = if *user > 0 { Some(*user) } else { what.user };
                if let Some(user) = acting {
                    auth.push(("access_token", self.grant_access(client, user)));
                    auth.push(("expires_in", "3600".to_owned()));
                    if what.refresh {
                        auth.push(("refresh_token", self.grant_refresh(client, user)));
                    }
                    auth.push(("user_id", user.to_string()));
                }
                let app = self
                    .options
                    .apps
                    .iter()
                    .find(|app| app.client_id == *client);
                auth.push(("scope", app.map(|a| a.scopes.join(",")).unwrap_or_default()));
                auth.push(("status", "L".to_owned()));
                app.map(|app| app.application_token.clone())
                    .unwrap_or_default()
            }
        };
        auth.push(("domain", self.domain().to_owned()));
        auth.push(("client_endpoint", self.base()));
        auth.push(("server_endpoint", self.base()));
        auth.push(("member_id", self.member_id()));
        auth.push(("application_token", token));
        pairs.extend(
            auth.into_iter()
                .map(|(key, value)| (format!("auth[{key}]"), value)),
        );
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }

    /// A new version of an application: who was bound hears of it with the new token, then no
    /// handler is left.
    pub(crate) fn new_version(&mut self, client: &str, application_token: &str) -> Vec<Message> {
        for app in &mut self.options.apps {
            if app.client_id == client {
                application_token.clone_into(&mut app.application_token);
            }
        }
        let data = [("VERSION", "2"), ("PREVIOUS_VERSION", "1")];
        self.events.push(RaisedEvent {
            event: "ONAPPUPDATE".to_owned(),
            data: data.map(|(k, v)| (format!("[{k}]"), v.to_owned())).to_vec(),
            user: Some(self.options.webhook_user),
            refresh: false,
            only: Some(client.to_owned()),
        });
        let messages = self.messages();
        self.events
            .handlers
            .retain(|h| !matches!(&h.owner, Owner::App { client: owner, .. } if owner == client));
        messages
    }

    /// The message that an application gets once, when it is installed.
    pub(crate) fn installation(&mut self, client: &str) -> Option<Message> {
        let app = self
            .options
            .apps
            .iter()
            .find(|app| app.client_id == client)?
            .clone();
        let owner = Owner::App {
            client: client.to_owned(),
            event: "ONAPPINSTALL".to_owned(),
            user: self.options.webhook_user,
        };
        let url = app.install_url?;
        let handler = Handler {
            id: 0,
            url: url.clone(),
            owner,
            connector: String::new(),
        };
        let data = [
            ("VERSION", "1"),
            ("ACTIVE", "Y"),
            ("INSTALLED", "Y"),
            ("LANGUAGE_ID", "ru"),
        ];
        let what = RaisedEvent {
            event: "ONAPPINSTALL".to_owned(),
            data: data.map(|(k, v)| (format!("[{k}]"), v.to_owned())).to_vec(),
            user: Some(self.options.webhook_user),
            refresh: true,
            only: None,
        };
        let body = self.body(&handler, &what);
        Some(Message {
            url,
            body,
            delay: std::time::Duration::ZERO,
        })
    }
}

fn hears(handler: &Handler, what: &RaisedEvent) -> bool {
    match &handler.owner {
        Owner::Webhook { events, .. } => {
            let for_apps_only = what.event == MOVED || what.event.starts_with("ONAPP");
            let listed = events.is_empty() || events.contains(&what.event);
            !for_apps_only && what.event != "ONOFFLINEEVENT" && listed
        }
        Owner::App { client, event, .. } => {
            *event == what.event && what.only.as_ref().is_none_or(|only| only == client)
        }
    }
}

/// The methods about events; `None` when the method is not one of them.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Option<Outcome> {
    if method == "events" {
        return Some(app_only(caller).map(|_| json!(KNOWN).into()));
    }
    if !method.starts_with("event.") {
        return None;
    }
    let client = match app_only(caller) {
        Ok(client) => client,
        Err(fail) => return Some(Err(fail)),
    };
    Some(match method {
        "event.bind" => bind(world, &client, params),
        "event.get" => Ok(get(world, &client).into()),
        "event.unbind" => Ok(unbind(world, &client, params)),
        "event.test" => Ok(test(world, caller, &client, params)),
        _ => return offline::call(world, method, params),
    })
}

fn app_only(caller: &Caller) -> Result<String, Fail> {
    caller.app.clone().ok_or_else(|| {
        let text =
            "Current authorization type is denied for this method Application context required";
        Fail::new(403, "WRONG_AUTH_TYPE", text)
    })
}

fn bind(world: &mut PortalState, client: &str, params: &Params) -> Outcome {
    let event = params
        .any("event")
        .map(text)
        .unwrap_or_default()
        .to_uppercase();
    if !KNOWN.contains(&event.as_str()) {
        return Err(Fail::bad("ERROR_EVENT_NOT_FOUND", "Event not found"));
    }
    let connector = params.any("auth_connector").map(text).unwrap_or_default();
    if params.any("event_type").map(text).as_deref() == Some("offline") {
        world.events.offline.bind(client, &event, &connector);
        return Ok(true_reply());
    }
    let url = params.any("handler").map(text).unwrap_or_default();
    if !url.starts_with("http") {
        return Err(Fail::bad("ERROR_ARGUMENT", "Wrong handler URL"));
    }
    let same = |h: &Handler| {
        h.url == url
            && matches!(
                &h.owner, Owner::App { client: c, event: e, .. } if c == client && *e == event
            )
    };
    if world.events.handlers.iter().any(same) {
        return Err(Fail::bad(
            "ERROR_CORE",
            "Unable to set event handler: Handler already binded",
        ));
    }
    let user = params
        .any("auth_type")
        .and_then(int)
        .and_then(|n| u64::try_from(n).ok());
    let owner = Owner::App {
        client: client.to_owned(),
        event,
        user: user.unwrap_or(0),
    };
    world.events.add(&url, owner, &connector);
    Ok(true_reply())
}

fn true_reply() -> super::protocol::envelope::Reply {
    Value::Bool(true).into()
}

fn get(world: &PortalState, client: &str) -> Value {
    let mut list: Vec<Value> = Vec::new();
    for handler in &world.events.handlers {
        if let Owner::App {
            client: owner,
            event,
            user,
        } = &handler.owner
            && owner == client
        {
            list.push(json!({
                "event": event, "handler": handler.url, "auth_type": user.to_string(), "offline": 0,
                "connector_id": handler.connector,
            }));
        }
    }
    for (event, connector) in world.events.offline.bindings(client) {
        list.push(json!(
            {
                "event": event, "handler": "", "auth_type": "0", "offline": 1, "connector_id":
                    connector
            }
        ));
    }
    list.into()
}

fn unbind(
    world: &mut PortalState,
    client: &str,
    params: &Params,
) -> super::protocol::envelope::Reply {
    let event = params
        .any("event")
        .map(text)
        .unwrap_or_default()
        .to_uppercase();
    let url = params.any("handler").map(text).unwrap_or_default();
    let kind = params.any("event_type").map(text).unwrap_or_default();
    let mut count = 0;
    if kind != "offline" {
        let before = world.events.handlers.len();
        world.events.handlers.retain(|h| {
            !matches!(
                &h.owner, Owner::App { client: c, event: e, .. } if c == client && *e == event
            ) || (!url.is_empty() && h.url != url)
        });
        count += before - world.events.handlers.len();
    }
    if kind != "online" && url.is_empty() {
        count += world.events.offline.unbind(client, &event);
    }
    json!({ "count": count }).into()
}

fn test(
    world: &mut PortalState,
    caller: &Caller,
    client: &str,
    params: &Params,
) -> super::protocol::envelope::Reply {
    let mut data = vec![("[LANGUAGE_ID]".to_owned(), "ru".to_owned())];
    for name in params.names().filter(|name| *name != "auth") {
        data.push((
            format!("[QUERY][{name}]"),
            params.exact(name).map(text).unwrap_or_default(),
        ));
    }
    world.events.push(RaisedEvent {
        event: "ONAPPTEST".to_owned(),
        data,
        user: Some(caller.user),
        refresh: false,
        only: Some(client.to_owned()),
    });
    Value::from(1).into()
}
