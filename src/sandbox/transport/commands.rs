//! One command: whether it may be carried out, by whom, and what it costs.

use crate::sandbox::{
    Caller, PortalState, crm, events,
    options::Sight,
    portal_methods,
    protocol::{
        decode::Params,
        envelope::{Fail, Outcome},
    },
};
use serde_json::json;

/// Carries out one command, alone or out of a batch.
pub(crate) fn run(
    world: &mut PortalState,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Outcome {
    let missing = || Fail::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!");
    if !portal_methods::METHODS.contains(&method) {
        return Err(missing());
    }
    portal_methods::check_scope(world, caller, method)?;
    let now = world.clock.now().timestamp();
    let (spent, _) = world.operating.level(&caller.key(), method, now);
    let blocked = world.crm.blocked.as_deref() == Some(method);
    if blocked
        || world
            .options
            .operating_limit
            .is_some_and(|limit| spent > limit)
    {
        world.stats.operation_limited += 1;
        let text = "Method is blocked due to operation time limit.";
        return Err(Fail::new(429, "OPERATION_TIME_LIMIT", text));
    }
    world
        .schemas
        .check(method, params, &mut world.stats.warnings);
    world.stats.commands += 1;
    *world.stats.methods.entry(method.to_owned()).or_default() += 1;
    let denied = world.denied.contains(method);
    let outcome = denied
        .then(|| Err(Fail::plain("Access denied.")))
        .or_else(|| hidden(world.options.sight, method))
        .or_else(|| portal_methods::call(world, caller, method, params))
        .or_else(|| events::call(world, caller, method, params))
        .or_else(|| crm::call(world, caller, method, params))
        .unwrap_or_else(|| Err(missing()));
    let cost = world
        .options
        .costs
        .get(method)
        .copied()
        .unwrap_or(world.options.default_cost);
    let cost = cost * f64::from(crm::methods::import::cards(method, params));
    world.operating.charge(&caller.key(), method, now, cost);
    outcome
}

/// What is answered in place of cards that the user may not see; `None` where that is not asked.
fn hidden(sight: Sight, method: &str) -> Option<Outcome> {
    const CARDS: [&str; 5] = ["deal", "lead", "contact", "company", "requisite"];
    let (kind, verb) = method.strip_prefix("crm.")?.split_once('.')?;
    let lists = CARDS.contains(&kind) && verb == "list";
    let answer = match (kind, verb) {
        ("stagehistory", "list") => json!({ "items": [] }),
        ("duplicate", "findbycomm") => json!([]),
        _ if lists => json!([]),
        _ => return None,
    };
    match sight {
        Sight::All => None,
        Sight::Denied if lists => Some(Err(Fail::plain("Access denied."))),
        Sight::Nothing | Sight::Denied => Some(Ok(answer.into())),
    }
}
