//! One difference on its way to a decision.

mod facts;
mod messages;

use super::{
    Action, Basis, Change, Counted, Decision, Inputs, Purpose, Record, Refusal, ReviewWhy,
    WrittenValue, explanation, loop_guard,
    ordering::Times,
    ruling::{RulingText, denied, guessed, is_before_a_lost_one, is_unanswered, own_facts, word},
};
use crate::domain::{Agreed, Authority, Rule, Side, Source, Stage, Untranslatable, Winner};
use chrono::{DateTime, Utc};

/// What a changed table of statuses may do to what was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Nothing, until somebody has seen the plan.
    Asked,
    /// What the rules say.
    Applied,
}

pub(super) struct Case<'a> {
    inputs: &'a Inputs<'a>,
    /// What was agreed, as far as it still holds.
    agreed: Option<Agreed>,
    /// The shop's status: what it says, or what it was told since.
    status: String,
    /// Whose word that is.
    by: Source,
    stage: &'a Stage,
    word: RulingText,
    /// Whether a changed table of statuses may move what was agreed.
    table: Table,
    change: Change,
    times: Times,
    rule: Option<(usize, &'a Rule)>,
}

/// Who is right, and why.
type Verdict = (Basis, Authority);

impl<'a> Case<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>, table: Table) -> Self {
        let agreed = undenied(inputs);
        let word = agreed.as_ref().map_or(RulingText::Said, |agreed| {
            let (shop, clock) = (inputs.shop, inputs.clocks.shop);
            match word(agreed, shop, clock) {
                RulingText::Older if inputs.policy.asks => RulingText::Doubtful,
                RulingText::Older => RulingText::Told,
                RulingText::Same if inputs.policy.asks => RulingText::Told,
                RulingText::Same => RulingText::Said,
                RulingText::Doubtful if !inputs.policy.asks => guessed(agreed, shop, clock),
                word => word,
            }
        });
        let last = agreed.as_ref().and_then(|agreed| agreed.told.last());
        let (status, by) = match (word, last) {
            (RulingText::Told | RulingText::Doubtful, Some(last)) => (last.status.clone(), last.by),
            _ => (inputs.shop.value.clone(), Source::Shop),
        };
        let agreed = standing(inputs, agreed, word);
        let stage = &inputs.portal.value;
        let rules = &inputs.policy.rules;
        Self {
            inputs,
            change: change(inputs, agreed.as_ref(), &status),
            rule: rules
                .iter()
                .enumerate()
                .find(|(_, rule)| rule.matches(&status, stage, by)),
            agreed,
            status,
            by,
            stage,
            word,
            table,
            times: Times::new(inputs),
        }
        .with_onecs_time()
    }

    /// Where 1C's word counts, it is 1C's time that is compared: the shop has not said it.
    fn with_onecs_time(mut self) -> Self {
        if self.by == Source::OneC {
            let last = self.agreed.as_ref().and_then(|agreed| agreed.told.last());
            self.times.onec = last.map(|told| (told.claimed_after, told.at));
            self.times.shop = last.map(|told| told.at);
        }
        self
    }

    pub(super) fn decide(&self) -> Decision {
        let inputs = self.inputs;
        if inputs.policy.statuses.consistent(&self.status, self.stage) {
            let is_unsure = self.agreed.as_ref().is_some_and(|agreed| agreed.unsure);
            if self.word == RulingText::Doubtful || is_unsure && inputs.policy.asks {
                return self.ask();
            }
            let agreed = self.agreed(self.stage.clone(), inputs.portal.since);
            return self.decided(Action::Agree { agreed }, Basis::Consistent, None);
        }
        let same = |of: &super::Waiting| self.is_about(of);
        if let Some(ruling) = inputs.ruling.filter(|ruling| same(&ruling.of)) {
            return match ruling.winner {
                Side::Shop => self.to_portal(Basis::Ruling, Purpose::Follow),
                Side::Portal => self.to_shop(Basis::Ruling),
            };
        }
        if inputs.waiting.is_some_and(same) {
            return self.review(ReviewWhy::Waiting, Basis::Rule);
        }
        if let Some(decision) = self.bound() {
            return decision;
        }
        match self.change {
            Change::Shop => self.to_portal(Basis::OneSide, Purpose::Follow),
            Change::Portal => self.to_shop(Basis::OneSide),
            Change::Neither if self.table == Table::Asked => self.decided(
                Action::Refused {
                    why: Refusal::Table,
                },
                Basis::OneSide,
                None,
            ),
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

    /// What becomes of a side's move into a status into which only another brings an order: it is
    /// no claim. That binds neither the first meeting nor a shop that insists.
    fn bound(&self) -> Option<Decision> {
        let agreed = self.agreed.as_ref()?;
        let map = &self.inputs.policy.statuses;
        let meant = map.back(self.stage).ok();
        let is_moved = matches!(self.change, Change::Portal | Change::Both);
        let is_said = matches!(self.change, Change::Shop | Change::Both);
        let strays = |status: &&str| map.is_of_another(status, Source::Bitrix24);
        let stray = meant.filter(|_| is_moved).filter(strays);
        let insists = agreed.insists.as_ref() == Some(&self.status);
        let is_shops = is_said && self.by == Source::Shop && !insists;
        if is_shops && map.is_of_another(&self.status, Source::Shop) {
            let moved = meant.filter(|_| is_moved && stray.is_none());
            let former = moved.unwrap_or(&agreed.status).to_owned();
            if self.undone(&former).is_some() {
                return Some(self.review(ReviewWhy::Rule, Basis::Source));
            }
            return Some(self.tell_back(&former, moved.is_some()));
        }
        stray?;
        Some(match map.there(&self.status) {
            Ok(stage) => self.write_portal(stage, Basis::Source, Purpose::PutBack),
            Err(why) => self.refused(Refusal::Status(why), Basis::Source, Side::Shop),
        })
    }

    /// The shop's status that counts, whose word it is, and when that was said.
    pub(super) fn counted(self) -> Counted {
        let last = self.agreed.as_ref().and_then(|agreed| agreed.told.last());
        let is_portals = |agreed: &Agreed| agreed.is_by_portal(&self.status);
        let by = match self.by {
            Source::Shop if self.agreed.as_ref().is_some_and(is_portals) => Source::Bitrix24,
            by => by,
        };
        Counted {
            settled: self.word != RulingText::Said
                || self
                    .inputs
                    .agreed
                    .is_none_or(|agreed| agreed.told.is_empty()),
            at: match self.by {
                Source::Shop => self.times.shop,
                _ => last.map(|told| told.at),
            },
            by,
            status: self.status,
        }
    }

    /// Whether this is that difference: the same status beside a stage that means the same.
    fn is_about(&self, of: &super::Waiting) -> bool {
        let map = &self.inputs.policy.statuses;
        let alike = || {
            let (then, now) = (map.back(&of.stage), map.back(self.stage));
            then.is_ok() && then == now
        };
        of.status == self.status && (of.stage == *self.stage || alike())
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
            Winner::Onec if self.by == Source::OneC => (basis, Authority::Shop),
            Winner::Onec => (Basis::Default, conflict.undated()),
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
        match self.inputs.policy.statuses.there(&self.status) {
            Ok(stage) => self.write_portal(stage, basis, purpose),
            Err(why) => {
                // A lone change that may not cross is undone where a rule declares the other side
                // right.
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
                // A stage that the table does not know is a manager's own business unless a rule
                // names it.
                let named = why != Untranslatable::Unknown
                    || self
                        .rule
                        .is_some_and(|(_, rule)| rule.stage.contains(self.stage));
                let hubs = self.rule_says(Winner::Shop) || self.rule_says(Winner::Onec);
                let undo = self.change == Change::Portal && named && hubs;
                match self.inputs.policy.statuses.there(&self.status) {
                    Ok(stage) if undo => self.write_portal(stage, Basis::Rule, Purpose::PutBack),
                    _ => self.refused(Refusal::Stage(why), basis, Side::Portal),
                }
            }
        }
    }

    fn rule_says(&self, winner: Winner) -> bool {
        self.rule.is_some_and(|(_, rule)| rule.winner == winner)
    }

    fn write_portal(&self, stage: &Stage, basis: Basis, purpose: Purpose) -> Decision {
        if let Some(stopped) = self.stopped(&WrittenValue::Stage(stage.clone()), basis) {
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

    /// A review instead of the write, if it would be one too many. A person's word is carried out
    /// whatever came before.
    fn stopped(&self, next: &WrittenValue, basis: Basis) -> Option<Decision> {
        let inputs = self.inputs;
        let turns = loop_guard::too_many(inputs.turns, &inputs.policy.turns, next, inputs.now)?;
        (basis != Basis::Ruling).then(|| self.review(ReviewWhy::PingPong { turns }, basis))
    }

    fn review(&self, why: ReviewWhy, basis: Basis) -> Decision {
        self.decided(Action::Review { why }, basis, None)
    }

    fn refused(&self, why: Refusal, basis: Basis, winner: Side) -> Decision {
        self.decided(Action::Refused { why }, basis, Some(winner))
    }

    /// The status that counts together with that stage; messages still on their way to the shop are
    /// kept in mind.
    fn agreed(&self, stage: Stage, portal_since: Option<DateTime<Utc>>) -> Agreed {
        let told = match &self.agreed {
            Some(agreed) if self.word != RulingText::Said => agreed.told.clone(),
            _ => Vec::new(),
        };
        Agreed {
            status: self.status.clone(),
            stage,
            portal_since,
            left: None,
            by_portal: self
                .agreed
                .as_ref()
                .and_then(|agreed| agreed.by_portal.clone())
                .filter(|status| *status == self.status),
            portal_row: self.agreed.as_ref().and_then(|agreed| agreed.portal_row),
            unsure: self.agreed.as_ref().is_some_and(|agreed| agreed.unsure),
            insists: self
                .agreed
                .as_ref()
                .and_then(|agreed| agreed.insists.clone())
                .filter(|status| *status == self.status),
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
            shop_counts_as: self.status.clone(),
            sentence: String::new(),
        };
        let agreed = self.agreed.as_ref();
        let explanation = explanation::put(self.inputs, agreed, &action, &mut record);
        Decision {
            action,
            record,
            explanation,
        }
    }
}

/// What was agreed, without messages on their way that deny what the shop asserts by now: a final
/// fact comes before everything.
fn undenied(inputs: &Inputs<'_>) -> Option<Agreed> {
    let agreed = inputs.agreed?.clone();
    let finality = &inputs.policy.finality;
    let flags = (inputs.paid, inputs.cancelled);
    let facts = own_facts(Some(&agreed), finality, &inputs.shop.value, flags);
    match denied(&agreed, &facts) {
        Some((at, _)) => agreed.withdrawn(at),
        None => Some(agreed),
    }
}

/// What was agreed, as far as it still holds: where the shop says something newer than it was told,
/// and never acknowledged that, the two crossed, and what the portal had moved is a claim as open
/// as the shop's.
fn standing(inputs: &Inputs<'_>, agreed: Option<Agreed>, word: RulingText) -> Option<Agreed> {
    let mut agreed = agreed?;
    let (shop, clock) = (inputs.shop, inputs.clocks.shop);
    let is_unsure = |agreed| is_before_a_lost_one(agreed, shop, clock) || is_unanswered(agreed);
    agreed.unsure |= word == RulingText::Said && is_unsure(&agreed);
    let crossed = agreed.told.iter().find(|told| told.delivered_at.is_none());
    match crossed.map(|told| told.at) {
        Some(at) if word == RulingText::Said && inputs.shop.value != agreed.status => {
            agreed.crossed(at)
        }
        _ => Some(agreed),
    }
}

/// Who changed since both sides agreed. The portal's moves count by their meaning, the shop's
/// statuses by their value.
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
