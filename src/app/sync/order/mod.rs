//! One order's two sides: what is known, what was seen, and what follows.
//!
//! No IO: the row comes locked, what was seen comes along, and everything that is to be stored goes
//! back.

mod decision_record;
#[cfg(test)]
mod model;
pub(in crate::app) mod onec;
mod outcome;
mod own_write;
pub(in crate::app) mod status;

pub(super) use decision_record::explained;
pub(in crate::app) use outcome::stored_basis;
pub(super) use outcome::{
    ConflictChange, NextStep, Outcome, OutcomeLine, RecordedDecision, StatusMessage,
};

use crate::{
    app::{RetryPolicy, SyncRules},
    decision::{self, Action, Basis, Decision, HistoryRow, Inputs, decide},
    domain::{
        Agreed, BridgeWrite, Clocks, ErrorCode, Observation, ReportedStatus, Source, Stage,
        StageWriteInFlight, Waiting, WrittenValue,
        happening::{Card, Happening, Note, SyncEvent},
    },
    planner::{DealState, ScanResult, StageWrite},
    storage::{AskedBy, journal::LineKind, sync::agreements::Row},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Turns kept with an order: more than any limit counts within its window.
const TURNS_KEPT: usize = 64;

/// How often a person's word is carried out: what the other side keeps refusing is asked again.
const WORD_TRIES: u8 = 3;

/// What everything rests on besides the order itself.
pub(super) struct SyncContext<'a> {
    pub(super) seen: &'a ScanResult,
    pub(super) two_way: &'a SyncRules,
    pub(super) clocks: Clocks,
    pub(super) now: DateTime<Utc>,
    /// Who the bridge is in the portal.
    pub(super) me: Option<u64>,
    /// How long a write whose answer was lost is given to end.
    pub(super) doubt: TimeDelta,
    /// How often, and how long apart, a stage is written that the portal refuses.
    pub(super) tries: &'a RetryPolicy,
    /// Who asked for the comparison.
    pub(super) why: AskedBy,
    /// The title that the deal was made with, if it tells the order.
    pub(super) title: Option<&'a str>,
    /// Moves of deals since they were agreed on, as far as the portal's history was read.
    pub(super) later: &'a BTreeMap<u64, Vec<HistoryRow>>,
}

/// An order's two sides while they are compared.
pub(super) struct OrderSync<'a> {
    row: &'a mut Row,
    around: &'a SyncContext<'a>,
    /// Gives ids to decisions.
    next_id: &'a mut dyn FnMut() -> i64,
    deal: u64,
    agreed: Option<Agreed>,
    turns: Vec<BridgeWrite>,
    /// A write that came to nothing, and may be tried again.
    before: Option<StageWriteInFlight>,
    outcome: Outcome,
}

impl<'a> OrderSync<'a> {
    pub(super) fn new(
        row: &'a mut Row,
        deal: u64,
        around: &'a SyncContext<'a>,
        next_id: &'a mut dyn FnMut() -> i64,
    ) -> Self {
        Self {
            agreed: row.agreed.clone(),
            turns: row.turns.clone(),
            row,
            around,
            next_id,
            deal,
            before: None,
            outcome: Outcome {
                then: NextStep::Done,
                recorded: Vec::new(),
                conflict: ConflictChange::Keep,
                lines: Vec::new(),
                tell: None,
                denies: Vec::new(),
                awaited: None,
                foreign: false,
                shown: false,
            },
        }
    }

    /// Compares; the row holds what is to be stored.
    pub(super) fn compare(mut self) -> Outcome {
        self.observe();
        self.row.agreed.clone_from(&self.agreed);
        self.row.turns.clone_from(&self.turns);
        self.outcome
    }

    /// Compares with the portal as it was last known. None unless the shop says again what was
    /// agreed: everything else needs a look at the portal, where a manager may have been before the
    /// shop.
    pub(super) fn confirm(mut self) -> Option<Outcome> {
        let agreed = self.agreed.as_ref()?;
        if self.row.writing.is_some() || self.row.gone_at.is_some() || self.row.ruling.is_some() {
            return None;
        }
        let state = DealState {
            stage: agreed.stage.clone(),
            moved_at: agreed.portal_since,
            moved_by: None,
        };
        let agreed = agreed.status.clone();
        let (said, shop, portal) = self.sides(&state)?;
        if shop.value != agreed {
            return None;
        }
        let decision = self.decided(&said, (&shop, &portal), decide);
        if !matches!(decision.action, Action::Agree { .. }) {
            return None;
        }
        self.carry_out(&decision, &said, (&shop, &portal));
        self.row.agreed.clone_from(&self.agreed);
        Some(self.outcome)
    }

    /// What both systems say; none if there is nothing to compare.
    fn sides(
        &self,
        state: &DealState,
    ) -> Option<(ReportedStatus, Observation<String>, Observation<Stage>)> {
        let said = self.row.said.clone().filter(|said| !said.deleted)?;
        let shop = Observation {
            source: Source::Shop,
            value: said.status.clone()?,
            since: said.since,
            seen: said.heard(self.around.now),
            as_of: said.as_of(self.around.clocks.shop),
        };
        let portal = Observation {
            source: Source::Bitrix24,
            value: state.stage.clone(),
            since: state.moved_at,
            seen: self.around.now,
            as_of: None,
        };
        Some((said, shop, portal))
    }

