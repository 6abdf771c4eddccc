//! The record of a decision for people: the lines in the order's timeline, and the comment in the
//! deal's.

use super::{OrderSync, RecordedDecision, ReportedStatus};
use crate::{
    decision::{self, Action, Basis, Decision},
    domain::{
        Observation, Stage,
        happening::{Mover, SyncEvent},
    },
    storage::journal::LineKind,
};
use serde_json::json;

impl OrderSync<'_> {
    /// The comment for a move that is put back, if the shop wants one.
    pub(super) fn comment(
        &self,
        decision: &Decision,
        to: &Stage,
        portal: &Observation<Stage>,
    ) -> Option<String> {
        let text = self.around.two_way.overruled_comment.as_ref()?;
        decision.overrules_a_move().then(|| {
            text.replace("{number}", &self.row.number)
                .replace("{status}", &decision.record.shop_counts_as)
                .replace("{from}", &portal.value.id)
                .replace("{to}", &to.id)
                .replace("{reason}", &decision.record.sentence)
        })
    }

    /// Puts a decision on record, and a sentence into the order's life.
    pub(super) fn record(
        &mut self,
        decision: &Decision,
        said: &ReportedStatus,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) -> i64 {
        let id = (self.next_id)();
        let clocks = self.around.clocks;
        let inputs = json!({
            "shop": shop, "portal": portal, "agreed": self.agreed, "paid": said.paid, "cancelled":
                said.cancelled,
            "clocks": clocks, "history": self.around.seen.newest, "deal": self.deal, "asked_by":
                self.around.why,
        });
        if decision.record.basis != Basis::Consistent
            && matches!(
                decision.record.change,
                decision::Change::Portal | decision::Change::Both
            )
        {
            let moved = SyncEvent::DealMoved {
                deal: self.deal,
                stage: (&portal.value).into(),
                by: self.deal_mover(),
            };
            let detail = json!({ "deal": self.deal, "portal_clock": portal.since });
            self.say(LineKind::Moved, moved, detail);
        }
        let detail = json!({
            "decision": id, "deal": self.deal, "asked_by": self.around.why,
            "shop_clock": shop.since, "portal_clock": portal.since,
            "shop_at": decision.record.shop_at, "portal_at": decision.record.portal_at,
        });
        let kind = match decision.action {
            Action::Review { .. } => LineKind::Conflict,
            _ => LineKind::Decided,
        };
        self.say(kind, explained(decision), detail);
        self.outcome.recorded.push(RecordedDecision {
            id,
            decision: decision.clone(),
            inputs,
        });
        id
    }

    fn deal_mover(&self) -> Mover {
        let state = self.around.seen.deals.get(&self.deal);
        let by = state.and_then(|state| state.as_ref()?.moved_by);
        match by {
            Some(by) if self.around.me == Some(by) => Mover::Bridge,
            Some(by) => Mover::User(by),
            None => Mover::Unknown,
        }
    }
}

/// A decision as a row holds it.
pub(in crate::app::sync) fn explained(decision: &Decision) -> SyncEvent {
    SyncEvent::Decided {
        explanation: decision.explanation.clone(),
    }
}
