//! A decision in one plain sentence.

use super::{Action, Basis, Change, Inputs, Purpose, Record, Refusal, ReviewWhy};
use crate::domain::{Agreed, Side, Source, Untranslatable};

pub(super) fn of(
    inputs: &Inputs<'_>,
    agreed: Option<&Agreed>,
    action: &Action,
    record: &Record,
) -> String {
    let what = happened(inputs, agreed, record);
    let why = because(record);
    let effect = effect(inputs, action, record);
    format!("{what}{why}{effect}.")
}

fn happened(inputs: &Inputs<'_>, agreed: Option<&Agreed>, record: &Record) -> String {
    let status = &record.shop_counts_as;
    let stage = &inputs.portal.value;
    match (agreed, record.change) {
        _ if record.basis == Basis::Consistent => {
            format!("the shop's {status} and the deal's {stage} mean the same")
        }
        _ if record.basis == Basis::Doubtful && *status == inputs.shop.value => {
            "the shop may have carried out a message that was taken back".to_owned()
        }
        _ if record.basis == Basis::Doubtful => format!(
            "the shop took {status}, and its snapshot with {} may be from before or after that",
            inputs.shop.value
        ),
        (Some(agreed), Change::Shop) if is_onecs(agreed, status) => {
            format!("1C changed {} to {status}", agreed.status)
        }
        (Some(agreed), Change::Shop) => {
            format!("the shop changed {} to {status}", agreed.status)
        }
        (Some(agreed), Change::Both) if is_onecs(agreed, status) => format!(
            "1C changed {} to {status} while the deal was moved from {} to {stage}",
            agreed.status, agreed.stage
        ),
        (Some(agreed), Change::Portal) => {
            format!("the deal was moved from {} to {stage}", agreed.stage)
        }
        (Some(agreed), Change::Both) => format!(
            "the shop changed {} to {status} while the deal was moved from {} to {stage}",
            agreed.status, agreed.stage
        ),
        (Some(_), Change::Neither) => format!(
            "the shop has {status} and the deal is in {stage}, which the status table no longer \
             lets mean the same"
        ),
        (None, _) | (_, Change::FirstMeeting) => format!(
            "the shop has {status} and the deal is in {stage}, and nothing was agreed before"
        ),
    }
}

/// Whether the shop has a status, or is to have it, because 1C says so.
fn is_onecs(agreed: &Agreed, status: &str) -> bool {
    let last = agreed.told.last();
    last.is_some_and(|last| last.by == Source::OneC && last.status == status)
}

fn because(record: &Record) -> String {
    let by = match record.rule {
        Some(index) => format!("rule {}", index + 1),
        None => "the default".to_owned(),
    };
    match (record.basis, record.winner) {
        (Basis::Consistent | Basis::OneSide | Basis::Doubtful, _)
        | (Basis::Rule | Basis::Default, None) => String::new(),
        (Basis::Rule | Basis::Default, Some(winner)) => {
            format!("; by {by} {winner} is right")
        }
        (Basis::Latest, winner) => {
            let apart = record
                .shop_at
                .zip(record.portal_at)
                .map_or(0, |(shop, portal)| (shop - portal).num_seconds().abs());
            let whose = match winner {
                Some(Side::Shop) => "the shop's is",
                Some(Side::Portal) => "the portal's is",
                None => "one is",
            };
            format!("; by {by} the later change is right, and {whose} later by {apart} s")
        }
        (Basis::Undated, winner) => {
            let why = match (record.shop_at, record.portal_at) {
                (None, None) => ", because neither side gave one",
                (None, Some(_)) => ", because the shop gave none",
                (Some(_), None) => ", because the portal gave none",
                (Some(_), Some(_)) => "",
            };
            let then = winner.map_or_else(String::new, |winner| {
                format!(", and {winner} is right then")
            });
            format!("; by {by} the later change is right, but the times cannot tell{why}{then}")
        }
        (Basis::Final(fact), _) => {
            format!("; the order is {fact}, which the portal may not take back")
        }
        (Basis::Ruling, winner) => {
            let who = winner.map_or_else(String::new, |winner| format!(" that {winner} is right"));
            format!("; a person decided{who}")
        }
    }
}

fn effect(inputs: &Inputs<'_>, action: &Action, record: &Record) -> String {
    let status = &record.shop_counts_as;
    let from = &inputs.portal.value;
    match action {
        Action::Agree { .. } => ": nothing to write".to_owned(),
        Action::WritePortal { stage, purpose, .. } => match purpose {
            Purpose::Follow => format!(": the deal goes to {stage}"),
            Purpose::PutBack => format!(": the deal goes back to {stage}"),
            Purpose::Restore => format!(": the deal goes back to {stage}, where it was moved"),
        },
        Action::TellShop { .. } if record.basis == Basis::Doubtful => {
            ": the shop is asked".to_owned()
        }
        Action::TellShop { status, .. } => format!(": the shop is told {status}"),
        Action::Refused { why } => match why {
            Refusal::Status(why) => format!(
                ": nothing is written, because the status {status} {}",
                match why {
                    Untranslatable::Unknown => "is not in the status table",
                    Untranslatable::OneWay | Untranslatable::Ambiguous =>
                        "is not written to the portal",
                }
            ),
            Refusal::Stage(why) => format!(
                ": nothing is written, because the stage {from} {}",
                match why {
                    Untranslatable::Unknown => "is not in the status table",
                    Untranslatable::OneWay => "is not told to the shop",
                    Untranslatable::Ambiguous =>
                        "stands for several statuses and none is marked `reverse`",
                }
            ),
            Refusal::Table => ": nothing is written until the changed table is applied".to_owned(),
            Refusal::Final(fact) => {
                format!(
                    ": nothing is written, because {status} ({fact}) has no stage to go back to"
                )
            }
        },
        Action::Review { why } => match why {
            ReviewWhy::PingPong { turns } => format!(
                ": stopped after {turns} writes lately, because something keeps answering them; a \
                 person has to decide"
            ),
            ReviewWhy::Waiting => ": a person is already asked".to_owned(),
            ReviewWhy::Rule | ReviewWhy::Undated | ReviewWhy::Final(_) => {
                ": a person has to decide".to_owned()
            }
        },
    }
}
