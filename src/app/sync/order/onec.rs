//! 1C's claim about the status of an order, weighed against what the shop says and was told.
//!
//! No IO: rows come locked, and everything that is to be stored goes back.

use super::{TURNS_KEPT, status::counted_status};
use crate::{
    app::SyncRules,
    decision::{
        Counted,
        onec::{self, OneCDecision, OneCInputs, Verdict},
    },
    domain::{
        Agreed, BridgeWrite, Clocks, Fact, ReportedStatus, SentStatus, Source, Winner,
        WrittenValue, happening::DocumentReason,
    },
    formats::onec::{Import, Meaning, StatusTable},
    storage::sync::agreements::Row,
};
use chrono::{DateTime, Utc};

/// What is known of an order in a 1C base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::app) struct OneCSide {
    /// 1C's last own word of the status.
    pub(in crate::app) said: Option<String>,
    /// 1C has cancelled the order.
    pub(in crate::app) cancelled: bool,
    /// The order's status before that.
    pub(in crate::app) before_cancel: Option<String>,
    /// The order's status that 1C is last known to have had.
    pub(in crate::app) agreed: Option<String>,
    /// The status that the order has by 1C's word.
    pub(in crate::app) won: Option<String>,
    /// When 1C says that it was paid, as it stands in the document.
    pub(in crate::app) paid_on: Option<String>,
    /// When 1C says that it was shipped, as it stands in the document.
    pub(in crate::app) shipped_on: Option<String>,
}

/// What a document says of an order.
#[derive(Debug, Clone, Default)]
pub(in crate::app) struct OneCWord {
    /// The id and the name of the status, as far as they are given.
    pub(in crate::app) status: Vec<String>,
    /// Whether the order is cancelled or marked as deleted; none: nothing is said of it.
    pub(in crate::app) cancelled: Option<bool>,
    /// When it was paid.
    pub(in crate::app) paid_on: Option<String>,
    /// When it was shipped.
    pub(in crate::app) shipped_on: Option<String>,
    /// It was said after this, on the bridge's clock; none: that is not known.
    pub(in crate::app) after: Option<DateTime<Utc>>,
    /// When it came, on the bridge's clock.
    pub(in crate::app) came: DateTime<Utc>,
    /// It was kept, and is decided now: that 1C has said so before tells nothing.
    pub(in crate::app) again: bool,
    /// A person has said that 1C is right.
    pub(in crate::app) ruled: bool,
}

/// What everything rests on besides the order.
pub(in crate::app) struct OneCContext<'a> {
    pub(in crate::app) table: &'a StatusTable,
    pub(in crate::app) import: &'a Import,
    pub(in crate::app) two_way: &'a SyncRules,
    pub(in crate::app) clocks: Clocks,
    pub(in crate::app) now: DateTime<Utc>,
}

/// What comes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) enum OneCOutcome {
    /// It claims no status that the order has not.
    Nothing,
    /// It claims none either, and shows that 1C has still what it was sent before the last one.
    Behind,
    /// It cannot be decided before something else is.
    Waits(DocumentReason),
    /// What it says means no status of the shop.
    Unknown(DocumentReason),
    /// It claims a status.
    Decided(Box<OneCDecided>),
}

/// What was decided about a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct OneCDecided {
    pub(in crate::app) decision: OneCDecision,
    /// What the shop is told.
    pub(in crate::app) told: Option<SentStatus>,
    /// The order's status before.
    pub(in crate::app) counted: Counted,
    /// The shop's status that the document's words stand for.
    pub(in crate::app) meaning: String,
}

/// What a document claims.
struct Claim {
    meaning: String,
    /// It is a status of 1C's, or only what a fact of 1C's means.
    is_status: bool,
}

