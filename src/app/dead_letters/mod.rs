//! Dead letters: to read, mend, replay or let go.

pub(super) mod bug_letters;
pub(super) mod bulk;
pub(super) mod fields;
pub(super) mod filter;
pub(super) mod import;
pub(super) mod outdated;
mod refused_events;
pub(super) mod retry;
pub(super) mod tries;

use super::{
    Actor, Error, Forms, Intake, LaneWaker, LetterFilter, Onec, Registry, Shared, Stock, Traps,
    page::page_size, sync::conflicts,
};
use crate::{
    domain::{
        ErrorCode, Fault, OrderKey,
        happening::{Act, OrderEvent, SyncEvent, Words},
    },
    process::telemetry::Metrics,
    storage::{
        ClosedHow, DecisionAction, DecisionBasis,
        dead_letters::{self, CountRow, LetterRow},
        journal::{self, Line, LineKind},
        queue::{attempts, orders},
        sync::{
            decisions::{self, NewDecision},
            status_changes,
        },
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use std::{slice, sync::Arc};
use utoipa::ToSchema;

/// Dead letters are listed, retried and discarded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    db: PgPool,
    traps: Traps,
    metrics: Metrics,
    registry: Arc<Registry>,
    waker: LaneWaker,
    intake: Arc<Intake>,
    forms: Arc<Forms>,
    stock: Arc<Stock>,
    onec: Arc<Onec>,
}

impl DeadLetters {
    pub(super) fn new(
        shared: &Shared,
        intake: &Arc<Intake>,
        forms: &Arc<Forms>,
        stock: &Arc<Stock>,
        onec: &Arc<Onec>,
    ) -> Self {
        Self {
            db: shared.db.clone(),
            traps: shared.traps.clone(),
            metrics: shared.metrics.clone(),
            registry: Arc::clone(&shared.registry),
            waker: shared.waker.clone(),
            intake: Arc::clone(intake),
            forms: Arc::clone(forms),
            stock: Arc::clone(stock),
            onec: Arc::clone(onec),
        }
    }
}

const LONGEST_REASON: usize = 1000;
/// Tries shown with a letter.
const MOST_ATTEMPTS: i64 = 100;

/// A dead letter: what will not be tried again by itself, with why and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Letter)]
pub struct DeadLetter {
    /// The letter's id, by which it is retried or discarded.
    pub id: i64,
    /// The shop, if the event named a known one.
    pub shop: Option<String>,
    /// The portal it was for, if the shop is known.
    pub portal: Option<String>,
    /// The number of the order, or the key of what else the letter is about.
    pub number: Option<String>,
    /// The stable code of what went wrong.
    pub code: String,
    /// What exactly, in the words of whoever refused.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Tries that the remote side judged.
    pub attempts: i32,
    /// When it first failed.
    pub first_failed_at: DateTime<Utc>,
    /// When it last failed.
    pub last_failed_at: DateTime<Utc>,
    /// What failed, as JSON: the event, or the thing that `about` names.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub payload: Value,
    /// The change that the shop could not be told, where the letter is about one.
    pub change_seq: Option<i64>,
    /// What else the letter is about, where it is no event either: `comparison`, `origin` (an order
    /// that is looked up by it), `notification`, `move` (a row of the portal's stage history),
    /// `delivery` (of a shop's webhook), `document` (of 1C), `push` (of an order to 1C) or `count`
    /// (of goods).
    /// There is nothing to mend in its payload.
    pub about: Option<String>,
}

/// One letter with all that is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = WholeLetter)]
pub struct DeadLetterDetail {
    /// The letter, as lists show it.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// What its code means, in one sentence.
    pub sentence: String,
    /// How it ended; none while it is open.
    pub closed: Option<Closure>,
    /// Every try that the portal judged, oldest first: at most the newest 100.
    pub tries: Vec<Attempt>,
}

/// How a letter ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Closed)]
pub struct Closure {
    /// When it was closed.
    pub at: DateTime<Utc>,
    /// `retried`, `discarded`, `overtaken` by something newer of the order, or `duplicate`: its
    /// event was accepted before.
    #[schema(value_type = String)]
    pub how: ClosedHow,
    /// Who closed it; `bridge`: it closed by itself.
    pub by: Option<String>,
    /// The reason that was given, or what came instead.
    pub reason: Option<String>,
}

/// One try that the portal judged and refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attempt {
    /// When the portal judged it.
    pub at: DateTime<Utc>,
    /// Which try; 1 again after a retry by hand.
    pub nth: i32,
    /// The stable code of the refusal.
    pub code: String,
    /// The portal's own words.
    pub message: String,
}

/// Open letters of one code in one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LetterCount {
    /// The portal of these letters; null if it is not known.
    pub portal: Option<String>,
    /// The shop of these letters; null if it is not known.
    pub shop: Option<String>,
    /// The code that they share.
    pub code: String,
    /// How many letters are open.
    pub letters: i64,
    /// Since when the oldest fails.
    pub oldest: DateTime<Utc>,
}

