//! What the shop's word is worth: whether its newest snapshot is from before it took what it was told.
//!
//! A shop that took a status may still have older snapshots on their way, may never post the change as its own, and may stamp
//! each edit. What tells is when the shop's status changed, beside when it took the message: between the first sending and the
//! acknowledgement. Where that cannot tell, a shop that is called can be asked.

use crate::domain::{Agreed, Fact, ONE_WAY_DELAY, Observation, Offset, Told};
use chrono::{DateTime, TimeDelta, Utc};

/// How long after an acknowledgement a snapshot without times may be from before it, where the shop cannot be asked.
const CROSSING: TimeDelta = TimeDelta::minutes(1);

/// Which status of the shop counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// What it says.
    Said,
    /// What it was told last: what it says is from before that.
    Told,
    /// What it was told last, though what it says may be newer.
    Doubtful,
}

/// The word of a shop that says this, beside what it was told.
pub(super) fn word(agreed: &Agreed, shop: &Observation<String>, clock: Offset) -> Word {
    let Some(last) = agreed.told.last() else {
        return Word::Said;
    };
    if shop.value == last.status {
        return Word::Said;
    }
    if shop.seen <= last.at {
        return Word::Told;
    }
    let taken = agreed
        .told
        .iter()
        .rposition(|told| told.delivered_at.is_some());
    let (before, open) = agreed.told.split_at(taken.map_or(0, |place| place + 1));
    let older = match before.last() {
        Some(taken) => after(taken, shop, clock),
        None => Word::Said,
    };
    match older {
        // The shop carries out one message after the other: this is the trace of one whose answer was lost, or the state
        // before the first of them.
        Word::Said | Word::Doubtful if is_trace(open, shop) => Word::Told,
        word => word,
    }
}

/// Whether what the shop says is a trace of messages that are not acknowledged, or what it had before them.
fn is_trace(open: &[Told], shop: &Observation<String>) -> bool {
    if open.iter().any(|told| told.status == shop.value) {
        return true;
    }
    let first = open.iter().find(|told| told.previous == shop.value);
    first.is_some_and(|first| match first.previous_since.zip(shop.since) {
        Some((then, now)) => now <= then,
        None => true,
    })
}

/// What the shop says beside a message that it acknowledged.
fn after(taken: &Told, shop: &Observation<String>, clock: Offset) -> Word {
    let Some(delivered) = taken.delivered_at else {
        return Word::Said;
    };
    let Some(since) = shop.since else {
        return Word::Doubtful;
    };
    // The same fact as before the message, however late it comes.
    if taken.previous == shop.value && taken.previous_since.is_some_and(|then| since <= then) {
        return Word::Told;
    }
    let (since, margin) = (clock.to_ours(since).min(shop.seen), clock.uncertainty());
    let sent = taken.first_sent_at.unwrap_or(taken.at);
    if since + margin < sent {
        Word::Told
    } else if since - margin > delivered {
        Word::Said
    } else {
        Word::Doubtful
    }
}

/// Settles a doubt for a shop that cannot be asked. What is wrongly taken for old is lost, what is wrongly taken for new is only
/// decided again: where nothing speaks for the one, it is the other.
pub(super) fn guessed(agreed: &Agreed, shop: &Observation<String>, clock: Offset) -> Word {
    let echo = agreed.told.iter().rfind(|told| told.status == shop.value);
    let before = agreed.told.iter().find(|told| told.previous == shop.value);
    let taken = agreed.told.iter().rfind(|told| told.delivered_at.is_some());
    let Some((taken, delivered)) = taken.and_then(|taken| taken.delivered_at.map(|at| (taken, at)))
    else {
        return Word::Said;
    };
    let sent = taken.first_sent_at.unwrap_or(taken.at);
    let then = before.and_then(|told| told.previous_since);
    let older = match shop.since {
        _ if echo.is_none() && before.is_none() => false,
        Some(since) if clock.uncertainty() <= ONE_WAY_DELAY => {
            // The trace of a message is from when the shop took that very message.
            let bound = echo.and_then(|echo| echo.delivered_at).unwrap_or(sent);
            clock.to_ours(since) - clock.uncertainty() <= bound
        }
        Some(_) if echo.is_some() => shop.seen <= sent,
        Some(since) if then.is_some() => then.is_some_and(|then| since <= then),
        _ => shop.seen <= delivered + CROSSING,
    };
    if older { Word::Told } else { Word::Said }
}

/// The first message on its way that denies what the shop asserts by now, and what that is.
pub(super) fn denied(agreed: &Agreed, facts: &[Fact]) -> Option<(DateTime<Utc>, Fact)> {
    let open = agreed
        .told
        .iter()
        .filter(|told| told.delivered_at.is_none());
    open.flat_map(|told| told.denies.iter().map(|fact| (told.at, *fact)))
        .find(|(_, fact)| facts.contains(fact))
}