/// Hears what a document says; the row and the side hold what is to be stored.
pub(in crate::app) fn hear(
    row: &mut Row,
    side: &mut OneCSide,
    word: &OneCWord,
    around: &OneCContext<'_>,
) -> OneCOutcome {
    let said = row.said.clone().filter(|said| !said.deleted);
    let Some((said, status)) = said.and_then(|said| Some((said.clone(), said.status?))) else {
        return OneCOutcome::Nothing;
    };
    let agreed = row.agreed.clone();
    let counted = order_status(&said, &status, agreed.as_ref(), around);
    // What became of its word since, whoever said it, is no longer its own.
    side.won = side.won.take().filter(|won| *won == counted.status);
    let same = is_same(&said, &counted, word, around);
    if same {
        side.agreed = Some(counted.status.clone());
    }
    let claim = match claim(side, word, (&counted, same), around) {
        Ok(Some(claim)) => claim,
        Ok(None) => {
            side.heard(word);
            return if !same && counted.settled && is_behind(side, word, &counted, around) {
                OneCOutcome::Behind
            } else {
                OneCOutcome::Nothing
            };
        }
        Err(outcome) => return outcome,
    };
    let Some(agreed) = agreed else {
        return OneCOutcome::Waits(DocumentReason::NoDeal);
    };
    if row.waiting.is_some() || row.ruling.is_some() {
        return OneCOutcome::Waits(DocumentReason::PersonAsked);
    }
    if !counted.settled {
        return OneCOutcome::Waits(DocumentReason::ComparedFirst);
    }
    let turns = row.turns.clone();
    let stage = agreed.stage.clone();
    let words: Vec<&str> = word.status.iter().map(String::as_str).collect();
    // What was kept may have been said before 1C took in what it has now.
    let overtaken = word.after.is_some_and(|after| after > word.came);
    let own = side.won.as_ref() == Some(&counted.status);
    let decision = onec::decide(&OneCInputs {
        counted: &counted,
        words: &words,
        meaning: &claim.meaning,
        agreed: side.agreed.as_deref(),
        overtaken,
        own,
        after: word.after.filter(|_| !overtaken),
        came: word.came,
        paid: said.paid,
        cancelled: said.cancelled,
        policy: &around.two_way.policy,
        first_meeting: around.import.first_meeting,
        stage: Some(&stage),
        turns: &turns,
        ruled: word.ruled,
        now: around.now,
    });
    let heard = Heard {
        said: &said,
        status: &status,
        counted,
        own,
        agreed,
        turns,
    };
    carried_out(row, side, (word, claim), decision, heard, around)
}

/// What a claim meets.
struct Heard<'a> {
    said: &'a ReportedStatus,
    status: &'a str,
    counted: Counted,
    /// The order has its status by 1C's own word.
    own: bool,
    agreed: Agreed,
    turns: Vec<BridgeWrite>,
}

fn carried_out(
    row: &mut Row,
    side: &mut OneCSide,
    (word, claim): (&OneCWord, Claim),
    decision: OneCDecision,
    heard: Heard<'_>,
    around: &OneCContext<'_>,
) -> OneCOutcome {
    let Heard { counted, turns, .. } = &heard;
    let (now, mut turns) = (around.now, turns.clone());
    let mut turn = |wrote| {
        turns.push(BridgeWrite { at: now, wrote });
        let excess = turns.len().saturating_sub(TURNS_KEPT);
        turns.drain(..excess);
    };
    let mut told = None;
    match decision.verdict {
        Verdict::Take => {
            turn(WrittenValue::Status(claim.meaning.clone()));
            let message = message(
                &heard,
                (&claim.meaning, may_undo(around, &decision)),
                word,
                around,
            );
            row.agreed = Some(heard.agreed.clone().told_by_onec(message.clone()));
            told = Some(message);
            if word.cancelled == Some(true) {
                side.before_cancel = Some(counted.status.clone());
            }
            side.agreed = Some(claim.meaning.clone());
            side.won = Some(claim.meaning.clone());
            side.heard(word);
        }
        // A fact of 1C's is no status that it would have to give up.
        Verdict::PutBack | Verdict::Ask if !claim.is_status => side.heard(word),
        Verdict::PutBack => {
            turn(WrittenValue::Onec(counted.status.clone()));
            side.heard(word);
        }
        Verdict::Ask => {}
    }
    row.turns = turns;
    if told.is_none() && !claim.is_status {
        return OneCOutcome::Nothing;
    }
    OneCOutcome::Decided(Box::new(OneCDecided {
        decision,
        told,
        counted: heard.counted,
        meaning: claim.meaning,
    }))
}

