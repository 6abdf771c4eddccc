//! The weight of the shop's word: its newest snapshot may be from before it took what it was told.
//!
//! A shop that took a status may still have older snapshots on their way, may never post the change
//! as its own, and may stamp each edit. What tells is when the shop's status changed, beside when
//! it took the message: between the first sending and the acknowledgement. Times are a hint, no
//! proof: a clock may have been set back, and a shop that was restored from a back-up says again
//! what it said before. Certain is only what came in before the message was sent. For the rest a
//! shop that is called is asked.

use crate::domain::{
    Agreed, Fact, Finality, ONE_WAY_DELAY, Observation, Offset, SentStatus, Source,
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long after an acknowledgement a snapshot without times may be from before it, where the shop
/// cannot be asked.
const CROSSING: TimeDelta = TimeDelta::minutes(1);

/// Which status of the shop counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RulingText {
    /// The status that its events say.
    Said,
    /// What it was told last: what it says is from before that.
    Told,
    /// What it was told last: by its times, what it says is from before that.
    Older,
    /// What it was told last, though what it says may be newer.
    Doubtful,
    /// What it says, which is what it was told last; but that may be from before it was told.
    Same,
}

/// The word of a shop that says this, beside what it was told.
pub(super) fn word(agreed: &Agreed, shop: &Observation<String>, clock: Offset) -> RulingText {
    let Some(last) = agreed.told.last() else {
        return RulingText::Said;
    };
    let taken = agreed
        .told
        .iter()
        .rposition(|told| told.delivered_at.is_some());
    let (before, open) = agreed.told.split_at(taken.map_or(0, |place| place + 1));
    if shop.value == last.status && is_no_echo(open, &shop.value) {
        return RulingText::Told;
    }
    if shop.value == last.status {
        // It may have had that status before, too: then others from before the message may still
        // come.
        return match before.last().map(|taken| after(taken, shop, clock)) {
            Some(RulingText::Told | RulingText::Older) => RulingText::Told,
            Some(RulingText::Same | RulingText::Doubtful) => RulingText::Same,
            Some(RulingText::Said) | None => RulingText::Said,
        };
    }
    if shop.seen <= last.at {
        return RulingText::Told;
    }
    let older = match before.last() {
        Some(taken) => after(taken, shop, clock),
        None if shop.as_of.is_some_and(|at| at <= last.at) => RulingText::Told,
        None => RulingText::Said,
    };
    // The shop may have carried out what was sent: until it answers, or nobody sends it any more,
    // only what is surely from after that counts.
    let may_be_before = |told: &SentStatus| {
        let over = told.died_at.is_some_and(|died| shop.seen > died);
        let sent = told.first_sent_at.filter(|_| !over);
        sent.is_some_and(|sent| !is_after(sent, shop, clock))
    };
    if older != RulingText::Told && open.iter().any(may_be_before) {
        return RulingText::Told;
    }
    match older {
        // The shop carries out one message after the other: this is the trace of one whose answer
        // was lost, or the state before the first of them.
        RulingText::Said | RulingText::Older | RulingText::Doubtful if is_trace(open, shop) => {
            RulingText::Told
        }
        word => word,
    }
}

/// Whether it tells nothing of messages that are not acknowledged that the shop has the status of
/// the last: it is asked about it, one that was sent may be carried out at any time, or they lead
/// there and back. Once the last is given up, the shop's word is all that will ever come.
fn is_no_echo(open: &[SentStatus], status: &str) -> bool {
    let waits = open.last().filter(|last| last.died_at.is_none());
    let is_asked = waits.is_some_and(|last| last.status == last.previous);
    let is_open = open.iter().any(SentStatus::is_open);
    is_open || is_asked || waits.is_some() && is_on_the_way(open, status)
}

/// Whether what the shop says is a trace of messages that are not acknowledged, or what it had
/// before them.
fn is_trace(open: &[SentStatus], shop: &Observation<String>) -> bool {
    if open.iter().any(|told| told.status == shop.value) {
        return true;
    }
    let first = open.iter().find(|told| told.previous == shop.value);
    // 1C's word waits for no status that the shop has anyway: only its value counts, not its time.
    if first.is_some_and(|first| first.by == Source::OneC) {
        return true;
    }
    first.is_some_and(|first| match first.previous_since.zip(shop.since) {
        Some((then, now)) => now <= then,
        None => true,
    })
}

