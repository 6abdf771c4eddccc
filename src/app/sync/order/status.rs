//! The one status of an order among several systems: what its shop says, or what that was told
//! since.
//!
//! No IO: what is known of the order comes along.

use crate::{
    decision::{Counted, Inputs, counted},
    domain::{Agreed, Clocks, Observation, Policy, ReportedStatus, Source, Stage},
};
use chrono::{DateTime, Utc};

/// The order's status: what the shop says (`status`), or what it was told since.
pub(in crate::app) fn counted_status(
    said: (&ReportedStatus, &str),
    agreed: Option<&Agreed>,
    rules: (&Policy, Clocks),
    now: DateTime<Utc>,
) -> Counted {
    judged(said, agreed, rules, now, counted)
}

/// Judges an order without asking the portal: by what the shop says (`status`), and by the stage
/// that was agreed as if it stood there still.
pub(in crate::app) fn judged<T>(
    (said, status): (&ReportedStatus, &str),
    agreed: Option<&Agreed>,
    (policy, clocks): (&Policy, Clocks),
    now: DateTime<Utc>,
    judge: impl FnOnce(&Inputs<'_>) -> T,
) -> T {
    let shop = Observation {
        source: Source::Shop,
        value: status.to_owned(),
        since: said.since,
        seen: said.heard(now),
        as_of: said.as_of(clocks.shop),
    };
    let stage = agreed.map_or_else(|| Stage::new(0, ""), |agreed| agreed.stage.clone());
    let portal = Observation {
        source: Source::Bitrix24,
        value: stage,
        since: agreed.and_then(|agreed| agreed.portal_since),
        seen: now,
        as_of: None,
    };
    judge(&Inputs {
        shop: &shop,
        portal: &portal,
        agreed,
        paid: said.paid,
        cancelled: said.cancelled,
        policy,
        clocks,
        history: None,
        turns: &[],
        ruling: None,
        waiting: None,
        now,
    })
}