/// The message to the shop. It denies facts that do not hold yet, unless a rule lets 1C take them
/// back.
fn message(
    heard: &Heard<'_>,
    (meaning, may_undo): (&str, bool),
    word: &OneCWord,
    around: &OneCContext<'_>,
) -> SentStatus {
    let policy = &around.two_way.policy;
    let (finality, said) = (&policy.finality, heard.said);
    let hold = finality.facts(heard.status, said.paid, said.cancelled);
    // What 1C takes back of its own rests on no fact but money: one that comes later stops it.
    let is_money = |fact: Fact| fact == Fact::Paid && said.paid;
    let hold = |fact: Fact| hold.contains(&fact) && (!heard.own || is_money(fact));
    let kept = |fact| finality.keeps(fact, &heard.counted.status, meaning, &policy.statuses);
    SentStatus {
        status: meaning.to_owned(),
        by: Source::OneC,
        claimed_after: word.after.filter(|after| *after <= word.came),
        takes_back: heard.own,
        previous: heard.counted.status.clone(),
        previous_since: heard
            .said
            .since
            .filter(|_| heard.counted.status == heard.status),
        before: None,
        at: around.now,
        first_sent_at: None,
        delivered_at: None,
        died_at: None,
        denies: if may_undo {
            Vec::new()
        } else {
            Fact::ALL
                .into_iter()
                .filter(|fact| !hold(*fact) && !kept(*fact))
                .collect()
        },
    }
}

/// The order's status: what the shop says, or what it was told since.
pub(in crate::app) fn order_status(
    said: &ReportedStatus,
    status: &str,
    agreed: Option<&Agreed>,
    around: &OneCContext<'_>,
) -> Counted {
    let rules = (&around.two_way.policy, around.clocks);
    counted_status((said, status), agreed, rules, around.now)
}

/// Whether 1C has what the order has.
fn is_same(
    said: &ReportedStatus,
    counted: &Counted,
    word: &OneCWord,
    around: &OneCContext<'_>,
) -> bool {
    let finality = &around.two_way.policy.finality;
    if word.cancelled == Some(true) {
        return said.cancelled || finality.cancelled.contains(&counted.status);
    }
    around.table.accepts(&counted.status, &word.status)
}

/// Whether 1C has what it was sent last, and that is not the order's status any more.
fn is_behind(
    side: &OneCSide,
    word: &OneCWord,
    counted: &Counted,
    around: &OneCContext<'_>,
) -> bool {
    let sent = side.agreed.as_ref().filter(|sent| **sent != counted.status);
    sent.is_some_and(|sent| around.table.accepts(sent, &word.status))
}

/// What the document claims; none: nothing.
fn claim(
    side: &OneCSide,
    word: &OneCWord,
    (counted, same): (&Counted, bool),
    around: &OneCContext<'_>,
) -> Result<Option<Claim>, OneCOutcome> {
    let status = if same {
        None
    } else {
        status_claim(side, word, counted, around)?
    };
    let map = &around.two_way.policy.statuses;
    // A document that was changed before the site's newer status came still has an older one: it
    // says less than the money or the goods in it.
    let is_further = |fact: &String| {
        let of_status = status.as_ref().map(|status| map.position(status));
        of_status.is_none_or(|of_status| map.position(fact) > of_status)
    };
    let fact = fact_claim(side, word, counted, around)
        .filter(|fact| word.cancelled != Some(true) && is_further(fact));
    let is_status = status.is_some();
    let claim = fact.or(status).map(|meaning| Claim { meaning, is_status });
    let Some(claim) = claim else {
        return Ok(None);
    };
    if map.row(&claim.meaning).is_none() {
        let status = claim.meaning;
        return Err(OneCOutcome::Unknown(DocumentReason::StatusNotOfShop {
            status,
        }));
    }
    Ok(Some(claim))
}