/// Open letters by code, shop and portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LetterCounts {
    /// All of them: what a bulk job wants to be shown.
    pub total: i64,
    /// The counts, the largest first.
    pub items: Vec<LetterCount>,
}

/// A page of letters.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LetterPage {
    /// The letters, oldest first if not asked otherwise.
    pub items: Vec<DeadLetter>,
    /// Where the next page starts; none if this is the last.
    pub next: Option<i64>,
}

/// How to try a letter again.
#[derive(Debug, Clone, Default)]
pub struct Retry {
    /// A mended event, or a mended snapshot (the event's `data`).
    pub payload: Option<Value>,
    /// Make a new deal if the old one is gone.
    pub recreate: bool,
}

/// What a retry came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Retried)]
pub enum RetryOutcome {
    /// The event waits for its lane again.
    Queued,
    /// The shop has sent a newer snapshot since: the letter was closed, nothing is sent.
    Overtaken,
    /// The letter's event was accepted before: the letter was closed, nothing is sent twice.
    Duplicate,
}

impl LetterPage {
    /// One JSON object a line, as an import takes them.
    pub fn lines(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for letter in &self.items {
            text.push_str(&serde_json::to_string(letter)?);
            text.push('\n');
        }
        Ok(text)
    }
}

impl From<Vec<CountRow>> for LetterCounts {
    fn from(rows: Vec<CountRow>) -> Self {
        let items = rows.into_iter().map(|row| LetterCount {
            portal: row.portal,
            shop: row.shop,
            code: row.code,
            letters: row.letters,
            oldest: row.oldest,
        });
        let items: Vec<_> = items.collect();
        let total = items.iter().map(|item| item.letters).sum();
        Self { total, items }
    }
}

impl From<LetterRow> for DeadLetter {
    fn from(row: LetterRow) -> Self {
        Self {
            id: row.id,
            shop: row.shop,
            portal: row.portal,
            number: row.number,
            code: row.code,
            message: row.message,
            remedy: row.remedy,
            attempts: row.attempts,
            first_failed_at: row.first_failed_at,
            last_failed_at: row.last_failed_at,
            payload: row.payload.shown(),
            change_seq: row.change_seq,
            about: row.about,
        }
    }
}

impl DeadLetters {
    /// A page of the open letters that the filter lets through, the oldest first.
    pub async fn dead_letters(&self, filter: &LetterFilter) -> Result<LetterPage, Error> {
        let limit = page_size(filter.limit);
        let wanted = filter.rows(filter.after.unwrap_or(0), i64::from(limit) + 1);
        let mut db = self.db.acquire().await?;
        let mut rows = dead_letters::list(&mut db, &wanted).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Ok(LetterPage {
            items: rows.into_iter().map(DeadLetter::from).collect(),
            next,
        })
    }

    /// How many open letters the filter means, and a page of them, the oldest or the newest first.
    /// The letters are looked through once for both.
    pub async fn find_letters(
        &self,
        filter: &LetterFilter,
        newest_first: bool,
    ) -> Result<(LetterCounts, LetterPage), Error> {
        let limit = page_size(filter.limit);
        let start = if newest_first { i64::MAX } else { 0 };
        let wanted = filter.rows(filter.after.unwrap_or(start), i64::from(limit) + 1);
        let mut db = self.db.acquire().await?;
        let counts = dead_letters::find(&mut db, &wanted, newest_first).await?;
        let mut ids: Vec<i64> = counts.iter().flat_map(|row| &row.page).copied().collect();
        ids.sort_unstable();
        if newest_first {
            ids.reverse();
        }
        let more = ids.len() > limit as usize;
        ids.truncate(limit as usize);
        let rows = dead_letters::of_ids(&mut db, &ids).await?;
        let page = LetterPage {
            items: rows.into_iter().map(DeadLetter::from).collect(),
            next: ids.last().copied().filter(|_| more),
        };
        Ok((counts.into(), page))
    }

