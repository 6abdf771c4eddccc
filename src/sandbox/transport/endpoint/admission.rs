//! Admission of calls: limits, faults on order, and who calls.

use super::{Credentials, Fate, IncomingCall, Pauses, json_answer, note};
use crate::sandbox::{
    Caller, PortalState,
    faults::Fault,
    protocol::{decode::text, envelope::Fail},
    transport::batch,
};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::time::Duration;

/// Why a request goes no further.
enum Refusal {
    Fail(Fail),
    Moved(String),
}

impl From<Fail> for Refusal {
    fn from(fail: Fail) -> Self {
        Self::Fail(fail)
    }
}

fn turn_away(
    world: &mut PortalState,
    incoming: &IncomingCall,
    refusal: &Refusal,
    fault: Option<Fault>,
) -> Response {
    let status = match refusal {
        Refusal::Fail(fail) => fail.status,
        Refusal::Moved(_) => 302,
    };
    note(world, incoming, fault, status, false);
    match refusal {
        Refusal::Fail(fail) => json_answer(world, status, &fail.body()),
        Refusal::Moved(location) => {
            let page = "<html><body>Moved</body></html>";
            (StatusCode::FOUND, [(header::LOCATION, location)], page).into_response()
        }
    }
}

/// Everything that can refuse a request before its fate is drawn.
fn check_in(world: &mut PortalState, incoming: &IncomingCall) -> Result<(), Refusal> {
    world.stats.requests += 1;
    // A renamed portal answers under its new name and sends everybody else there.
    if let Some(host) = world
        .moved_to
        .as_ref()
        .filter(|host| **host != incoming.host)
    {
        return Err(Refusal::Moved(format!("http://{host}{}", incoming.path)));
    }
    if world.options.require_https && !incoming.secure {
        return Err(Fail::bad("INVALID_REQUEST", "Https required.").into());
    }
    if world.overloaded {
        let text = "REST API is blocked due to overload.";
        return Err(Fail::new(503, "OVERLOAD_LIMIT", text).into());
    }
    if !world.admit(incoming.source) {
        world.stats.throttled += 1;
        return Err(too_many().into());
    }
    Ok(())
}

/// Draws the fate of a request and finds out who makes it.
pub(super) fn admit(
    world: &mut PortalState,
    incoming: &IncomingCall,
) -> Result<(Fate, Pauses), Box<Response>> {
    if let Err(refusal) = check_in(world, incoming) {
        return Err(Box::new(turn_away(world, incoming, &refusal, None)));
    }
    let mut named = vec![incoming.method.clone()];
    if incoming.method == "batch" {
        named.extend(batch::methods(&incoming.params));
    }
    let fate = world.fault_plan.next(&named);
    let fault = fate.as_ref().map(|(fault, _)| *fault);
    let caller = match fault {
        Some(Fault::Throttled) => {
            world.stats.throttled += 1;
            Err(too_many())
        }
        Some(Fault::ExpiredToken) => Err(expired()),
        _ => authorise(world, incoming),
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(fail) => return Err(Box::new(turn_away(world, incoming, &fail.into(), fault))),
    };
    let blocked = (fault == Some(Fault::OperationLimit))
        .then(|| fate.and_then(|(_, method)| method).or_else(|| named.pop()))
        .flatten();
    let pauses = Pauses {
        latency: world.options.latency,
        slow: Duration::from_millis(world.fault_plan.shares.slow_ms),
        late: Duration::from_millis(world.fault_plan.shares.late_ms),
    };
    Ok((
        Fate {
            fault,
            blocked,
            caller,
        },
        pauses,
    ))
}

fn too_many() -> Fail {
    Fail::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
}

fn expired() -> Fail {
    Fail::new(
        401,
        "expired_token",
        "The access token provided has expired.",
    )
}

fn authorise(world: &mut PortalState, incoming: &IncomingCall) -> Result<Caller, Fail> {
    let wrong = || Fail::new(401, "NO_AUTH_FOUND", "Wrong authorization data");
    let mut caller = match &incoming.credentials {
        Credentials::Webhook { user, secret } => {
            let own = user.parse() == Ok(world.options.webhook_user)
                && *secret == world.options.webhook_secret;
            if !own || world.webhook_revoked {
                let text = "Invalid request credentials";
                return Err(Fail::new(401, "INVALID_CREDENTIALS", text));
            }
            Caller::person(world.options.webhook_user)
        }
        Credentials::Token(token) if token.is_empty() => return Err(wrong()),
        Credentials::Token(token) => {
            let now = world.clock.now().timestamp();
            let (client, user, until) = world.tokens.access(token).ok_or_else(wrong)?;
            if until <= now {
                return Err(expired());
            }
            Caller {
                app: Some(client),
                ..Caller::person(user)
            }
        }
    };
    if world.options.free_plan {
        let text = "REST is available only on commercial plans.";
        return Err(Fail::new(403, "ACCESS_DENIED", text));
    }
    if world.options.without_rights {
        let text = "The user has no access to this.";
        return Err(Fail::new(403, "INVALID_CREDENTIALS", text));
    }
    caller.auth_connector = incoming
        .params
        .exact("auth_connector")
        .map(text)
        .filter(|key| !key.is_empty());
    Ok(caller)
}
