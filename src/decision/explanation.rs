//! A decision explained: what was met, who is right and why, what is done.

use super::{Action, Basis, Change, Inputs, Purpose, Record, Refusal, ReviewWhy};
use crate::domain::{
    Agreed, Side, Source, Untranslatable, Winner,
    happening::{
        By, DecisionReason, Effect, Explanation, LaterSide, Occasion, Party, StageId, Tell, Then,
        Undated,
    },
};

/// Explains a decision, and puts the sentence into its record.
pub(super) fn put(
    inputs: &Inputs<'_>,
    agreed: Option<&Agreed>,
    action: &Action,
    record: &mut Record,
) -> Explanation {
    let occasion = occasion(inputs, agreed, record);
    // Against the portal 1C's word stands on the shop's side; it is called by its name.
    let onec = matches!(
        occasion,
        Occasion::OnecChanged { .. } | Occasion::OnecAndDealChanged { .. }
    );
    let explanation = Explanation {
        occasion,
        reason: match record.basis {
            Basis::Source => by_source(inputs, action, record),
            _ => reason(inputs, record, onec),
        },
        effect: effect(inputs, action, record),
    };
    record.sentence = explanation.sentence();
    explanation
}

fn occasion(inputs: &Inputs<'_>, agreed: Option<&Agreed>, record: &Record) -> Occasion {
    let status = record.shop_counts_as.clone();
    let stage = StageId::from(&inputs.portal.value);
    let is_onecs = |agreed: &Agreed| is_onecs(agreed, &status);
    match (agreed, record.change) {
        _ if record.basis == Basis::Consistent => Occasion::SameMeaning { status, stage },
        _ if record.basis == Basis::Doubtful && status == inputs.shop.value => {
            Occasion::MayBeCarriedOut
        }
        _ if record.basis == Basis::Doubtful => Occasion::SnapshotUndated {
            status,
            snapshot: inputs.shop.value.clone(),
        },
        (Some(agreed), Change::Shop) => {
            let (onec, from) = (is_onecs(agreed), agreed.status.clone());
            if onec {
                Occasion::OnecChanged { from, to: status }
            } else {
                Occasion::ShopChanged { from, to: status }
            }
        }
        (Some(agreed), Change::Portal) => Occasion::DealMoved {
            from: (&agreed.stage).into(),
            to: stage,
        },
        (Some(agreed), Change::Both) => {
            let onec = is_onecs(agreed);
            let (from, to) = (agreed.status.clone(), status);
            let (stage_from, stage_to) = (StageId::from(&agreed.stage), stage);
            if onec {
                Occasion::OnecAndDealChanged {
                    from,
                    to,
                    stage_from,
                    stage_to,
                }
            } else {
                Occasion::ShopAndDealChanged {
                    from,
                    to,
                    stage_from,
                    stage_to,
                }
            }
        }
        (Some(_), Change::Neither) => Occasion::TableChanged { status, stage },
        (None, _) | (_, Change::FirstMeeting) => Occasion::FirstMeeting { status, stage },
    }
}

/// Whether the shop has a status, or is to have it, because 1C says so.
fn is_onecs(agreed: &Agreed, status: &str) -> bool {
    let last = agreed.told.last();
    last.is_some_and(|last| last.by == Source::OneC && last.status == status)
}

/// What says who is right: a rule, counted from 0 so far, or the default.
pub(super) fn by(rule: Option<usize>) -> By {
    rule.map_or(By::Default, |index| By::Rule(index + 1))
}