/// The status that is claimed, in the shop's words.
fn status_claim(
    side: &OneCSide,
    word: &OneCWord,
    counted: &Counted,
    around: &OneCContext<'_>,
) -> Result<Option<String>, OneCOutcome> {
    let finality = &around.two_way.policy.finality;
    if word.cancelled == Some(true) {
        if side.cancelled && !word.again {
            return Ok(None);
        }
        let own = around.import.status_on_cancel.clone();
        let status = own.or_else(|| finality.cancelled.first().cloned());
        return match status {
            Some(status) => Ok(Some(status)),
            None => Err(OneCOutcome::Unknown(DocumentReason::NoStatusOnCancel)),
        };
    }
    let revives = side.cancelled && word.cancelled == Some(false);
    if !around.import.change_status && !revives {
        return Ok(None);
    }
    let Some(first) = word.status.first() else {
        let before = side.before_cancel.clone().filter(|_| revives);
        return Ok(before.filter(|before| *before != counted.status));
    };
    // What it was sent last it only repeats.
    let was_sent = |agreed: &String| around.table.accepts(agreed, &word.status);
    let repeats = side.said.as_ref() == Some(first) || side.agreed.as_ref().is_some_and(was_sent);
    let is_news = word.again || revives || !repeats;
    if !is_news {
        return Ok(None);
    }
    match around.table.meaning(&word.status) {
        Meaning::Status(status) => Ok(Some(status)),
        Meaning::OneWay => Ok(None),
        Meaning::Unknown => {
            let status = first.clone();
            Err(OneCOutcome::Unknown(DocumentReason::StatusNotOfBase {
                status,
            }))
        }
    }
}

/// What a fact that 1C says for the first time means, if the order is not beyond it.
fn fact_claim(
    side: &OneCSide,
    word: &OneCWord,
    counted: &Counted,
    around: &OneCContext<'_>,
) -> Option<String> {
    let import = around.import;
    let is_new = |now: &Option<String>, then: &Option<String>| {
        now.is_some() && (then.is_none() || word.again)
    };
    let shipped = is_new(&word.shipped_on, &side.shipped_on);
    let shipped = import.status_on_shipment.as_ref().filter(|_| shipped);
    let paid = is_new(&word.paid_on, &side.paid_on);
    let paid = import.status_on_payment.as_ref().filter(|_| paid);
    let map = &around.two_way.policy.statuses;
    let is_ahead = |status: &&String| {
        **status != counted.status && map.position(status) > map.position(&counted.status)
    };
    shipped.or(paid).filter(is_ahead).cloned()
}

impl OneCSide {
    /// 1C has said so.
    pub(in crate::app) fn heard(&mut self, word: &OneCWord) {
        if word.cancelled != Some(true)
            && let Some(first) = word.status.first()
        {
            self.said = Some(first.clone());
        }
        self.cancelled = word.cancelled.unwrap_or(self.cancelled);
        self.paid_on = word.paid_on.clone().or_else(|| self.paid_on.take());
        self.shipped_on = word.shipped_on.clone().or_else(|| self.shipped_on.take());
    }
}

/// Whether a rule lets 1C take final facts back.
fn may_undo(around: &OneCContext<'_>, decision: &OneCDecision) -> bool {
    let rules = &around.two_way.policy.rules;
    let rule = decision.rule.and_then(|index| rules.get(index));
    rule.is_some_and(|rule| rule.winner == Winner::Onec)
}
