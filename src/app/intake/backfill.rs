//! Loading a history of orders from a file.
//!
//! The position in the file is stored in the transaction that stores the orders, so whoever goes on
//! after an interruption begins exactly where the last one ended, and two who load the same file do
//! not load a line twice.

use super::accept;
use crate::{
    app::{Accepted, Error, Intake, bisection::Bisection},
    domain::{ErrorCode, Fault, Faults, PortalName, ShopName},
    process::bug::{self, Step},
    storage::{
        intake::backfills::{self, Position},
        queue::{orders, outbox::NewEvent},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A file of history, one order a line, and the shop whose orders they are.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// The shop whose orders they are.
    pub shop: ShopName,
    /// SHA-256 of the file.
    pub file: [u8; 32],
    /// New deals are imported: the portal starts none of its automation for them. Holds for the
    /// lines that are taken in with it.
    pub import: bool,
}

/// What became of a step.
#[derive(Debug, Clone, Default)]
pub struct BackfillStep {
    /// Orders that were stored.
    pub queued: usize,
    /// Lines that were here before.
    pub known: usize,
    /// Lines that cannot be used: their number, counted from one, and why.
    pub refused: Vec<(u64, String)>,
    /// Lines of the file that are done with.
    pub done: u64,
}

impl BackfillStep {
    /// Lines that were looked at.
    fn lines(&self) -> u64 {
        (self.queued + self.known + self.refused.len()) as u64
    }
}

impl Intake {
    /// How many lines of a file are done with.
    pub async fn backfill_position(&self, of: &Backfill) -> Result<u64, Error> {
        let mut db = self.db.acquire().await?;
        let position = backfills::lock(&mut db, &of.file, of.shop.as_str()).await?;
        Ok(position.lines.unsigned_abs())
    }

    /// Takes lines in, of which the first comes after `done` others. Nothing happens if somebody
    /// else has gone on meanwhile: then the step only says how far. A line that cannot be stored is
    /// refused, and the others are taken.
    pub async fn backfill(
        &self,
        of: &Backfill,
        done: u64,
        lines: &[Vec<u8>],
    ) -> Result<BackfillStep, Error> {
        let mut sum = BackfillStep {
            done,
            ..BackfillStep::default()
        };
        let mut parts = Bisection::of(lines.to_vec());
        while let Some(part) = parts.next() {
            let from = sum.done;
            let step = match self.backfill_some(of, from, &part, None).await {
                Err(error) if error.is_of_the_row() => {
                    let Some(line) = parts.failed(part) else {
                        continue;
                    };
                    let why = error.chain();
                    self.backfill_some(of, from, &[line], Some(&why)).await?
                }
                step => step?,
            };
            let mine = step.done == from + step.lines();
            sum.queued += step.queued;
            sum.known += step.known;
            sum.refused.extend(step.refused);
            sum.done = step.done;
            if !mine {
                break;
            }
        }
        Ok(sum)
    }

    /// Takes some lines in, in one transaction: all of them or none. With `why` they are refused
    /// for it.
    async fn backfill_some(
        &self,
        of: &Backfill,
        done: u64,
        lines: &[Vec<u8>],
        why: Option<&str>,
    ) -> Result<BackfillStep, Error> {
        bug::caught_in(Box::pin(self.backfill_in_one(of, done, lines, why))).await?
    }

    async fn backfill_in_one(
        &self,
        of: &Backfill,
        done: u64,
        lines: &[Vec<u8>],
        why: Option<&str>,
    ) -> Result<BackfillStep, Error> {
        let read: Vec<_> = lines
            .iter()
            .map(|line| match why {
                Some(why) => Err(refused(why)),
                None => self.history(of, line),
            })
            .collect();
        let good: Vec<&NewEvent> = read.iter().filter_map(|one| one.as_ref().ok()).collect();
        let mut tx = self.db.begin().await?;
        let position = backfills::lock(&mut tx, &of.file, of.shop.as_str()).await?;
        if position.lines.unsigned_abs() != done {
            tx.rollback().await?;
            return Ok(BackfillStep {
                done: position.lines.unsigned_abs(),
                ..BackfillStep::default()
            });
        }
        for event in &good {
            self.traps.step(Step::TakeUp, &event.event_id);
        }
        let stored = accept::store(self, &mut tx, &good).await?;
        let mut step = BackfillStep::default();
        let mut results = stored.results.iter();
        for (number, one) in (done + 1..).zip(&read) {
            match one {
                Err(faults) => step.refused.push((number, crate::app::sentence(faults))),
                Ok(_) => match results.next() {
                    Some(Accepted::Queued) => step.queued += 1,
                    Some(Accepted::Conflict) => {
                        step.refused
                            .push((number, ErrorCode::Conflict.sentence().to_owned()));
                    }
                    _ => step.known += 1,
                },
            }
        }
        if of.import {
            let queued = good.iter().zip(&stored.results);
            let queued = queued.filter(|(_, result)| **result == Accepted::Queued);
            let numbers: Vec<String> = queued.map(|(event, _)| event.number.clone()).collect();
            orders::set_by_import(&mut tx, of.shop.as_str(), &numbers).await?;
        }
        step.done = done + lines.len() as u64;
        let refused = i64::try_from(step.refused.len()).unwrap_or(i64::MAX);
        let position = Position {
            lines: i64::try_from(step.done).unwrap_or(i64::MAX),
            refused: position.refused.saturating_add(refused),
        };
        backfills::store(&mut tx, &of.file, of.shop.as_str(), position).await?;
        tx.commit().await?;
        self.wake_lanes(&good, &stored);
        Ok(step)
    }

    /// How many orders of history wait for a portal, at most `most`.
    pub async fn history_waiting(&self, portal: &PortalName, most: u32) -> Result<u64, Error> {
        let mut db = self.db.acquire().await?;
        let count = backfills::waiting(&mut db, portal.as_str(), i64::from(most)).await?;
        Ok(count.unsigned_abs())
    }

    fn history(&self, of: &Backfill, line: &[u8]) -> Result<NewEvent, Faults> {
        let value: Value =
            serde_json::from_slice(line).map_err(|error| refused(&format!("not JSON: {error}")))?;
        let event = event_of(value, line);
        let read = self.read_event(Some(&of.shop), &event);
        let event = read.map_err(|rejection| rejection.faults)?;
        Ok(NewEvent {
            later: true,
            ..event
        })
    }
}

fn refused(detail: &str) -> Faults {
    vec![Fault {
        pointer: String::new(),
        detail: detail.to_owned(),
    }]
}

/// A line is an event, or an order alone: then its identity is what it says, so that a line is the
/// same wherever it stands.
fn event_of(value: Value, line: &[u8]) -> Value {
    if value.get("specversion").is_some() {
        return value;
    }
    let id = URL_SAFE_NO_PAD.encode(Sha256::digest(line));
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "urn:b24-bridge:history",
            "id": id, "data": value
    })
}
