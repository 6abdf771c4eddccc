//! The batch that comparisons store, gathered from their outcomes.

use super::{Comparison, ComparisonResult, columns, status_of};
use crate::{
    app::sync::order::{ConflictChange, NextStep, Outcome, explained},
    domain::{OrderKey, happening::OrderEvent},
    planner::StageWrite,
    storage::{
        self, DecisionWinner, dead_letters,
        journal::{self, Line, LineKind},
        queue::portal_identity,
        sync::{
            agreements,
            comparisons::{self, DueComparison},
            conflicts::{self, NewConflict},
            decisions::{self, NewDecision},
            status_changes::{self, NewChange},
        },
    },
};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Everything a comparison stores besides the agreements.
#[derive(Default)]
pub(super) struct SyncBatch {
    decisions: Vec<NewDecision>,
    pub(super) winners: Vec<Option<DecisionWinner>>,
    pub(super) changes: Vec<NewChange>,
    /// Orders that have another status by now, or whose goods may not have followed it.
    pub(super) moved: Vec<OrderKey>,
    lines: Vec<Line>,
    opened: Vec<NewConflict>,
    closed: Vec<OrderKey>,
    awaited: Vec<status_changes::AwaitedChanges>,
    pub(super) done: Vec<DueComparison>,
    again: BTreeMap<i64, Vec<DueComparison>>,
    moves: Vec<(Comparison, StageWrite)>,
    /// Orders that were compared.
    seen: Vec<OrderKey>,
    /// Orders whose deal turned out to be another's.
    foreign: Vec<OrderKey>,
    /// Orders whose deal the portal shows.
    pub(super) shown: Vec<OrderKey>,
}

impl SyncBatch {
    fn change_conflict(&mut self, change: ConflictChange, row: &agreements::Row) {
        let (shop, number) = (row.shop.clone(), row.number.clone());
        match change {
            ConflictChange::Keep => {}
            ConflictChange::Close => self.closed.push(OrderKey { shop, number }),
            ConflictChange::Open {
                code,
                what,
                decision,
            } => self.opened.push(NewConflict {
                status: status_of(row),
                stage: row.stage.clone().unwrap_or_default(),
                shop,
                number,
                decision,
                code: code.as_str().to_owned(),
                what,
            }),
        }
    }

    pub(super) fn add(
        &mut self,
        mut one: Comparison,
        outcome: Outcome,
        row: &agreements::Row,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), storage::Error> {
        let (shop, number) = (row.shop.clone(), row.number.clone());
        for recorded in &outcome.recorded {
            self.winners.push(recorded.winner());
            self.decisions.push(NewDecision {
                id: recorded.id,
                shop: shop.clone(),
                number: number.clone(),
                action: recorded.action(),
                basis: recorded.basis(),
                winner: recorded.winner(),
                what: explained(&recorded.decision),
                inputs: recorded.inputs.clone(),
                outcome: storage::written(&recorded.decision)?,
            });
        }
        for line in outcome.lines {
            self.lines.push(Line {
                shop: shop.clone(),
                number: number.clone(),
                kind: line.kind,
                what: line.what,
                detail: Some(line.detail),
            });
        }
        if let Some(message) = outcome.tell {
            // A question changes nothing.
            if message.status != message.previous {
                self.moved.push(OrderKey::new(&shop, &number));
            }
            self.changes.push(NewChange {
                shop: shop.clone(),
                number: number.clone(),
                decision: message.decision,
                status: message.status,
                previous: message.previous,
                stage: message.stage.id,
                reason: message.reason,
                decided_at: now,
                denies: outcome.denies,
                document: None,
            });
        }
        if outcome.shown {
            self.shown.push(OrderKey::new(&shop, &number));
        }
        if outcome.foreign {
            // What the deal's word was is its word no longer.
            self.moved.push(OrderKey::new(&shop, &number));
            self.foreign.push(OrderKey::new(&shop, &number));
        }
        if let Some(awaited) = outcome.awaited {
            self.awaited.push((OrderKey::new(&shop, &number), awaited));
        }
        self.change_conflict(outcome.conflict, row);
        match outcome.then {
            NextStep::Done => {
                self.seen.push(OrderKey::new(&row.shop, &row.number));
                self.done.push(one.claimed);
            }
            NextStep::Again(after) => {
                let after = after.num_milliseconds().max(50);
                self.again.entry(after).or_default().push(one.claimed);
            }
            NextStep::Written(write) => {
                one.guard = Some(write.guard);
                self.moves.push((one, write));
            }
        }
        Ok(())
    }

    pub(super) async fn write(
        mut self,
        db: &mut PgConnection,
        portal: &str,
    ) -> Result<ComparisonResult, storage::Error> {
        decisions::insert(db, portal, &self.decisions).await?;
        let (shops, numbers, asked) = columns(self.done.iter());
        comparisons::done(db, &shops, &numbers, &asked).await?;
        let mut put_off = 0;
        for (after, claimed) in &self.again {
            let (shops, numbers, _) = columns(claimed.iter());
            comparisons::postpone(db, &shops, &numbers, *after).await?;
            put_off += claimed.len();
        }
        if !self.foreign.is_empty() {
            let (shops, numbers) = OrderKey::columns(self.foreign);
            portal_identity::release(db, &shops, &numbers).await?;
        }
        status_changes::drop_except(db, &self.awaited).await?;
        status_changes::add(db, portal, &self.changes).await?;
        if !self.closed.is_empty() {
            let (shops, numbers) = OrderKey::columns(self.closed);
            conflicts::close(db, &shops, &numbers).await?;
        }
        for opened in &self.opened {
            conflicts::open(db, portal, opened).await?;
        }
        // A letter about a comparison is closed by the next that goes well.
        let (shops, numbers) = OrderKey::columns(self.seen);
        for letter in dead_letters::compared(db, &shops, &numbers).await? {
            self.lines.push(Line {
                shop: letter.shop,
                number: letter.number,
                kind: LineKind::Overtaken,
                what: OrderEvent::LetterCompared { letter: letter.id }.into(),
                detail: None,
            });
        }
        journal::add(db, &self.lines).await?;
        Ok(ComparisonResult {
            writes: self.moves,
            decided: self.decisions.len(),
            put_off,
        })
    }
}