/// Whether the shop surely changed its status after a moment.
fn is_after(moment: DateTime<Utc>, shop: &Observation<String>, clock: Offset) -> bool {
    let Some(since) = shop.since.filter(|_| shop.seen > moment) else {
        return false;
    };
    clock.to_ours(since).min(shop.made_by()) - clock.uncertainty() > moment
}

/// Whether the shop may have carried out a message that was given up after it said this: that it
/// has the status of the last proves nothing then.
pub(super) fn is_before_a_lost_one(
    agreed: &Agreed,
    shop: &Observation<String>,
    clock: Offset,
) -> bool {
    let lost = agreed.told.iter().filter(|told| {
        let is_question = told.status == told.previous;
        told.died_at.is_some() && told.delivered_at.is_none() && !is_question
    });
    let mut sent = lost.filter_map(|told| told.first_sent_at);
    sent.any(|sent| !is_after(sent, shop, clock))
}

/// Whether a message that was to clear up what the shop has was never answered: what the shop says
/// meanwhile of itself may be older than the message that was lost before.
pub(super) fn is_unanswered(agreed: &Agreed) -> bool {
    agreed.told.iter().any(|told| {
        let was_unsure = told.before.as_ref().is_some_and(|before| before.unsure);
        let is_given_up_question = told.died_at.is_some() && told.status == told.previous;
        was_unsure && told.delivered_at.is_none() && !is_given_up_question
    })
}

/// Whether messages on their way lead the shop away from a status and back to it: that it says so
/// tells nothing of them.
fn is_on_the_way(open: &[SentStatus], status: &str) -> bool {
    let Some((_, earlier)) = open.split_last() else {
        return false;
    };
    let was = earlier
        .first()
        .is_some_and(|first| first.previous == status);
    was || earlier.iter().any(|told| told.status == status)
}

/// What the shop says beside a message that it acknowledged.
fn after(taken: &SentStatus, shop: &Observation<String>, clock: Offset) -> RulingText {
    let Some(delivered) = taken.delivered_at else {
        return RulingText::Said;
    };
    let sent = taken.first_sent_at.unwrap_or(taken.at);
    if shop.seen <= sent {
        return RulingText::Told;
    }
    if shop.as_of.is_some_and(|at| at <= taken.at) {
        return RulingText::Older;
    }
    let Some(since) = shop.since else {
        return RulingText::Doubtful;
    };
    // The same fact as before the message, however late it comes.
    if taken.previous == shop.value && taken.previous_since.is_some_and(|then| since <= then) {
        return RulingText::Older;
    }
    let (since, margin) = (
        clock.to_ours(since).min(shop.made_by()),
        clock.uncertainty(),
    );
    if since + margin < sent {
        RulingText::Older
    } else if since - margin > delivered {
        RulingText::Said
    } else {
        RulingText::Doubtful
    }
}

/// Settles a doubt for a shop that cannot be asked. What is wrongly taken for old is lost, what is
/// wrongly taken for new is only decided again: where nothing speaks for the one, it is the other.
pub(super) fn guessed(agreed: &Agreed, shop: &Observation<String>, clock: Offset) -> RulingText {
    let echo = agreed.told.iter().rfind(|told| told.status == shop.value);
    let before = agreed.told.iter().find(|told| told.previous == shop.value);
    let taken = agreed.told.iter().rfind(|told| told.delivered_at.is_some());
    let Some((taken, delivered)) = taken.and_then(|taken| taken.delivered_at.map(|at| (taken, at)))
    else {
        return RulingText::Said;
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
        Some(_) if echo.is_some() => shop.made_by() <= sent,
        Some(since) if then.is_some() => then.is_some_and(|then| since <= then),
        _ => shop.made_by() <= delivered + CROSSING,
    };
    if older {
        RulingText::Told
    } else {
        RulingText::Said
    }
}

/// The facts that the shop asserts itself: not those that it has only because the deal was moved,
/// or because 1C said so, which takes it back now. Money is always the shop's own.
pub(super) fn own_facts(
    agreed: Option<&Agreed>,
    finality: &Finality,
    status: &str,
    (paid, cancelled): (bool, bool),
) -> Vec<Fact> {
    let is_taken_back = |agreed: &Agreed| {
        let mut told = agreed.told.iter();
        told.any(|told| told.takes_back && told.previous == status)
    };
    let by_spoke = agreed.is_some_and(|one| one.is_by_portal(status) || is_taken_back(one));
    let facts = finality.facts(status, paid, cancelled).into_iter();
    facts
        .filter(|fact| !by_spoke || *fact == Fact::Paid && paid)
        .collect()
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
