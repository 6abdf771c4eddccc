//! The outcome of our own write of a stage, told from the deal and its history.

use super::{ConflictChange, OrderSync};
use crate::{
    decision::{
        self, Action, ForeignMove, HistoryRow, OwnWrite, decide_again, foreign_moves, overwritten,
    },
    domain::{
        Agreed, BridgeWrite, ErrorCode, Observation, ReportedStatus, Stage, StageWriteInFlight,
        Waiting, WrittenValue,
        happening::{Millis, MoveFault, RowOrder, SyncEvent, Words},
    },
    planner::{DealState, StageWritten},
    storage::journal::LineKind,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// How late a stage may land that was given up for lost, and still be told from somebody's move.
const LATEST: TimeDelta = TimeDelta::hours(1);

impl StageWriteInFlight {
    /// How long it is until the next try; none if it is time, or none was refused.
    fn pause_left(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = self.next_try? - now;
        (left > TimeDelta::zero()).then_some(left)
    }

    /// Whether it was refused, and was to carry out the same.
    pub(super) fn carries_out(&self, agreed: Option<&Agreed>) -> bool {
        let mine = self.agreed.as_ref().map(|agreed| &agreed.status);
        self.next_try.is_some() && mine == agreed.map(|agreed| &agreed.status)
    }
}

fn refusal(stage: &Stage, words: &str) -> MoveFault {
    MoveFault::Refused {
        stage: stage.into(),
        words: Words(words.to_owned()),
    }
}

impl OrderSync<'_> {
    /// What became of a write of ours. True if the comparison goes on from here.
    pub(super) fn after_write(
        &mut self,
        writing: &StageWriteInFlight,
        state: &DealState,
        said: &ReportedStatus,
        sides: (&Observation<String>, &Observation<Stage>),
    ) -> bool {
        let Some(rows) = self.history() else {
            self.again(TimeDelta::seconds(1));
            return false;
        };
        let portal_clock = self.around.clocks.portal;
        let write = OwnWrite {
            stage: writing.stage.clone(),
            guard: writing.guard,
            sent: portal_clock.to_theirs(writing.sent),
            answered: portal_clock.to_theirs(self.around.now),
            moved_last_by_us: self.around.me.zip(state.moved_by).map(|(me, by)| me == by),
        };
        let above = |row: &&HistoryRow| writing.guard.is_none_or(|guard| row.id > guard);
        let moves = foreign_moves(&rows, &write);
        let own = rows.iter().filter(above).count() > moves.len();
        for foreign in &moves {
            self.tell_of(foreign);
        }
        if state.stage == writing.stage {
            self.row.writing = None;
            if let Some(buried) = overwritten(&moves) {
                let buried = buried.clone();
                self.left_by(moves.iter().map(|foreign| &foreign.row));
                let decision = self.decided(said, sides, |inputs| decide_again(inputs, &buried));
                self.carry_out(&decision, said, sides);
                return false;
            }
            self.agree(writing, state.moved_at);
            self.left_by(moves.iter().map(|foreign| &foreign.row));
            self.read_up_to(rows.iter().map(|row| row.id).max());
            return true;
        }
        if own {
            // It was taken, and somebody moved the deal since: a claim against what was agreed by
            // the write.
            self.row.writing = None;
            let at = rows
                .iter()
                .filter(|row| row.stage == writing.stage)
                .map(|row| row.at)
                .max();
            self.agree(writing, at);
            return true;
        }
        self.not_written(writing, sides)
    }

    /// Whether the deal came late to where the bridge had sent it before it gave that up for lost:
    /// then nobody else moved it. Told by the deal's time, and by who moved it.
    pub(super) fn landed_late(&mut self, state: &DealState) {
        let Some(lost) = self.row.lost.clone() else {
            return;
        };
        let sent = self.around.clocks.portal.to_theirs(lost.sent);
        let after = |at: DateTime<Utc>| at - sent >= TimeDelta::seconds(-1);
        let ours = self.around.me.is_some() && self.around.me == state.moved_by;
        let other = self
            .agreed
            .as_ref()
            .is_some_and(|agreed| agreed.stage != state.stage);
        if state.stage == lost.stage && ours && other && state.moved_at.is_none_or(after) {
            self.row.lost = None;
            let late = SyncEvent::MoveCameLate {
                stage: (&state.stage).into(),
            };
            let detail = json!({ "deal": self.deal, "decision": lost.decision });
            self.say(LineKind::Note, late, detail);
            let then = lost.agreed.map(|agreed| agreed.status);
            if let (Some(agreed), Some(status)) = (&mut self.agreed, then) {
                agreed.status = status;
                agreed.stage = state.stage.clone();
                agreed.portal_since = state.moved_at;
            }
        } else if self.around.now - lost.sent > LATEST {
            self.row.lost = None;
        }
    }

    /// Whether somebody moved the deal away from what was agreed and back, within a second that its
    /// time does not divide: the history has it. `later` are moves since the agreement.
    pub(super) fn left_meanwhile(&mut self) {
        let around = self.around;
        let Some(later) = around.later.get(&self.deal) else {
            return;
        };
        let known = self.agreed.as_ref().and_then(|agreed| agreed.portal_row);
        let Some(known) = known else {
            return;
        };
        self.left_by(later.iter().filter(|row| row.id > known));
        self.read_up_to(later.iter().map(|row| row.id).max());
    }

    /// The first of these moves that changes the meaning is where the deal left the agreement.
    fn left_by<'r>(&mut self, moves: impl Iterator<Item = &'r HistoryRow>) {
        let map = &self.around.two_way.policy.statuses;
        let Some(agreed) = &mut self.agreed else {
            return;
        };
        let mut moves = moves;
        let away = moves.find(|row| !map.consistent(&agreed.status, &row.stage));
        // Just before: whatever the deal's time says of a later move is after it.
        let left = away.and_then(|row| row.at.checked_sub_signed(TimeDelta::milliseconds(1)));
        agreed.left = agreed.left.or(left);
    }

    fn read_up_to(&mut self, row: Option<u64>) {
        if let Some(agreed) = &mut self.agreed {
            agreed.portal_row = agreed.portal_row.max(row);
        }
    }

    /// The moves of the deal, as far as they were told; none if they were not read.
    fn history(&self) -> Option<Vec<HistoryRow>> {
        match self.around.seen.moves.get(&self.deal) {
            Some(rows) => Some(
                rows.iter()
                    .map(|row| HistoryRow {
                        id: row.id,
                        stage: row.stage.clone(),
                        at: row.at,
                    })
                    .collect(),
            ),
            // A portal that does not tell its history is believed by the deals alone.
            None if self.around.seen.history_fault.is_some() => Some(Vec::new()),
            None => None,
        }
    }

    fn agree(&mut self, writing: &StageWriteInFlight, since: Option<DateTime<Utc>>) {
        if let Some(agreed) = writing.agreed.clone() {
            let mut agreed = agreed.since_then(self.agreed.as_ref(), writing.sent);
            agreed.portal_since = since;
            self.expect_messages(&agreed);
            self.agreed = Some(agreed);
        }
    }

    /// The deal is not where it was written to, and the history has no row of it.
    fn not_written(
        &mut self,
        writing: &StageWriteInFlight,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) -> bool {
        let now = self.around.now;
        match self.around.seen.written.get(&self.deal) {
            Some(StageWritten::Answered) => {
                let fault = MoveFault::NotTaken {
                    stage: (&writing.stage).into(),
                    stands: (&portal.value).into(),
                };
                self.refused_try(ErrorCode::NotTaken, fault, writing, (shop, portal));
                false
            }
            Some(StageWritten::Refused(words)) => {
                let fault = refusal(&writing.stage, words);
                self.refused_try(ErrorCode::Refused, fault, writing, (shop, portal));
                false
            }
            Some(StageWritten::NotRun) => {
                self.unsent(writing);
                let next = TimeDelta::seconds(2);
                if writing.tries > 0 {
                    self.keep_for_next_try(writing, next);
                }
                self.again(next);
                false
            }
            // Sent just now: it may land until the portal's own limit for a call is over. It is
            // looked for meanwhile.
            Some(StageWritten::InDoubt) if !self.around.doubt.is_zero() => {
                let sent = StageWriteInFlight {
                    sent: now,
                    ..writing.clone()
                };
                self.row.writing = Some(sent);
                self.again(self.around.doubt.min(TimeDelta::seconds(1)));
                false
            }
            None if now - writing.sent < self.around.doubt => {
                let since = now - writing.sent;
                let soon = since.max(TimeDelta::seconds(1));
                self.again(soon.min(self.around.doubt - since));
                false
            }
            Some(StageWritten::InDoubt) | None => {
                self.row.lost = Some(writing.clone());
                self.unsent(writing);
                self.before = Some(writing.clone());
                true
            }
        }
    }

    /// A write that came to nothing is no turn, and no try of a person's word.
    fn unsent(&mut self, writing: &StageWriteInFlight) {
        self.row.writing = None;
        let is_it = |turn: &BridgeWrite| {
            turn.wrote == WrittenValue::Stage(writing.stage.clone())
                && writing.turn.is_none_or(|at| turn.at == at)
        };
        if !writing.restores
            && let Some(place) = self.turns.iter().rposition(is_it)
        {
            self.turns.remove(place);
        }
        if let Some(spoken) = &mut self.row.ruling {
            spoken.tries = spoken.tries.saturating_sub(1);
        }
    }

    /// The portal did not take a try: another follows, until it was the last one. Then it is a
    /// person's.
    fn refused_try(
        &mut self,
        code: ErrorCode,
        fault: MoveFault,
        writing: &StageWriteInFlight,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) {
        self.unsent(writing);
        let tries = writing.tries.saturating_add(1);
        let most = self.around.tries.most;
        if tries >= most {
            // Said once, it was tried as often as everything else.
            self.row.ruling = None;
            return self.refused(code, fault, writing, (shop, portal));
        }
        let nth = i32::try_from(tries).unwrap_or(i32::MAX);
        let next = TimeDelta::milliseconds(self.around.tries.delay_ms(nth));
        let tried = StageWriteInFlight {
            tries,
            ..writing.clone()
        };
        self.keep_for_next_try(&tried, next);
        let again = SyncEvent::MoveTriedAgain {
            fault,
            code: code.to_string(),
            attempt: tries,
            of: most,
            next_in_ms: Millis(next.num_milliseconds()),
        };
        self.say(
            LineKind::Refused,
            again,
            json!({ "decision": writing.decision, "deal": self.deal }),
        );
        self.again(next);
    }

    fn keep_for_next_try(&mut self, writing: &StageWriteInFlight, next: TimeDelta) {
        self.row.writing = Some(StageWriteInFlight {
            next_try: Some(self.around.now + next),
            ..writing.clone()
        });
    }

    /// The deal was not read. A write that was refused together with its look is judged by where
    /// the deal stood before.
    pub(super) fn unread(&mut self) {
        let refused = match self.around.seen.written.get(&self.deal) {
            Some(StageWritten::Refused(words)) => self
                .row
                .writing
                .clone()
                .and_then(|writing| Some((words, writing.from.clone()?, writing))),
            _ => None,
        };
        let judged = refused.and_then(|(words, stage, writing)| {
            let state = DealState {
                stage,
                moved_at: None,
                moved_by: None,
            };
            let (_, shop, portal) = self.sides(&state)?;
            Some((words, writing, shop, portal))
        });
        match judged {
            Some((words, writing, shop, portal)) => {
                let fault = refusal(&writing.stage, words);
                self.refused_try(ErrorCode::Refused, fault, &writing, (&shop, &portal));
            }
            None => self.again(TimeDelta::seconds(1)),
        }
    }

    /// Whether the stage is to be written once more, but not yet: somebody asked before it is time.
    pub(super) fn waits_for_next_try(&mut self, action: &Action) -> bool {
        let Action::WritePortal { stage, .. } = action else {
            return false;
        };
        let before = self.before.take_if(|before| before.stage == *stage);
        let Some(before) = before else {
            return false;
        };
        let waits = before.pause_left(self.around.now);
        if let Some(left) = waits {
            self.row.writing = Some(before);
            self.again(left);
        } else {
            self.before = Some(before);
        }
        waits.is_some()
    }

    /// Whether a move that a write of ours buried is still to be brought back, as it was decided:
    /// the deal stands where it stood.
    pub(super) fn restores_again(
        &mut self,
        writing: &StageWriteInFlight,
        portal: &Observation<Stage>,
    ) -> bool {
        if !writing.restores || writing.from.as_ref() != Some(&portal.value) {
            return false;
        }
        if let Some(left) = writing.pause_left(self.around.now) {
            self.row.writing = Some(writing.clone());
            self.again(left);
            return true;
        }
        let next = StageWriteInFlight {
            guard: writing.guard.max(self.around.seen.newest),
            sent: self.around.now,
            next_try: None,
            ..writing.clone()
        };
        self.write(next, None, portal);
        true
    }

    fn refused(
        &mut self,
        code: ErrorCode,
        fault: MoveFault,
        writing: &StageWriteInFlight,
        (shop, portal): (&Observation<String>, &Observation<Stage>),
    ) {
        // What the deal was to follow: what the shop says, or was told since.
        let counts = writing.agreed.as_ref().map(|agreed| &agreed.status);
        let waiting = Waiting {
            status: counts.unwrap_or(&shop.value).clone(),
            stage: portal.value.clone(),
        };
        self.row.waiting = Some(waiting.clone());
        self.row.standing = Some(json!({
            "status": waiting.status, "stage": portal.value, "why": code
        }));
        let left = SyncEvent::MoveLeftToPerson {
            fault: fault.clone(),
            code: code.to_string(),
        };
        self.say(
            LineKind::Conflict,
            left,
            json!({ "decision": writing.decision, "deal": self.deal }),
        );
        self.outcome.conflict = ConflictChange::Open {
            code,
            what: SyncEvent::MoveFailed { fault },
            decision: writing.decision,
        };
    }

    fn tell_of(&mut self, foreign: &ForeignMove) {
        let moved = SyncEvent::DealMovedBeside {
            stage: (&foreign.row.stage).into(),
            when: match foreign.place {
                decision::Place::Before => RowOrder::Before,
                decision::Place::After => RowOrder::After,
            },
        };
        let detail =
            json!({ "deal": self.deal, "move": foreign.row.id, "portal_clock": foreign.row.at });
        self.say(LineKind::Moved, moved, detail);
    }
}