    fn observe(&mut self) {
        let state = match self.around.seen.deals.get(&self.deal) {
            None => return self.unread(),
            Some(None) => return self.missing(),
            Some(Some(state)) => state,
        };
        if !self.is_its_own() {
            return;
        }
        self.outcome.shown = true;
        if self.row.gone_at.take().is_some() {
            let back = SyncEvent::DealBack { deal: self.deal };
            self.say(LineKind::Gone, back, json!({ "deal": self.deal }));
            self.outcome.conflict = ConflictChange::Close;
        }
        self.row.stage = Some(state.stage.id.clone());
        let Some((said, shop, portal)) = self.sides(state) else {
            return self.nothing_to_compare();
        };
        match self.row.writing.clone() {
            Some(writing) if writing.next_try.is_some() => {
                self.row.writing = None;
                if self.restores_again(&writing, &portal) {
                    return;
                }
                self.before = Some(writing);
            }
            Some(writing) if !self.after_write(&writing, state, &said, (&shop, &portal)) => return,
            _ => {}
        }
        self.landed_late(state);
        self.left_meanwhile();
        let decision = self.decided(&said, (&shop, &portal), decide);
        if !self.waits_for_next_try(&decision.action) {
            self.carry_out(&decision, &said, (&shop, &portal));
        }
    }

    /// Whether the deal is the order's: an id alone is no proof. One whose origin somebody took
    /// away is told by its title. Another's is let go; it is neither moved nor believed.
    fn is_its_own(&mut self) -> bool {
        let Some(origin) = self.around.seen.origins.get(&self.deal) else {
            return true;
        };
        let told = origin.is_empty() && self.around.title == Some(origin.title.as_str());
        if told || origin.is_of(&self.row.shop, &self.row.number) {
            return true;
        }
        let card = Card::Deal(self.deal);
        self.say(
            LineKind::Note,
            Note::OtherOrigin { card },
            json!({ "deal": self.deal }),
        );
        self.outcome.foreign = true;
        false
    }

    fn again(&mut self, after: TimeDelta) {
        self.outcome.then = NextStep::Again(after);
    }

    fn say(&mut self, kind: LineKind, what: impl Into<Happening>, detail: Value) {
        self.outcome.lines.push(OutcomeLine {
            kind,
            what: what.into(),
            detail,
        });
    }

    fn missing(&mut self) {
        self.row.writing = None;
        if self.row.gone_at.is_some() {
            return;
        }
        self.row.gone_at = Some(self.around.now);
        let what = SyncEvent::DealMissing { deal: self.deal };
        self.say(LineKind::Gone, what.clone(), json!({ "deal": self.deal }));
        self.outcome.conflict = ConflictChange::Open {
            code: ErrorCode::DealGone,
            what,
            decision: 0,
        };
    }

