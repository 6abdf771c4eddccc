//! 1C's word of an order's status, decided beside the order's own.
//!
//! 1C speaks in documents, not at will: each says what 1C has, whether or not anybody changed it.
//! So only a word other than its last one is a claim, which is the caller's to see; here it is
//! decided what the claim comes to. Its time is an interval: after 1C was last known to have
//! something else, and before its document came.

use super::{
    Basis, BridgeWrite, Counted, WrittenValue, explanation::by, loop_guard::too_many,
    ordering::outside,
};
use crate::domain::{
    Authority, Fact, Finality, Policy, Rule, Side, Source, Stage, Winner,
    happening::{
        DecisionReason, Effect, Explanation, Occasion, Party, SyncEvent, Tell, Then, Undated,
    },
};
use chrono::{DateTime, Utc};

/// A claim of 1C, and everything that its decision rests on.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that holds or not"
)]
pub struct OneCInputs<'a> {
    /// The status that counts for the order: what 1C's claim is compared with.
    pub counted: &'a Counted,
    /// The id and the name that 1C says.
    pub words: &'a [&'a str],
    /// The status of the shop that these words mean, by the base's table.
    pub meaning: &'a str,
    /// The order's status that 1C is last known to have had; `None`: 1C never had the order.
    pub agreed: Option<&'a str>,
    /// 1C was given that only after it said what it says: both have a claim.
    pub overtaken: bool,
    /// The order has its status by 1C's own word, which 1C may take back.
    pub own: bool,
    /// The claim was made after this, on the bridge's clock; `None`: that is not known.
    pub after: Option<DateTime<Utc>>,
    /// When the document came, on the bridge's clock.
    pub came: DateTime<Utc>,
    /// Whether the shop's snapshot says that the order is paid, whatever its status.
    pub paid: bool,
    /// Whether the shop's snapshot says that the order is cancelled, whatever its status.
    pub cancelled: bool,
    /// How the shop's configuration wants differences decided.
    pub policy: &'a Policy,
    /// Who is right where 1C never had the order: [`Winner::Shop`], `Onec` or `Review`.
    pub first_meeting: Winner,
    /// The portal's stage, as it was last read.
    pub stage: Option<&'a Stage>,
    /// What was written for this order lately, on all sides.
    pub turns: &'a [BridgeWrite],
    /// A person has said that 1C is right.
    pub ruled: bool,
    /// The time of the decision, by the bridge's clock.
    pub now: DateTime<Utc>,
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the order's status from now on: the shop is told, and the portal follows.
    Take,
    /// The order keeps its status, and 1C is sent it again.
    PutBack,
    /// A person has to decide.
    Ask,
}

/// What becomes of a claim, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneCDecision {
    /// What becomes of it.
    pub verdict: Verdict,
    /// What that rests on.
    pub basis: Basis,
    /// The first matching rule, counted from 0, where one was asked.
    pub rule: Option<usize>,
    /// One plain sentence for people, in English: the explanation's.
    pub sentence: String,
    /// The same as data.
    pub explanation: Explanation,
}

impl OneCDecision {
    /// As a row holds it.
    pub fn what(&self) -> SyncEvent {
        SyncEvent::Decided {
            explanation: self.explanation.clone(),
        }
    }
}

/// Decides one claim. That both mean the same is for the caller to see first.
pub fn decide(inputs: &OneCInputs<'_>) -> OneCDecision {
    let rules = inputs.policy.rules.iter().enumerate();
    let counted = (&*inputs.counted.status, inputs.counted.by);
    let mut rules =
        rules.filter(|(_, rule)| rule.matches_onec(counted, inputs.stage, inputs.words));
    let rule = rules.next();
    let (verdict, basis) = judged(inputs, rule.map(|(_, rule)| rule));
    let (verdict, turns) = bounded(inputs, verdict, basis);
    let rule = rule.map(|(index, _)| index);
    let explanation = explanation(inputs, verdict, (basis, rule), turns);
    OneCDecision {
        sentence: explanation.sentence(),
        explanation,
        verdict,
        basis,
        rule,
    }
}

/// Who is right, as far as final facts allow.
fn judged(inputs: &OneCInputs<'_>, rule: Option<&Rule>) -> (Verdict, Basis) {
    if inputs.ruled {
        return (Verdict::Take, Basis::Ruling);
    }
    let map = &inputs.policy.statuses;
    // On a first meeting nobody brings the order there.
    let is_anothers = inputs.agreed.is_some() && map.is_of_another(inputs.meaning, Source::OneC);
    let (verdict, basis) = if is_anothers {
        (Verdict::PutBack, Basis::Source)
    } else {
        claims(inputs, rule)
    };
    let Some(fact) = undone(inputs).filter(|_| verdict == Verdict::Take) else {
        return (verdict, basis);
    };
    match rule.map(|rule| rule.winner) {
        Some(Winner::Onec) => (Verdict::Take, Basis::Rule),
        Some(Winner::Review) => (Verdict::Ask, Basis::Final(fact)),
        // Money has to be returned: that is nothing for 1C to decide alone.
        _ if fact == Fact::Paid && says(&inputs.policy.finality.cancelled, inputs.meaning) => {
            (Verdict::Ask, Basis::Final(fact))
        }
        _ => (Verdict::PutBack, Basis::Final(fact)),
    }
}

