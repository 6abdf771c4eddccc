//! Messages to the shop that a decision sends: what it is told, and what it is asked.

use super::Case;
use crate::{
    decision::{Action, Basis, Decision, WrittenValue, ruling::RulingText},
    domain::{Agreed, PreviousAgreement, SentStatus, Side, Source, TOLD_KEPT},
};

impl Case<'_> {
    /// The shop is told the status that it had, or the portal's. What it had it has not by the
    /// portal.
    pub(super) fn tell_back(&self, former: &str, is_portals: bool) -> Decision {
        let mut decision = self.tell_shop(former, Basis::Source);
        if let (Action::TellShop { agreed, .. }, false) = (&mut decision.action, is_portals) {
            let before = self.agreed.as_ref();
            let by_portal = before.and_then(|before| before.by_portal.clone());
            agreed.by_portal = by_portal.filter(|status| status == former);
        }
        decision
    }

    pub(super) fn tell_shop(&self, status: &str, basis: Basis) -> Decision {
        if let Some(stopped) = self.stopped(&WrittenValue::Status(status.to_owned()), basis) {
            return stopped;
        }
        let inputs = self.inputs;
        let mut agreed = self.agreed(self.stage.clone(), inputs.portal.since);
        agreed.told.push(self.told(status, self.agreed.as_ref()));
        let excess = agreed.told.len().saturating_sub(TOLD_KEPT);
        agreed.told.drain(..excess);
        status.clone_into(&mut agreed.status);
        agreed.unsure = false;
        agreed.insists = None;
        agreed.by_portal = Some(status.to_owned());
        self.telling(agreed, basis, Some(Side::Portal))
    }

    /// A message to the shop, on its way from now on.
    pub(super) fn told(&self, status: &str, before: Option<&Agreed>) -> SentStatus {
        let inputs = self.inputs;
        // A question repeats the word that it is about.
        let last = self.agreed.as_ref().and_then(|agreed| agreed.told.last());
        let asked = last.filter(|_| status == self.status && self.by == Source::OneC);
        let before = before.filter(|_| asked.is_none());
        SentStatus {
            status: status.to_owned(),
            by: asked.map_or(Source::Bitrix24, |asked| asked.by),
            claimed_after: asked.and_then(|asked| asked.claimed_after),
            takes_back: asked.is_some_and(|asked| asked.takes_back),
            previous: self.status.clone(),
            previous_since: inputs.shop.since.filter(|_| self.word == RulingText::Said),
            before: before.map(|agreed| PreviousAgreement {
                status: agreed.status.clone(),
                stage: agreed.stage.clone(),
                portal_since: agreed.portal_since,
                left: agreed.left,
                unsure: agreed.unsure,
            }),
            at: inputs.now,
            first_sent_at: None,
            delivered_at: None,
            died_at: None,
            denies: self.denies(status),
        }
    }

    /// Both sides agree if the shop has what it took; what it says may be newer. It is told once
    /// more what it took, from that very status: a shop that went elsewhere contradicts.
    pub(super) fn ask(&self) -> Decision {
        let inputs = self.inputs;
        let mut agreed = self.agreed(self.stage.clone(), inputs.portal.since);
        let question = self.told(&self.status, Some(&agreed));
        agreed.told.push(question);
        agreed.unsure = false;
        let excess = agreed.told.len().saturating_sub(TOLD_KEPT);
        agreed.told.drain(..excess);
        self.telling(agreed, Basis::Doubtful, None)
    }

    pub(super) fn telling(&self, agreed: Agreed, basis: Basis, winner: Option<Side>) -> Decision {
        let action = Action::TellShop {
            status: agreed.status.clone(),
            previous: self.status.clone(),
            reason: String::new(),
            agreed,
        };
        let mut decision = self.decided(action, basis, winner);
        if let Action::TellShop { reason, .. } = &mut decision.action {
            reason.clone_from(&decision.record.sentence);
        }
        decision
    }
}
