//! Retrying or discarding many dead letters: a stored job, worked off in small batches, that
//! survives a restart.

use crate::{
    app::{
        Actor, DeadLetters, Error, LetterFilter, LetterQuery, Retry, delivery::dead_letter::clean,
    },
    domain::{Fault, happening::Act, words},
    process::bug,
    storage::{
        BulkState, Json,
        dead_letters::{
            self, LetterRow,
            bulk_jobs::{self, JobRow, NewJob},
        },
        journal,
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use utoipa::ToSchema;

/// Letters in one turn.
const BATCH: usize = 50;
/// Letters in one job.
const MOST: i64 = 100_000;
const MOST_JOBS: i64 = 100;

words! {
    /// What a job does with every letter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum BulkAction {
        /// Try again as it is.
        Retry = "retry",
        /// Close them without another try, for a reason that is put on record.
        Discard = "discard",
    }
}

/// What is asked of a job.
#[derive(Debug, Clone)]
pub struct BulkRequest {
    /// What to do with every letter.
    pub action: BulkAction,
    /// Which letters; a filter that means every letter is refused, and its page plays no part.
    pub filter: LetterFilter,
    /// How many letters the person has seen the filter to mean. Any other number than there are now
    /// is refused.
    pub expect: i64,
    /// Why they are let go; needed to discard.
    pub reason: Option<String>,
    /// To retry: make new deals where the old ones are gone.
    pub recreate: bool,
}

/// A job and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BulkJob {
    /// The job's id, by which it is asked for and stopped.
    pub id: i64,
    /// What is done to each letter: `retry` or `discard`.
    pub action: String,
    /// Which letters; empty where that cannot be read, which `last_fault` says.
    pub filter: LetterQuery,
    /// Why they are let go.
    pub reason: Option<String>,
    /// Who asked for it: `operator:NAME` or `cli:USER`.
    pub actor: String,
    /// How many letters the filter meant when the job was stored.
    pub expected: i64,
    /// Letters closed so far.
    pub done: i64,
    /// Letters that stay open, since they could not be tried again.
    pub failed: i64,
    /// Why the last of those could not.
    pub last_fault: Option<String>,
    /// How far it is: `running`, `done` or `stopped`.
    #[schema(value_type = String)]
    pub state: BulkState,
    /// When it was asked for, by the database's clock.
    pub created_at: DateTime<Utc>,
    /// When it ended or was stopped; null while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who stopped it; `bridge`: it cannot be read.
    pub stopped_by: Option<String>,
}

/// Jobs over many letters, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BulkJobs {
    /// At most the newest 100.
    pub items: Vec<BulkJob>,
}

impl From<JobRow> for BulkJob {
    fn from(row: JobRow) -> Self {
        let (filter, fault) = match query_of(&row.filter) {
            Ok(filter) => (filter, None),
            Err(why) => (LetterQuery::default(), Some(why)),
        };
        Self {
            id: row.id,
            action: row.action,
            filter,
            reason: row.reason,
            actor: row.actor,
            expected: row.expected,
            done: row.done,
            failed: row.failed,
            last_fault: row.last_fault.or(fault),
            state: row.state,
            created_at: row.created_at,
            ended_at: row.ended_at,
            stopped_by: row.stopped_by,
        }
    }
}

impl DeadLetters {
    /// Stores a job over many letters; the worker does it. Refused unless there are exactly as many
    /// letters as the person has seen, so that nobody closes more than was meant. Letters that come
    /// later are left alone.
    pub async fn start_bulk(&self, bulk: &BulkRequest, who: &Actor) -> Result<BulkJob, Error> {
        let reason = match (bulk.action, &bulk.reason) {
            (BulkAction::Discard, reason) => Some(super::checked_reason(
                reason.as_deref().unwrap_or_default(),
            )?),
            (BulkAction::Retry, _) => None,
        };
        if bulk.filter.is_empty() {
            return Err(refused(
                "/filter",
                "a filter is needed: every letter is too many".to_owned(),
            ));
        }
        let mut tx = self.db.begin().await?;
        let counts = dead_letters::counts(&mut tx, &bulk.filter.rows(0, 0)).await?;
        let found = counts.iter().map(|row| row.letters).sum();
        if found != bulk.expect {
            return Err(Error::Count {
                expected: bulk.expect,
                found,
            });
        }
        if found == 0 || found > MOST {
            return Err(refused(
                "/expect",
                format!("a job takes 1 to {MOST} letters: here are {found}"),
            ));
        }
        let filter = json!(bulk.filter.to_query());
        let new = NewJob {
            action: bulk.action.as_str(),
            filter: &filter,
            reason,
            recreate: bulk.recreate,
            actor: &who.0,
            expected: found,
            upto: counts.iter().map(|row| row.newest_id).max().unwrap_or(0),
        };
        let id = bulk_jobs::add(&mut tx, &new).await?;
        let detail = json!({
            "action": new.action, "filter": filter, "letters": found, "reason": reason, "recreate":
                bulk.recreate,
        });
        let act = Act::BulkStarted {
            job: id,
            letters: found,
        };
        journal::audit(&mut tx, &who.0, &act, &id.to_string(), &detail).await?;
        let job = bulk_jobs::one(&mut tx, id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(job.into())
    }

    /// Jobs, the newest first.
    pub async fn bulk_jobs(&self) -> Result<BulkJobs, Error> {
        let mut db = self.db.acquire().await?;
        let rows = bulk_jobs::list(&mut db, None, MOST_JOBS).await?;
        Ok(BulkJobs {
            items: rows.into_iter().map(BulkJob::from).collect(),
        })
    }

    /// One job as far as it has come; `None` if there is none of this id.
    pub async fn bulk_job(&self, id: i64) -> Result<Option<BulkJob>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(bulk_jobs::one(&mut db, id).await?.map(BulkJob::from))
    }

