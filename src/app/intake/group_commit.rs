//! Many requests, one commit: what comes in while another transaction commits shares the next one.
//!
//! A request on a quiet bridge is written at once. Under load a commit, which waits for the disk,
//! is paid once for all that came in meanwhile. One writer is enough for that: a second one would
//! halve the groups, which costs more than the wait for the disk. Only when much waits, a second
//! one comes to help. The last writer stays for a moment with its connection. What was written
//! stays written when the one who asked has gone. A group that failed is written one by one, so
//! that one's fault is nobody else's.

use crate::{app::Error, storage};
use parking_lot::Mutex;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::{collections::VecDeque, fmt, time::Duration};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
    time::timeout,
};

/// The most rows of one group. A thing with more of them goes alone.
const MOST: usize = 250;
/// With so many rows waiting, a second writer helps.
const MANY: usize = 80;
const WRITERS: usize = 2;
/// How long the last writer, with its connection, waits for more.
const IDLE: Duration = Duration::from_millis(250);

/// Something that is stored together with others of its kind.
pub(in crate::app) trait GroupCommit:
    fmt::Debug + Send + Sync + Sized + 'static
{
    /// What became of it.
    type Answer: fmt::Debug + Send + 'static;

    /// Rows that it comes to.
    fn rows(&self) -> usize;

    /// Whose things they are.
    type Owner: Clone + fmt::Debug + Send + std::marker::Sync + 'static;

    /// Where things of its kind wait.
    fn queue(owner: &Self::Owner) -> &CommitQueue<Self>;

    /// The pool that a group takes its connection from.
    fn db(owner: &Self::Owner) -> &PgPool;

    /// Stores all durably; one answer for each, in order.
    fn write(
        owner: &Self::Owner,
        db: &mut PgConnection,
        all: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Error>> + Send;
}

/// Things before their transaction.
#[derive(Debug)]
pub(in crate::app) struct CommitQueue<T: GroupCommit> {
    state: Mutex<QueueState<T>>,
    /// Wakes the writer that has nothing to do.
    more: Notify,
}

#[derive(Debug)]
struct QueueState<T: GroupCommit> {
    waiting: VecDeque<Request<T>>,
    /// Rows of what waits.
    rows: usize,
    writers: usize,
}

#[derive(Debug)]
struct Request<T: GroupCommit> {
    what: T,
    answer: oneshot::Sender<Result<T::Answer, Error>>,
}

/// What a writer finds.
enum NextGroup<T: GroupCommit> {
    Group(Vec<Request<T>>),
    Nothing,
    /// It was the writer's end.
    End,
}

impl<T: GroupCommit> Default for CommitQueue<T> {
    fn default() -> Self {
        let state = QueueState {
            waiting: VecDeque::new(),
            rows: 0,
            writers: 0,
        };
        Self {
            state: Mutex::new(state),
            more: Notify::new(),
        }
    }
}

impl<T: GroupCommit> CommitQueue<T> {
    fn with<R>(&self, act: impl FnOnce(&mut QueueState<T>) -> R) -> R {
        act(&mut self.state.lock())
    }

    /// True if a writer is to be started.
    fn push(&self, request: Request<T>) -> bool {
        let start = self.with(|state| {
            state.rows += request.what.rows();
            state.waiting.push_back(request);
            let start = state.writers == 0 || (state.writers < WRITERS && state.rows >= MANY);
            state.writers += usize::from(start);
            start
        });
        if !start {
            self.more.notify_one();
        }
        start
    }

    /// The next group, for which the last writer waits a while; none: the writer ends.
    async fn next(&self) -> Option<Vec<Request<T>>> {
        let mut patient = true;
        loop {
            match self.take(patient) {
                NextGroup::Group(group) => return Some(group),
                NextGroup::End => return None,
                NextGroup::Nothing => {
                    let more = timeout(IDLE, self.more.notified()).await;
                    patient = more.is_ok();
                }
            }
        }
    }

    /// The next ones that fit into one transaction. Without any only the last writer stays, if it
    /// is patient.
    fn take(&self, patient: bool) -> NextGroup<T> {
        self.with(|state| {
            let (mut group, mut rows) = (Vec::new(), 0);
            while let Some(first) = state.waiting.front() {
                let more = first.what.rows();
                if rows + more > MOST && !group.is_empty() {
                    break;
                }
                rows += more;
                group.extend(state.waiting.pop_front());
            }
            state.rows -= rows;
            if !group.is_empty() {
                NextGroup::Group(group)
            } else if patient && state.writers == 1 {
                NextGroup::Nothing
            } else {
                state.writers -= 1;
                NextGroup::End
            }
        })
    }
}

/// Stores a thing durably, together with those of its kind that come at the same time.
pub(in crate::app) async fn commit_grouped<T: GroupCommit>(
    owner: &T::Owner,
    what: T,
) -> Result<T::Answer, Error> {
    let (answer, answered) = oneshot::channel();
    if T::queue(owner).push(Request { what, answer }) {
        let owner = owner.clone();
        // A panic costs its group, and must not end the writer.
        tokio::spawn(async move {
            let writer = || tokio::spawn(Writer::<T>(owner.clone()).write_groups());
            while writer().await.is_err_and(|error| error.is_panic()) {}
        });
    }
    answered.await.map_err(|_| lost())?
}

/// Writes groups for their owner.
struct Writer<T: GroupCommit>(T::Owner);

impl<T: GroupCommit> Writer<T> {
    async fn write_groups(self) {
        // Kept between groups and while others may come: taking one from the pool costs a trip to
        // the database.
        let mut db = None;
        while let Some(group) = T::queue(&self.0).next().await {
            self.write_group(&mut db, group).await;
        }
    }

    async fn write_group(
        &self,
        db: &mut Option<PoolConnection<Postgres>>,
        mut group: Vec<Request<T>>,
    ) {
        let all: Vec<&T> = group.iter().map(|request| &request.what).collect();
        // A connection that was kept may have died meanwhile: then another one is tried.
        let kept = db.is_some();
        let written = self.write(db, &all).await;
        match written {
            // The requester may have been cancelled: a closed channel is ignored.
            Ok(answers) => {
                for (request, answer) in group.into_iter().zip(answers) {
                    let _ = request.answer.send(Ok(answer));
                }
            }
            Err(error) if group.len() == 1 && !kept => {
                let _ = group.pop().map(|request| request.answer.send(Err(error)));
            }
            Err(_) => {
                let mut each = JoinSet::new();
                for request in group {
                    let writer = Self(self.0.clone());
                    each.spawn(async move {
                        let written = writer.write(&mut None, &[&request.what]).await;
                        let one =
                            written.and_then(|answers| answers.into_iter().next().ok_or_else(lost));
                        let _ = request.answer.send(one);
                    });
                }
                each.join_all().await;
            }
        }
    }

    /// Writes on this connection, or on a new one; one that failed is given back, to be looked at.
    async fn write(
        &self,
        db: &mut Option<PoolConnection<Postgres>>,
        all: &[&T],
    ) -> Result<Vec<T::Answer>, Error> {
        let connection = match db {
            Some(connection) => connection,
            None => db.insert(T::db(&self.0).acquire().await?),
        };
        let written = T::write(&self.0, connection, all).await;
        if written.is_err() {
            *db = None;
        }
        written
    }
}

/// The writer went, and nobody knows what became of the thing.
fn lost() -> Error {
    storage::Error::Database(sqlx::Error::WorkerCrashed).into()
}