/// Who is right where both have a claim, or only one.
fn claims(inputs: &OneCInputs<'_>, rule: Option<&Rule>) -> (Verdict, Basis) {
    match inputs.agreed {
        None => match inputs.first_meeting {
            Winner::Onec => (Verdict::Take, Basis::Default),
            Winner::Review => (Verdict::Ask, Basis::Default),
            _ => (Verdict::PutBack, Basis::Default),
        },
        Some(agreed) if agreed == inputs.counted.status && !inputs.overtaken => {
            (Verdict::Take, Basis::OneSide)
        }
        Some(_) => {
            let (basis, winner) = match rule {
                Some(rule) => (Basis::Rule, rule.winner),
                None => (Basis::Default, inputs.policy.conflict.default),
            };
            match winner {
                Winner::Shop | Winner::Portal => (Verdict::PutBack, basis),
                Winner::Onec => (Verdict::Take, basis),
                Winner::Review => (Verdict::Ask, basis),
                Winner::Latest => later(inputs),
            }
        }
    }
}

/// The later of two claims: 1C's is an interval.
fn later(inputs: &OneCInputs<'_>) -> (Verdict, Basis) {
    let conflict = &inputs.policy.conflict;
    let when = (inputs.after, inputs.came);
    let other = inputs.counted.at;
    let later = other.and_then(|at| outside(at, when, conflict.clock_tolerance));
    match (later, conflict.undated()) {
        (Some(true), _) => (Verdict::PutBack, Basis::Latest),
        (Some(false), _) => (Verdict::Take, Basis::Latest),
        (None, Authority::Review) => (Verdict::Ask, Basis::Undated),
        (None, Authority::Shop | Authority::Portal) => (Verdict::PutBack, Basis::Undated),
    }
}

/// A final fact of the order that the claim would take back, other than 1C's own.
fn undone(inputs: &OneCInputs<'_>) -> Option<Fact> {
    let finality: &Finality = &inputs.policy.finality;
    let status = &inputs.counted.status;
    let facts = finality.facts(status, inputs.paid, inputs.cancelled);
    let is_own = |fact: &Fact| inputs.own && !(*fact == Fact::Paid && inputs.paid);
    let kept = |fact: &Fact| finality.keeps(*fact, status, inputs.meaning, &inputs.policy.statuses);
    let mut facts = facts.into_iter().filter(|fact| !is_own(fact));
    facts.find(|fact| !kept(fact))
}

fn says(list: &[String], status: &str) -> bool {
    list.iter().any(|one| one == status)
}

/// A person is asked instead of one write too many.
fn bounded(inputs: &OneCInputs<'_>, verdict: Verdict, basis: Basis) -> (Verdict, Option<usize>) {
    let next = match verdict {
        Verdict::Take => WrittenValue::Status(inputs.meaning.to_owned()),
        Verdict::PutBack => WrittenValue::Onec(inputs.counted.status.clone()),
        Verdict::Ask => return (verdict, None),
    };
    let turns = too_many(inputs.turns, &inputs.policy.turns, &next, inputs.now);
    match turns.filter(|_| basis != Basis::Ruling) {
        Some(turns) => (Verdict::Ask, Some(turns)),
        None => (verdict, None),
    }
}

fn explanation(
    inputs: &OneCInputs<'_>,
    verdict: Verdict,
    (basis, rule): (Basis, Option<usize>),
    turns: Option<usize>,
) -> Explanation {
    let (status, meaning) = (inputs.counted.status.clone(), inputs.meaning.to_owned());
    Explanation {
        occasion: occasion(inputs),
        reason: reason(inputs, verdict, basis, rule),
        effect: match (verdict, turns) {
            (Verdict::Take, _) => Effect::ShopTold { status: meaning },
            (Verdict::PutBack, _) => Effect::OnecSent { status },
            (Verdict::Ask, Some(turns)) => Effect::Stopped { turns },
            (Verdict::Ask, None) => Effect::PersonAsked,
        },
    }
}

fn occasion(inputs: &OneCInputs<'_>) -> Occasion {
    let (status, onec) = (inputs.counted.status.clone(), inputs.meaning.to_owned());
    match inputs.agreed {
        None => Occasion::OnecFirstMeeting { onec, status },
        Some(agreed) if agreed == status => Occasion::OnecChanged {
            from: status,
            to: onec,
        },
        Some(agreed) if agreed == onec => Occasion::OnecRepeats { onec, status },
        Some(agreed) => Occasion::OnecAndOrderChanged {
            from: agreed.to_owned(),
            to: onec,
            status,
        },
    }
}

fn reason(
    inputs: &OneCInputs<'_>,
    verdict: Verdict,
    basis: Basis,
    rule: Option<usize>,
) -> Option<DecisionReason> {
    let by = by(rule);
    let right = match inputs.counted.by {
        Source::Bitrix24 => Side::Portal,
        _ => Side::Shop,
    };
    Some(match basis {
        Basis::Rule | Basis::Default if verdict == Verdict::Take => {
            DecisionReason::RuleForOnec { by }
        }
        Basis::Rule | Basis::Default if verdict == Verdict::PutBack => {
            DecisionReason::Rule { by, right }
        }
        Basis::Latest => DecisionReason::LaterBy {
            by,
            whose: match verdict {
                Verdict::Take => Party::Onec,
                Verdict::PutBack | Verdict::Ask => right.into(),
            },
        },
        Basis::Undated => DecisionReason::Undated {
            by,
            why: Undated::TooClose,
            then: Then((verdict == Verdict::PutBack).then(|| right.into())),
        },
        Basis::Final(fact) => DecisionReason::FinalForOnec { fact },
        Basis::Ruling => DecisionReason::PersonFor { right: Party::Onec },
        Basis::Source => DecisionReason::OnlyBy {
            whose: inputs.policy.statuses.row(inputs.meaning)?.source?.into(),
            status: inputs.meaning.to_owned(),
        },
        _ => return None,
    })
}