/// Who is right, and by what; `onec`: what the shop's side says is 1C's word.
fn reason(inputs: &Inputs<'_>, record: &Record, onec: bool) -> Option<DecisionReason> {
    let by = by(record.rule);
    let policy = &inputs.policy;
    let rule = record.rule.and_then(|index| policy.rules.get(index));
    let winner = rule.map_or(policy.conflict.default, |rule| rule.winner);
    Some(match (record.basis, record.winner) {
        (Basis::Consistent | Basis::OneSide | Basis::Doubtful | Basis::Source, _)
        | (Basis::Rule | Basis::Default, None) => return None,
        (Basis::Rule | Basis::Default, Some(Side::Shop)) if onec && winner == Winner::Onec => {
            DecisionReason::RuleForOnec { by }
        }
        (Basis::Rule | Basis::Default, Some(right)) => DecisionReason::Rule { by, right },
        (Basis::Latest, Some(Side::Shop)) if onec => DecisionReason::LaterBy {
            by,
            whose: Party::Onec,
        },
        (Basis::Latest, winner) => {
            let times = record.shop_at.zip(record.portal_at);
            DecisionReason::Later {
                by,
                whose: match winner {
                    Some(Side::Shop) => LaterSide::Shop,
                    Some(Side::Portal) => LaterSide::Portal,
                    None => LaterSide::Unknown,
                },
                seconds: times.map_or(0, |(shop, portal)| (shop - portal).num_seconds().abs()),
            }
        }
        (Basis::Undated, winner) => DecisionReason::Undated {
            by,
            why: match (record.shop_at, record.portal_at) {
                (None, None) => Undated::NobodyGaveOne,
                (None, Some(_)) => Undated::ShopGaveNone,
                (Some(_), None) => Undated::PortalGaveNone,
                (Some(_), Some(_)) => Undated::TooClose,
            },
            then: Then(winner.map(|side| match side {
                Side::Shop if onec => Party::Onec,
                side => side.into(),
            })),
        },
        (Basis::Final(fact), _) => DecisionReason::Final { fact },
        (Basis::Ruling, Some(right)) => DecisionReason::PersonFor {
            right: right.into(),
        },
        (Basis::Ruling, None) => DecisionReason::Person,
    })
}

/// Whose move was no claim, and who alone may make it.
fn by_source(inputs: &Inputs<'_>, action: &Action, record: &Record) -> Option<DecisionReason> {
    let map = &inputs.policy.statuses;
    let status = match action {
        Action::TellShop { .. } | Action::Review { .. } => record.shop_counts_as.clone(),
        _ => map.back(&inputs.portal.value).ok()?.to_owned(),
    };
    let source = map.row(&status)?.source?;
    Some(DecisionReason::OnlyBy {
        whose: source.into(),
        status,
    })
}

fn effect(inputs: &Inputs<'_>, action: &Action, record: &Record) -> Effect {
    let status = || record.shop_counts_as.clone();
    let from = || StageId::from(&inputs.portal.value);
    match action {
        Action::Agree { .. } => Effect::Nothing,
        Action::WritePortal { stage, purpose, .. } => {
            let stage = StageId::from(stage);
            match purpose {
                Purpose::Follow => Effect::DealFollows { stage },
                Purpose::PutBack => Effect::DealPutBack { stage },
                Purpose::Restore => Effect::DealRestored { stage },
            }
        }
        Action::TellShop { .. } if record.basis == Basis::Doubtful => Effect::ShopAsked,
        Action::TellShop { status, .. } => Effect::ShopTold {
            status: status.clone(),
        },
        Action::Refused { why } => match why {
            Refusal::Status(Untranslatable::Unknown) => Effect::StatusUnknown { status: status() },
            Refusal::Status(Untranslatable::OneWay | Untranslatable::Ambiguous) => {
                Effect::StatusNotWritten { status: status() }
            }
            Refusal::Stage(Untranslatable::Unknown) => Effect::StageUnknown { stage: from() },
            Refusal::Stage(Untranslatable::OneWay) => Effect::StageNotTold { stage: from() },
            Refusal::Stage(Untranslatable::Ambiguous) => Effect::StageAmbiguous { stage: from() },
            Refusal::Table => Effect::TableWaits,
            Refusal::Final(fact) => Effect::NoWayBack {
                status: status(),
                fact: *fact,
            },
        },
        Action::Review { why } => match why {
            ReviewWhy::PingPong { turns } => Effect::Stopped { turns: *turns },
            ReviewWhy::Waiting => Effect::PersonAskedAlready,
            ReviewWhy::Rule | ReviewWhy::Undated | ReviewWhy::Final(_) => Effect::PersonAsked,
        },
    }
}
