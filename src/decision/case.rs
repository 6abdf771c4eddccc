//! One difference on its way to a decision.

use super::{
    Action, Basis, Change, Decision, Inputs, Purpose, Record, Refusal, ReviewWhy, Wrote, sentence,
    times::Times, turns,
};
use crate::domain::{
    Agreed, Authority, Before, Fact, ONE_WAY_DELAY, Rule, Side, Stage, Told, Untranslatable, Winner,
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a shop that gives no times may take to send a snapshot from before it acknowledged a change.
const CROSSING: TimeDelta = TimeDelta::minutes(1);
/// How many unconfirmed messages to the shop are remembered.
const TOLD_KEPT: usize = 16;

pub(super) struct Case<'a> {
    inputs: &'a Inputs<'a>,
    /// What was agreed, as far as it still holds.
    agreed: Option<Agreed>,
    status: &'a str,
    stage: &'a Stage,
    /// The shop's status is what it was told, not what it says.
    told: bool,
    change: Change,
    times: Times,
    rule: Option<(usize, &'a Rule)>,
}

/// Who is right, and why.
type Verdict = (Basis, Authority);

impl<'a> Case<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>) -> Self {
        let told = counts_as_told(inputs);
        let (status, told) = match told {
            Some(status) => (status, true),
            None => (inputs.shop.value.as_str(), false),
        };
        let agreed = standing(inputs, told);
        let stage = &inputs.portal.value;
        let rules = &inputs.policy.rules;
        Self {
            inputs,
            change: change(inputs, agreed.as_ref(), status),
            agreed,
            status,
            stage,
            told,
            times: Times::new(inputs),
            rule: rules
                .iter()
                .enumerate()
                .find(|(_, rule)| rule.matches(status, stage)),
        }
    }

    pub(super) fn decide(&self) -> Decision {
        let inputs = self.inputs;
        if inputs.policy.statuses.consistent(self.status, self.stage) {
            let agreed = self.agreed(self.stage.clone(), inputs.portal.since);
            return self.decided(Action::Agree { agreed }, Basis::Consistent, None);
        }
        let same = |of: &super::Waiting| of.status == self.status && of.stage == *self.stage;
        if let Some(ruling) = inputs.ruling.filter(|ruling| same(&ruling.of)) {
            return match ruling.winner {
                Side::Shop => self.to_portal(Basis::Ruling, Purpose::Follow),
                Side::Portal => self.to_shop(Basis::Ruling),
            };
        }
        if inputs.waiting.is_some_and(same) {
            return self.review(ReviewWhy::Waiting, Basis::Rule);
        }
        match self.change {
            Change::Shop => self.to_portal(Basis::OneSide, Purpose::Follow),
            Change::Portal => self.to_shop(Basis::OneSide),
            Change::Both | Change::FirstMeeting | Change::Neither => match self.verdict() {
                (basis, Authority::Shop) => self.to_portal(basis, Purpose::Follow),
                (basis, Authority::Portal) => self.to_shop(basis),
                (Basis::Undated, Authority::Review) => {
                    self.review(ReviewWhy::Undated, Basis::Undated)
                }
                (basis, Authority::Review) => self.review(ReviewWhy::Rule, basis),
            },
        }
    }

    /// Who is right where both sides have a claim.
    fn verdict(&self) -> Verdict {
        let conflict = &self.inputs.policy.conflict;
        let (basis, winner) = match self.rule {
            Some((_, rule)) => (Basis::Rule, rule.winner),
            None => (Basis::Default, conflict.default),
        };
        match winner {
            Winner::Shop => (basis, Authority::Shop),
            Winner::Portal => (basis, Authority::Portal),
            Winner::Review => (basis, Authority::Review),
            Winner::Latest => match self.times.later(self.inputs) {
                Some(Side::Shop) => (Basis::Latest, Authority::Shop),
                Some(Side::Portal) => (Basis::Latest, Authority::Portal),
                None => (Basis::Undated, conflict.undated()),
            },
        }
    }

    /// The shop is right.
    fn to_portal(&self, basis: Basis, purpose: Purpose) -> Decision {
        match self.inputs.policy.statuses.there(self.status) {
            Ok(stage) => self.write_portal(stage, basis, purpose),
            Err(why) => {
                // A lone change that may not cross is undone where a rule declares the other side right.
                let undo = self.change == Change::Shop && self.rule_says(Winner::Portal);
                match self.inputs.policy.statuses.back(self.stage) {
                    Ok(status) if undo && self.undone(status).is_none() => {
                        self.tell_shop(status, Basis::Rule)
                    }
                    _ => self.refused(Refusal::Status(why), basis, Side::Shop),
                }
            }
        }
    }

    /// The portal is right, as far as the table and the shop's final facts allow.
    fn to_shop(&self, basis: Basis) -> Decision {
        match self.inputs.policy.statuses.back(self.stage) {
            Ok(status) => match self.undone(status) {
                Some(fact) if !self.may_undo(basis) => self.protect(fact),
                _ => self.tell_shop(status, basis),
            },
            Err(why) => {
                // A stage that the table does not know is a manager's own business unless a rule names it.
                let named = why != Untranslatable::Unknown
                    || self
                        .rule
                        .is_some_and(|(_, rule)| rule.stage.contains(self.stage));
                let undo = self.change == Change::Portal && named && self.rule_says(Winner::Shop);
                match self.inputs.policy.statuses.there(self.status) {
                    Ok(stage) if undo => self.write_portal(stage, Basis::Rule, Purpose::PutBack),
                    _ => self.refused(Refusal::Stage(why), basis, Side::Portal),
                }
            }
        }
    }

    /// A final fact that the shop asserts and that `status` would take back.
    fn undone(&self, status: &str) -> Option<Fact> {
        let inputs = self.inputs;
        let said = &inputs.shop.value;
        let finality = &inputs.policy.finality;
        finality
            .facts(said, inputs.paid, inputs.cancelled)
            .into_iter()
            .find(|fact| !finality.keeps(*fact, said, status, &inputs.policy.statuses))
    }

    fn may_undo(&self, basis: Basis) -> bool {
        basis == Basis::Ruling || self.rule_says(Winner::Portal)
    }

    /// The deal goes back to where the fact puts it, unless a rule wants a person to look.
    fn protect(&self, fact: Fact) -> Decision {
        let basis = Basis::Final(fact);
        if self.rule_says(Winner::Review) {
            return self.review(ReviewWhy::Final(fact), basis);
        }
        match self.inputs.policy.statuses.there(self.status) {
            Ok(stage) => self.write_portal(stage, basis, Purpose::PutBack),
            Err(_) => self.refused(Refusal::Final(fact), basis, Side::Shop),
        }
    }

    fn rule_says(&self, winner: Winner) -> bool {
        self.rule.is_some_and(|(_, rule)| rule.winner == winner)
    }

    fn write_portal(&self, stage: &Stage, basis: Basis, purpose: Purpose) -> Decision {
        if let Some(stopped) = self.stopped(&Wrote::Stage(stage.clone()), basis) {
            return stopped;
        }
        let action = Action::WritePortal {
            stage: stage.clone(),
            guard: self.inputs.history,
            purpose,
            agreed: Some(self.agreed(stage.clone(), None)),
        };
        self.decided(action, basis, Some(Side::Shop))
    }

    fn tell_shop(&self, status: &str, basis: Basis) -> Decision {
        if let Some(stopped) = self.stopped(&Wrote::Status(status.to_owned()), basis) {
            return stopped;
        }
        let inputs = self.inputs;
        let mut agreed = self.agreed(self.stage.clone(), inputs.portal.since);
        agreed.told.push(Told {
            status: status.to_owned(),
            previous: self.status.to_owned(),
            previous_since: inputs.shop.since.filter(|_| !self.told),
            before: self.agreed.as_ref().map(|agreed| Before {
                status: agreed.status.clone(),
                stage: agreed.stage.clone(),
                portal_since: agreed.portal_since,
                left: agreed.left,
            }),
            at: inputs.now,
            first_sent_at: None,
            delivered_at: None,
        });
        let excess = agreed.told.len().saturating_sub(TOLD_KEPT);
        agreed.told.drain(..excess);
        status.clone_into(&mut agreed.status);
        let action = Action::TellShop {
            status: status.to_owned(),
            previous: self.status.to_owned(),
            reason: String::new(),
            agreed,
        };
        let mut decision = self.decided(action, basis, Some(Side::Portal));
        if let Action::TellShop { reason, .. } = &mut decision.action {
            reason.clone_from(&decision.record.sentence);
        }
        decision
    }

    /// A review instead of the write, if it would be one too many. A person's word is carried out whatever came before.
    fn stopped(&self, next: &Wrote, basis: Basis) -> Option<Decision> {
        let inputs = self.inputs;
        let turns = turns::too_many(inputs.turns, &inputs.policy.turns, next, inputs.now)?;
        (basis != Basis::Ruling).then(|| self.review(ReviewWhy::PingPong { turns }, basis))
    }

    fn review(&self, why: ReviewWhy, basis: Basis) -> Decision {
        self.decided(Action::Review { why }, basis, None)
    }

    fn refused(&self, why: Refusal, basis: Basis, winner: Side) -> Decision {
        self.decided(Action::Refused { why }, basis, Some(winner))
    }

    /// The status that counts together with that stage; messages still on their way to the shop are kept in mind.
    fn agreed(&self, stage: Stage, portal_since: Option<DateTime<Utc>>) -> Agreed {
        let told = match &self.agreed {
            Some(agreed) if self.told => agreed.told.clone(),
            _ => Vec::new(),
        };
        Agreed {
            status: self.status.to_owned(),
            stage,
            portal_since,
            left: None,
            told,
        }
    }

    fn decided(&self, action: Action, basis: Basis, winner: Option<Side>) -> Decision {
        let mut record = Record {
            change: self.change,
            basis,
            rule: self.rule.map(|(index, _)| index),
            winner,
            shop_at: self.times.shop,
            portal_at: self.times.portal,
            shop_counts_as: self.status.to_owned(),
            sentence: String::new(),
        };
        record.sentence = sentence::of(self.inputs, self.agreed.as_ref(), &action, &record);
        Decision { action, record }
    }
}

