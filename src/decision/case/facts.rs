//! Final facts of the shop in a difference: what may not be taken back, and what is done then.

use super::Case;
use crate::{
    decision::{
        Basis, Decision, Purpose, Refusal, ReviewWhy,
        ruling::{RulingText, own_facts},
    },
    domain::{Agreed, Fact, Side, Source, Winner},
};

impl Case<'_> {
    /// A final fact that the shop asserts and that `status` would take back. Where what the shop
    /// says is from before it took something, a fact that this took back is none any more; money
    /// is.
    pub(super) fn undone(&self, status: &str) -> Option<Fact> {
        let inputs = self.inputs;
        // What 1C says is a fact before the shop has said it, too.
        let said = match self.by {
            Source::OneC => &self.status,
            _ => &inputs.shop.value,
        };
        let finality = &inputs.policy.finality;
        finality
            .facts(said, inputs.paid, inputs.cancelled)
            .into_iter()
            .filter(|fact| !self.is_portals_own(*fact))
            .filter(|fact| {
                let is_money_taken = *fact == Fact::Paid && inputs.paid;
                let kept = || finality.keeps(*fact, said, &self.status, &inputs.policy.statuses);
                self.word == RulingText::Said || is_money_taken || kept()
            })
            .find(|fact| !finality.keeps(*fact, said, status, &inputs.policy.statuses))
    }

    /// Whether the order is that only because the deal was moved there: who ended it by mistake may
    /// take it back, whether or not the shop has repeated it. Money is the shop's own.
    pub(super) fn is_portals_own(&self, fact: Fact) -> bool {
        let said = match self.by {
            Source::OneC => &self.status,
            _ => &self.inputs.shop.value,
        };
        let is_portals = |agreed: &Agreed| agreed.is_by_portal(said);
        let is_money_taken = fact == Fact::Paid && self.inputs.paid;
        let protects = [Winner::Shop, Winner::Onec, Winner::Review];
        let is_protected = protects.into_iter().any(|winner| self.rule_says(winner));
        self.agreed.as_ref().is_some_and(is_portals) && !is_money_taken && !is_protected
    }

    pub(super) fn may_undo(&self, basis: Basis) -> bool {
        basis == Basis::Ruling || self.rule_says(Winner::Portal)
    }

    /// The deal goes back to where the fact puts it, unless a rule wants a person to look.
    pub(super) fn protect(&self, fact: Fact) -> Decision {
        let basis = Basis::Final(fact);
        if self.rule_says(Winner::Review) {
            return self.review(ReviewWhy::Final(fact), basis);
        }
        match self.inputs.policy.statuses.there(&self.status) {
            Ok(stage) => self.write_portal(stage, basis, Purpose::PutBack),
            Err(_) => self.refused(Refusal::Final(fact), basis, Side::Shop),
        }
    }

    /// Facts that do not hold yet and that `status` would deny; none where a rule lets the portal
    /// take them back.
    pub(super) fn denies(&self, status: &str) -> Vec<Fact> {
        if self.rule_says(Winner::Portal) {
            return Vec::new();
        }
        let inputs = self.inputs;
        let finality = &inputs.policy.finality;
        let flags = (inputs.paid, inputs.cancelled);
        let hold = own_facts(self.agreed.as_ref(), finality, &inputs.shop.value, flags);
        let kept = |fact| finality.keeps(fact, &self.status, status, &inputs.policy.statuses);
        let facts = Fact::ALL.into_iter();
        facts
            .filter(|fact| !hold.contains(fact) && !kept(*fact))
            .collect()
    }
}