    /// The inputs of a decision, asked by `how`.
    fn decided<T>(
        &self,
        said: &ReportedStatus,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
        how: impl FnOnce(&Inputs<'_>) -> T,
    ) -> T {
        let spoken = self.row.ruling.clone();
        let ruling = spoken
            .filter(|spoken| spoken.tries < WORD_TRIES)
            .map(|spoken| spoken.ruling);
        let waiting = self.row.waiting.as_ref();
        how(&Inputs {
            shop,
            portal,
            agreed: self.agreed.as_ref(),
            paid: said.paid,
            cancelled: said.cancelled,
            policy: &self.around.two_way.policy,
            clocks: self.around.clocks,
            history: self.around.seen.newest,
            turns: &self.turns,
            ruling: ruling.as_ref(),
            waiting,
            now: self.around.now,
        })
    }

    fn carry_out(
        &mut self,
        decision: &Decision,
        said: &ReportedStatus,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) {
        let standing = json!({
            "status": decision.record.shop_counts_as, "stage": portal.value, "why": decision.action
        });
        let stands = self.row.standing.as_ref() == Some(&standing);
        match decision.action.clone() {
            Action::Agree { agreed } => {
                let moved = self
                    .agreed
                    .as_ref()
                    .is_none_or(|old| old.status != agreed.status || old.stage != agreed.stage);
                if moved || self.row.standing.is_some() {
                    self.record(decision, said, (shop, portal));
                }
                self.close_difference();
                // A word is carried out when nothing is on its way any more. One on a difference
                // that ended by itself is spent: what it would hold back would wait for ever.
                let spoken = self.row.ruling.clone();
                let is_begun = spoken.is_some_and(|spoken| spoken.tries > 0);
                let open = agreed.told.iter().any(|told| told.delivered_at.is_none());
                if !(is_begun && open) {
                    self.row.ruling = None;
                }
                self.expect_messages(&agreed);
                self.agreed = Some(agreed);
            }
            Action::WritePortal { .. } => self.move_deal(decision, said, (shop, portal)),
            Action::TellShop { .. } => self.tell(decision, said, (shop, portal)),
            Action::Refused { .. } => {
                if !stands {
                    self.record(decision, said, (shop, portal));
                    self.close_difference();
                    self.row.ruling = None;
                    self.row.standing = Some(standing);
                }
            }
            Action::Review {
                why: decision::ReviewWhy::Waiting,
            } => {}
            Action::Review { why } => {
                let id = self.record(decision, said, (shop, portal));
                self.row.ruling = None;
                self.row.waiting = Some(Waiting {
                    status: decision.record.shop_counts_as.clone(),
                    stage: portal.value.clone(),
                });
                self.row.standing = Some(standing);
                let code = match why {
                    decision::ReviewWhy::PingPong { .. } => ErrorCode::PingPong,
                    _ => ErrorCode::Review,
                };
                self.outcome.conflict = ConflictChange::Open {
                    code,
                    what: explained(decision),
                    decision: id,
                };
            }
        }
    }

    /// The shop is to be told, or asked.
    fn tell(
        &mut self,
        decision: &Decision,
        said: &ReportedStatus,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) {
        let Action::TellShop {
            status,
            previous,
            reason,
            agreed,
        } = decision.action.clone()
        else {
            return;
        };
        let id = self.record(decision, said, (shop, portal));
        // A question changes nothing: it is no turn.
        if status != previous {
            self.note_write(WrittenValue::Status(status.clone()));
        }
        self.close_difference();
        self.keep_ruling(decision);
        self.expect_messages(&agreed);
        let told = agreed.told.last().into_iter();
        let denied = told.flat_map(|told| &told.denies);
        self.outcome.denies = denied.map(|fact| fact.word().to_owned()).collect();
        self.agreed = Some(agreed);
        self.outcome.tell = Some(StatusMessage {
            status,
            previous,
            stage: portal.value.clone(),
            reason,
            decision: id,
        });
    }

    /// The deal is to be moved, as a turn of ours; the next try of the same is no new decision.
    fn move_deal(
        &mut self,
        decision: &Decision,
        said: &ReportedStatus,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) {
        let Action::WritePortal {
            stage,
            guard,
            agreed,
            purpose,
        } = decision.action.clone()
        else {
            return;
        };
        let before = self.before.take().filter(|before| before.stage == stage);
        let same = before
            .as_ref()
            .filter(|before| before.carries_out(agreed.as_ref()));
        let id = match same {
            Some(before) => before.decision,
            None => self.record(decision, said, (shop, portal)),
        };
        let restores = purpose == decision::Purpose::Restore;
        if !restores {
            self.note_write(WrittenValue::Stage(stage.clone()));
        }
        self.close_difference();
        self.keep_ruling(decision);
        let comment = self.comment(decision, &stage, portal);
        let writing = StageWriteInFlight {
            stage,
            guard,
            agreed,
            decision: id,
            sent: self.around.now,
            from: Some(portal.value.clone()),
            turn: (!restores).then_some(self.around.now),
            tries: before.map_or(0, |before| before.tries),
            next_try: None,
            restores,
        };
        self.write(writing, comment, portal);
    }

    /// A stage is written.
    fn write(
        &mut self,
        writing: StageWriteInFlight,
        comment: Option<String>,
        portal: &Observation<Stage>,
    ) {
        self.row.writing = Some(writing.clone());
        self.outcome.then = NextStep::Written(StageWrite {
            deal: self.deal,
            from_funnel: portal.value.funnel,
            comment,
            stage: writing.stage,
            guard: writing.guard,
        });
    }

    /// The deal is there, and the shop says no status, or has deleted the order. Of a deleted one
    /// nobody is asked any more, and no stage is written; else only a difference that waits is left
    /// to ask about.
    fn nothing_to_compare(&mut self) {
        if self.row.said.as_ref().is_some_and(|said| said.deleted) {
            self.row.writing = None;
            self.row.ruling = None;
            self.close_difference();
        } else if self.row.waiting.is_none() {
            self.outcome.conflict = ConflictChange::Close;
        }
    }

    /// No difference waits or stands any more.
    fn close_difference(&mut self) {
        self.row.waiting = None;
        self.row.standing = None;
        self.outcome.conflict = ConflictChange::Close;
    }

    /// A person's word that is being carried out is kept until it is; another decision ends it.
    fn keep_ruling(&mut self, decision: &Decision) {
        let spoken = self.row.ruling.clone();
        let carried_out = spoken.filter(|_| decision.record.basis == Basis::Ruling);
        self.row.ruling = carried_out.map(|mut spoken| {
            spoken.tries = spoken.tries.saturating_add(1);
            spoken
        });
    }

    fn expect_messages(&mut self, agreed: &Agreed) {
        self.outcome.awaited = Some(agreed.told.iter().map(|told| told.at).collect());
    }

    fn note_write(&mut self, wrote: WrittenValue) {
        self.turns.push(BridgeWrite {
            at: self.around.now,
            wrote,
        });
        let excess = self.turns.len().saturating_sub(TURNS_KEPT);
        self.turns.drain(..excess);
    }
}