/// What was agreed, as far as it still holds: where the shop says something newer than it was told, and never acknowledged
/// that, the two crossed, and what the portal had moved is a claim as open as the shop's.
fn standing(inputs: &Inputs<'_>, counts_as_told: bool) -> Option<Agreed> {
    let agreed = inputs.agreed?.clone();
    let crossed = agreed.told.iter().find(|told| told.delivered_at.is_none());
    match crossed.map(|told| told.at) {
        Some(at) if !counts_as_told && inputs.shop.value != agreed.status => agreed.refused(at),
        _ => Some(agreed),
    }
}

/// Who changed since both sides agreed. The portal's moves count by their meaning, the shop's statuses by their value.
fn change(inputs: &Inputs<'_>, agreed: Option<&Agreed>, status: &str) -> Change {
    let Some(agreed) = agreed else {
        return Change::FirstMeeting;
    };
    let stage = &inputs.portal.value;
    let moved_since = |then: Option<DateTime<Utc>>| {
        then.zip(inputs.portal.since)
            .is_some_and(|(then, now)| now > then)
    };
    let other_meaning = !inputs.policy.statuses.consistent(&agreed.status, stage);
    let portal = moved_since(agreed.left)
        || if *stage == agreed.stage {
            moved_since(agreed.portal_since)
        } else {
            other_meaning
        };
    match (status != agreed.status, portal) {
        (false, false) => Change::Neither,
        (true, false) => Change::Shop,
        (false, true) => Change::Portal,
        (true, true) => Change::Both,
    }
}

