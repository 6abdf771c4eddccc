//! The REST interface itself: addresses, credentials, limits, faults, and the answer.

mod admission;

use crate::sandbox::{
    Call, Caller, Portal, PortalState,
    faults::{Fault, Gate},
    protocol::{
        decode::{Params, multipart, text},
        envelope::{Fail, Timing, encode, php, success, xml},
    },
    transport::{batch, commands::run, faulty_socket::Peer},
};
use admission::admit;
use axum::{
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Headers of an answer, as far as a cut in its middle needs to know.
const HEAD_LENGTH: usize = 130;

struct IncomingCall {
    credentials: Credentials,
    method: String,
    xml: bool,
    params: Params,
    source: IpAddr,
    host: String,
    secure: bool,
    path: String,
}

enum Credentials {
    Webhook { user: String, secret: String },
    Token(String),
}

struct Fate {
    fault: Option<Fault>,
    blocked: Option<String>,
    caller: Caller,
}

/// Answers one request below `/rest/`.
pub(crate) async fn handle(
    State(portal): State<Arc<Portal>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(incoming) = read(&peer, &method, &uri, &headers, &body) else {
        let fail = Fail::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!");
        return portal.with(|world| json_answer(world, 404, &fail.body()));
    };
    let stopped = portal.with(|world| gate(world, &body));
    if let Some(Gate {
        status,
        executes: false,
        ..
    }) = stopped
    {
        portal.with(|world| note(world, &incoming, None, status, false));
        return html(status);
    }
    let (fate, pauses) = match portal.with(|world| admit(world, &incoming)) {
        Ok(parts) => parts,
        Err(refusal) => return *refusal,
    };
    // By itself: what was begun is done though the caller hangs up.
    let cut_off = stopped.map(|gate| gate.status);
    let work = tokio::spawn(work(portal, peer, incoming, fate, pauses));
    let answer = work.await.map(|answer| match cut_off {
        Some(status) => html(status),
        None => answer,
    });
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// How long parts of a request take.
struct Pauses {
    latency: Duration,
    slow: Duration,
    late: Duration,
}

async fn work(
    portal: Arc<Portal>,
    peer: Peer,
    incoming: IncomingCall,
    fate: Fate,
    pauses: Pauses,
) -> Response {
    tokio::time::sleep(pauses.latency).await;
    match fate.fault {
        Some(Fault::ResetBefore) => {
            portal.with(|world| note(world, &incoming, fate.fault, 0, false));
            peer.cut_after(0);
            return StatusCode::OK.into_response();
        }
        Some(Fault::InternalError | Fault::BadGateway) => {
            let status = if fate.fault == Some(Fault::InternalError) {
                500
            } else {
                502
            };
            portal.with(|world| note(world, &incoming, fate.fault, status, false));
            return html(status);
        }
        Some(Fault::Slow) => tokio::time::sleep(pauses.slow).await,
        Some(Fault::Late) => {
            peer.cut_after(0);
            tokio::spawn(async move {
                tokio::time::sleep(pauses.late).await;
                portal.with(|world| execute(world, &incoming, &fate));
                portal.deliver();
            });
            return StatusCode::OK.into_response();
        }
        _ => {}
    }
    let (status, answer) = portal.with(|world| execute(world, &incoming, &fate));
    portal.deliver();
    finish(&portal, &peer, &incoming, status, &answer, fate.fault)
}

/// What stands before the portal, if it does not let this pass.
fn gate(world: &PortalState, body: &[u8]) -> Option<Gate> {
    let gate = world.gate.as_ref()?;
    let text = percent_encoding::percent_decode(body).decode_utf8_lossy();
    gate.stops(&text).then(|| gate.clone())
}

fn finish(
    portal: &Portal,
    peer: &Peer,
    incoming: &IncomingCall,
    status: u16,
    answer: &Value,
    fault: Option<Fault>,
) -> Response {
    if fault == Some(Fault::GatewayTimeout) {
        return html(504);
    }
    let text = if incoming.xml {
        xml(answer)
    } else {
        encode(answer, portal.with(|world| world.options.escape_unicode))
    };
    match fault {
        Some(Fault::LostAnswer) => peer.cut_after(0),
        Some(Fault::HalfAnswer) => peer.cut_after(HEAD_LENGTH + text.len() / 2),
        _ => {}
    }
    let kind = if incoming.xml {
        "text/xml"
    } else {
        "application/json"
    };
    let head = [(header::CONTENT_TYPE, format!("{kind}; charset=utf-8"))];
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, head, text).into_response()
}

fn read(
    peer: &Peer,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<IncomingCall> {
    let segments: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|s| !s.is_empty())
        .skip(1)
        .collect();
    let mut params = Params::from_query(uri.query().unwrap_or(""));
    if method == Method::POST {
        params.merge(read_body(headers, body));
    }
    let (credentials, name) = match segments.as_slice() {
        ["api", ..] => return None,
        [user, secret, name] => (
            Credentials::Webhook {
                user: (*user).into(),
                secret: (*secret).into(),
            },
            *name,
        ),
        [name] => (
            Credentials::Token(params.exact("auth").map(text).unwrap_or_default()),
            *name,
        ),
        _ => return None,
    };
    let name = name.to_lowercase();
    let (name, xml) = match name.strip_suffix(".xml") {
        Some(bare) => (bare.to_owned(), true),
        None => (
            name.strip_suffix(".json").unwrap_or(&name).to_owned(),
            false,
        ),
    };
    Some(IncomingCall {
        credentials,
        method: name,
        xml,
        params,
        source: peer.address.ip(),
        host: headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        secure: headers
            .get("x-forwarded-proto")
            .is_some_and(|v| v == "https"),
        path: uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
    })
}

fn read_body(headers: &HeaderMap, body: &Bytes) -> Params {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let lower = kind.to_ascii_lowercase();
    if lower.starts_with("application/json") {
        Params::from_json(body).unwrap_or_default()
    } else if lower.starts_with("multipart/form-data") {
        let boundary = kind
            .split_once("boundary=")
            .map_or("", |(_, b)| b)
            .trim_matches('"');
        if boundary.is_empty() {
            return Params::default();
        }
        Params::from_pairs(multipart(body, boundary))
    } else {
        Params::from_query(&String::from_utf8_lossy(body))
    }
}

fn execute(world: &mut PortalState, incoming: &IncomingCall, fate: &Fate) -> (u16, Value) {
    let start = world.clock.now();
    world.crm.blocked.clone_from(&fate.blocked);
    let outcome = if incoming.method == "batch" {
        Ok(batch::batch(world, &fate.caller, &incoming.params))
    } else {
        run(world, &fate.caller, &incoming.method, &incoming.params)
    };
    world.crm.blocked = None;
    let (status, body) = match outcome {
        Ok(reply) => {
            let operating = world.operating_now(&fate.caller, &incoming.method);
            let timing = Timing {
                start,
                finish: world.clock.now(),
                operating,
            };
            (200, success(reply, &timing))
        }
        Err(fail) => (fail.status, fail.body()),
    };
    let seen = match fate.fault {
        Some(Fault::LostAnswer | Fault::HalfAnswer | Fault::Late) => 0,
        Some(Fault::GatewayTimeout) => 504,
        _ => status,
    };
    note(world, incoming, fate.fault, seen, true);
    (status, php(body))
}

impl PortalState {
    pub(crate) fn operating_now(&mut self, caller: &Caller, method: &str) -> Option<(f64, i64)> {
        self.options.operating_limit?;
        Some(
            self.operating
                .level(&caller.key(), method, self.clock.now().timestamp()),
        )
    }
}

fn note(
    world: &mut PortalState,
    incoming: &IncomingCall,
    fault: Option<Fault>,
    status: u16,
    executed: bool,
) {
    let commands = if incoming.method == "batch" {
        batch::methods(&incoming.params)
    } else {
        Vec::new()
    };
    let at = world.clock.stamp();
    world.record(Call {
        method: incoming.method.clone(),
        commands,
        status,
        executed,
        fault: fault.map(|fault| text(&json!(fault))),
        at,
    });
}

fn json_answer(world: &PortalState, status: u16, body: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, head, encode(body, world.options.escape_unicode)).into_response()
}

fn html(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n\
         <center><h1>{status}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}