    /// One open letter; none if there is none of that id, or it is closed.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(dead_letters::open(&mut db, id).await?.map(DeadLetter::from))
    }

    /// How many open letters the filter means, by code, shop and portal; the filter's page plays no
    /// part.
    pub async fn count_letters(&self, filter: &LetterFilter) -> Result<LetterCounts, Error> {
        let mut db = self.db.acquire().await?;
        let counts = dead_letters::counts(&mut db, &filter.rows(0, 0)).await?;
        Ok(counts.into())
    }

    /// One letter, open or closed, with its tries; none if there never was one of that id, or it is
    /// pruned.
    pub async fn whole_letter(&self, id: i64) -> Result<Option<DeadLetterDetail>, Error> {
        let mut db = self.db.acquire().await?;
        let Some(row) = dead_letters::any(&mut db, id).await? else {
            return Ok(None);
        };
        let closed = dead_letters::end(&mut db, id).await?.map(|row| Closure {
            at: row.at,
            how: row.how,
            by: row.by,
            reason: row.reason,
        });
        let tries = match row.outbox_id {
            Some(event) => attempts::of_event(&mut db, event, MOST_ATTEMPTS).await?,
            None => Vec::new(),
        };
        let sentence = ErrorCode::parse(&row.code)
            .map_or("", ErrorCode::sentence)
            .to_owned();
        let attempt = |row: attempts::AttemptRow| Attempt {
            at: row.at,
            nth: row.nth,
            code: row.code,
            message: row.message,
        };
        Ok(Some(DeadLetterDetail {
            letter: row.into(),
            sentence,
            closed,
            tries: tries.into_iter().map(attempt).collect(),
        }))
    }

    /// Lets a letter go, for a reason of 1 to 1,000 characters that is put on record.
    pub async fn discard(&self, id: i64, who: &Actor, reason: &str) -> Result<(), Error> {
        let reason = checked_reason(reason)?;
        let mut tx = self.db.begin().await?;
        self.discard_in(&mut tx, id, who, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The same inside a transaction of the caller's.
    pub(super) async fn discard_in(
        &self,
        tx: &mut PgConnection,
        id: i64,
        who: &Actor,
        reason: &str,
    ) -> Result<(), Error> {
        let letter = dead_letters::open(tx, id).await?.ok_or(Error::NotFound)?;
        if let (Some(shop), Some(number)) = (&letter.shop, &letter.number) {
            orders::lock(tx, slice::from_ref(shop), slice::from_ref(number)).await?;
        }
        if !dead_letters::close(tx, id, ClosedHow::Discarded, &who.0, Some(reason)).await? {
            return Err(Error::NotFound);
        }
        if let (Some(shop), Some(seq)) = (&letter.shop, letter.change_seq) {
            let_go(tx, shop, seq, (who, reason)).await?;
        }
        bug_letters::let_go(tx, &letter).await?;
        if let Some(document) = bug_letters::document(&letter)? {
            let order = letter.shop.as_deref().zip(letter.number.as_deref());
            let order = order.map(|(shop, number)| OrderKey::new(shop, number));
            self.onec
                .discard_document(tx, document, order.as_ref())
                .await?;
        }
        let detail = json!({ "reason": reason });
        let act = Act::LetterDiscarded {
            letter: id,
            reason: Words(reason.to_owned()),
        };
        journal::audit(tx, &who.0, &act, &id.to_string(), &detail).await?;
        if let (Some(shop), Some(number)) = (letter.shop, letter.number) {
            if letter.code == ErrorCode::DealGone.as_str() {
                conflicts::close_gone_conflict(tx, &shop, &number, who).await?;
            }
            let what = OrderEvent::LetterDiscarded {
                letter: id,
                who: who.0.clone(),
                reason: Words(reason.to_owned()),
            };
            journal::add(
                tx,
                &[Line {
                    shop,
                    number,
                    kind: LineKind::Discarded,
                    what: what.into(),
                    detail: None,
                }],
            )
            .await?;
        }
        Ok(())
    }
}

/// Puts on record that a shop is not told something: what it has and where the deal stands stay
/// different.
async fn let_go(
    tx: &mut PgConnection,
    shop: &str,
    seq: i64,
    (who, reason): (&Actor, &str),
) -> Result<(), Error> {
    let Some(change) = status_changes::one(tx, shop, seq).await? else {
        return Ok(());
    };
    let mut ids = decisions::reserve(tx, 1).await?;
    let id = ids.next_id();
    ids.enough()?;
    let what = SyncEvent::ShopNotTold {
        who: who.0.clone(),
        status: change.status.clone(),
        reason: Words(reason.to_owned()),
    };
    let decision = NewDecision {
        id,
        shop: change.shop.clone(),
        number: change.number.clone(),
        action: DecisionAction::LetGo,
        basis: DecisionBasis::Ruling,
        winner: None,
        what: what.clone(),
        inputs: json!({
            "change": seq, "decision": change.decision_id, "decided_at": change.decided_at,
                "status": change.status,
            "previous_status": change.previous_status, "stage": change.stage,
        }),
        outcome: json!({ "let_go": change.status, "by": who.0, "reason": reason }),
    };
    decisions::insert(tx, &change.portal, &[decision]).await?;
    let line = Line {
        shop: change.shop,
        number: change.number,
        kind: LineKind::Decided,
        what: what.into(),
        detail: Some(json!({ "decision": id, "change": seq })),
    };
    Ok(journal::add(tx, &[line]).await?)
}

/// A reason that can be put on record.
pub(super) fn checked_reason(reason: &str) -> Result<&str, Error> {
    let reason = reason.trim();
    if (1..=LONGEST_REASON).contains(&reason.chars().count()) && !reason.contains('\0') {
        return Ok(reason);
    }
    let detail = format!("a reason of 1 to {LONGEST_REASON} characters is needed");
    Err(Error::Invalid(vec![Fault {
        pointer: "/reason".to_owned(),
        detail,
    }]))
}