/// The status that the shop was told last, if what it says now is older than that.
fn counts_as_told<'a>(inputs: &Inputs<'a>) -> Option<&'a str> {
    let told = &inputs.agreed?.told;
    let last = told.last()?;
    let said = &inputs.shop.value;
    if *said == last.status {
        return None;
    }
    let seen = inputs.shop.seen;
    let since = inputs.shop.since;
    let older = if seen <= last.at {
        true
    } else if let Some(echo) = told.iter().rev().find(|t| t.status == *said) {
        // The shop carries out one message after the other: this one is the trace of an earlier message, unless the
        // shop set it anew after it had acknowledged that.
        match (echo.delivered_at, since) {
            (None, _) => true,
            (Some(delivered), Some(since)) => {
                // A clock that is hardly known cannot tell. While a later message is under way the doubt changes
                // nothing yet; once all were sent before this came, it counts: a real trace is followed by that of the
                // later message, a real change by nothing.
                let clock = inputs.clocks.shop;
                if clock.uncertainty() <= ONE_WAY_DELAY {
                    clock.to_ours(since) - clock.uncertainty() <= delivered
                } else {
                    last.first_sent_at.is_none_or(|sent| seen <= sent)
                }
            }
            (Some(delivered), None) => seen <= delivered + CROSSING,
        }
    } else if let Some(first) = told.iter().find(|t| t.previous == *said) {
        match (first.previous_since, since, first.delivered_at) {
            (Some(then), Some(now), _) => now <= then,
            (_, _, None) => true,
            (_, _, Some(delivered)) => seen <= delivered + CROSSING,
        }
    } else {
        false
    };
    older.then_some(last.status.as_str())
}