    /// Stops a running job after the batch in hand; what it has done stays done.
    pub async fn stop_bulk(&self, id: i64, who: &Actor) -> Result<BulkJob, Error> {
        let mut tx = self.db.begin().await?;
        if !bulk_jobs::stop(&mut tx, id, &who.0).await? {
            return Err(Error::NotFound);
        }
        let act = Act::BulkStopped { job: id };
        journal::audit(&mut tx, &who.0, &act, &id.to_string(), &json!({})).await?;
        let job = bulk_jobs::one(&mut tx, id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(job.into())
    }

    /// Does the next letters of a running job, each in a transaction of its own: after a crash none
    /// of them is half done, and no two orders are locked one after the other. Returns the job it
    /// worked on last; none if there is nothing to do, or others are at it.
    pub async fn work_bulk(&self) -> Result<Option<BulkJob>, Error> {
        let mut worked = None;
        for _ in 0..BATCH {
            let Some(job) = self.work_next().await? else {
                break;
            };
            let ended = job.state != BulkState::Running;
            worked = Some(job.into());
            if ended {
                break;
            }
        }
        Ok(worked)
    }

    /// Does the next letter of a running job, or ends a job that has none left.
    async fn work_next(&self) -> Result<Option<JobRow>, Error> {
        let mut tx = self.db.begin().await?;
        let Some(mut job) = bulk_jobs::take(&mut tx).await? else {
            return Ok(None);
        };
        let (action, filter) = match action_of(&job).and_then(|of| Ok((of, filter_of(&job)?))) {
            Ok(read) => read,
            Err(why) => {
                // It would be the same for ever, and the jobs behind it wait.
                let why = format!("which letters it means cannot be read: {why}");
                tracing::error!(job = job.id, why, "a job over dead letters is stopped");
                job.last_fault = Some(clean(&why));
                job.state = BulkState::Stopped;
                job.stopped_by = Some("bridge".to_owned());
                bulk_jobs::progress(&mut tx, &job).await?;
                tx.commit().await?;
                return Ok(Some(job));
            }
        };
        let mut wanted = filter.rows(job.reached, 1);
        wanted.upto = Some(job.upto);
        let mut lanes = Vec::new();
        match dead_letters::list(&mut tx, &wanted).await?.first() {
            Some(letter) => {
                self.work_one(&mut tx, (&mut job, action), letter, &mut lanes)
                    .await?;
                job.reached = letter.id;
            }
            None => job.state = BulkState::Done,
        }
        bulk_jobs::progress(&mut tx, &job).await?;
        tx.commit().await?;
        for lane in lanes {
            self.waker.wake(&lane);
        }
        Ok(Some(job))
    }

    async fn work_one(
        &self,
        tx: &mut PgConnection,
        (job, action): (&mut JobRow, BulkAction),
        letter: &LetterRow,
        lanes: &mut Vec<String>,
    ) -> Result<(), Error> {
        let who = Actor::new(job.actor.clone());
        let mut point = tx.begin().await?;
        let work = async {
            if action == BulkAction::Discard {
                let reason = job.reason.as_deref().unwrap_or_default();
                let done = self.discard_in(&mut point, letter.id, &who, reason).await;
                return done.map(|()| Vec::new());
            }
            let options = Retry {
                payload: None,
                // Of a message to the shop there is no deal to be made anew.
                recreate: job.recreate && letter.change_seq.is_none(),
            };
            let done = self.retry_in(&mut point, letter.id, &who, options).await;
            done.map(|(_, lanes)| lanes)
        };
        let worked = bug::caught_in(Box::pin(work)).await;
        match worked.unwrap_or_else(|bug| Err(bug.into())) {
            Ok(ring) => {
                point.commit().await?;
                job.done += 1;
                lanes.extend(ring);
            }
            Err(fault @ (Error::Invalid(_) | Error::NotFound)) => {
                point.rollback().await?;
                job.failed += 1;
                let fault = format!("letter {}: {fault}", letter.id);
                job.last_fault = Some(fault.chars().take(2000).collect());
            }
            Err(error) if error.is_of_the_row() => {
                point.rollback().await?;
                job.failed += 1;
                let fault = format!("letter {}: {}", letter.id, error.chain());
                job.last_fault = Some(clean(&fault));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn query_of(filter: &Json) -> Result<LetterQuery, String> {
    let filter = filter.value().map_err(str::to_owned)?;
    serde_json::from_value(filter.clone()).map_err(|no| no.to_string())
}

/// What is done with every letter. A word that this version does not know is no retry.
fn action_of(job: &JobRow) -> Result<BulkAction, String> {
    let mut known = BulkAction::ALL.iter().copied();
    let action = known.find(|action| action.as_str() == job.action);
    action.ok_or_else(|| format!("`{}` is no action", job.action))
}

fn filter_of(job: &JobRow) -> Result<LetterFilter, String> {
    let query = query_of(&job.filter)?;
    query
        .parse()
        .map_err(|faults| crate::app::sentence(&faults))
}

fn refused(pointer: &str, detail: String) -> Error {
    let pointer = pointer.to_owned();
    Error::Invalid(vec![Fault { pointer, detail }])
}
