//! Many requests, one commit: what comes in while another transaction commits shares the next one.
//!
//! A request on a quiet bridge is written at once. Under load a commit, which waits for the disk,
//! is paid once for all that came in meanwhile. One writer is enough for that: a second one would
//! halve the groups, which costs more than the wait for the disk. Only when much waits, a second
//! one comes to help, with things that share nothing with what the first one writes: they would
//! wait for it in the database. The last writer stays for a moment with its connection. What was
//! written stays written when the one who asked has gone. A group that failed is written one by
//! one, so that one's fault is nobody else's.

use crate::{app::Error, storage};
use parking_lot::Mutex;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::{
    collections::{HashSet, VecDeque},
    fmt,
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
    time::timeout,
};

/// The most rows of one group. A thing with more of them goes alone.
const MOST: usize = 250;
const WRITERS: usize = 2;
/// How long the last writer, with its connection, waits for more.
const IDLE: Duration = Duration::from_millis(250);

/// Something that is stored together with others of its kind.
pub(in crate::app) trait GroupCommit:
    fmt::Debug + Send + Sync + Sized + 'static
{
    /// What became of it.
    type Answer: fmt::Debug + Send + 'static;

    /// With so many rows waiting, a second writer helps.
    const MANY: usize = 80;

    /// Rows that it comes to.
    fn rows(&self) -> usize;

    /// What it changes that others change, too: two writers never have the same at once.
    fn shares(&self) -> &[String] {
        &[]
    }

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
    /// What the things that are being written share with others.
    shared: HashSet<String>,
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
            shared: HashSet::new(),
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
            let helps = state.rows >= T::MANY && state.is_free(&request.what);
            let start = state.writers == 0 || (state.writers < WRITERS && helps);
            state.waiting.push_back(request);
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
            let group = state.next_group();
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

impl<T: GroupCommit> QueueState<T> {
    /// Whether nothing that is being written shares anything with it.
    fn is_free(&self, what: &T) -> bool {
        let mut shares = what.shares().iter();
        shares.all(|one| !self.shared.contains(one))
    }

    /// The next ones that fit into one transaction and are free. What is not, waits, and whatever
    /// came after it and shares something with it.
    fn next_group(&mut self) -> Vec<Request<T>> {
        let (mut group, mut rows) = (Vec::new(), 0);
        let (mut held, mut behind) = (VecDeque::new(), HashSet::new());
        while let Some(first) = self.waiting.pop_front() {
            let shares = first.what.shares();
            if !self.is_free(&first.what) || shares.iter().any(|one| behind.contains(one)) {
                behind.extend(shares.iter().cloned());
                held.push_back(first);
                continue;
            }
            let more = first.what.rows();
            if rows + more > MOST && !group.is_empty() {
                self.waiting.push_front(first);
                break;
            }
            rows += more;
            group.push(first);
        }
        held.append(&mut self.waiting);
        self.waiting = held;
        self.rows -= rows;
        let shares = group.iter().flat_map(|one| one.what.shares());
        self.shared.extend(shares.cloned());
        group
    }
}

/// A group is being written; others may have what it shares when that is over, however it ends.
struct InFlight<'a, T: GroupCommit> {
    queue: &'a CommitQueue<T>,
    shares: Vec<String>,
}

impl<'a, T: GroupCommit> InFlight<'a, T> {
    fn new(queue: &'a CommitQueue<T>, group: &[Request<T>]) -> Self {
        let shares = group.iter().flat_map(|one| one.what.shares());
        Self {
            queue,
            shares: shares.cloned().collect(),
        }
    }
}

impl<T: GroupCommit> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        self.queue.with(|state| {
            for one in &self.shares {
                state.shared.remove(one);
            }
        });
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
        let queue = T::queue(&self.0);
        while let Some(group) = queue.next().await {
            let _in_flight = InFlight::new(queue, &group);
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
pub(in crate::app) fn lost() -> Error {
    storage::Error::Database(sqlx::Error::WorkerCrashed).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Thing(Vec<String>);

    impl GroupCommit for Thing {
        type Answer = ();
        type Owner = ();

        fn rows(&self) -> usize {
            1
        }

        fn shares(&self) -> &[String] {
            &self.0
        }

        fn queue((): &()) -> &CommitQueue<Self> {
            unreachable!("nothing is written here")
        }

        fn db((): &()) -> &PgPool {
            unreachable!("nothing is written here")
        }

        async fn write((): &(), _: &mut PgConnection, _: &[&Self]) -> Result<Vec<()>, Error> {
            unreachable!("nothing is written here")
        }
    }

    fn push(queue: &CommitQueue<Thing>, shares: &str) {
        let (answer, _) = oneshot::channel();
        let what = Thing(shares.split_whitespace().map(str::to_owned).collect());
        queue.push(Request { what, answer });
    }

    /// What the next group shares, thing by thing.
    fn group(queue: &CommitQueue<Thing>) -> (Vec<String>, InFlight<'_, Thing>) {
        let group = queue.with(QueueState::next_group);
        let shares = group.iter().map(|one| one.what.0.join(" ")).collect();
        (shares, InFlight::new(queue, &group))
    }

    #[test]
    fn two_writers_never_have_at_once_what_is_shared_and_what_waits_keeps_its_order() {
        let queue = CommitQueue::default();
        push(&queue, "id-1 cup");
        let (first, in_flight) = group(&queue);
        assert_eq!(first, ["id-1 cup"]);
        for shares in [
            "id-2 cup",
            "id-3 tea",
            "id-4 cup bowl",
            "id-5 bowl",
            "id-1 pot",
            "id-6 jug",
        ] {
            push(&queue, shares);
        }
        let (second, beside) = group(&queue);
        assert_eq!(
            second,
            ["id-3 tea", "id-6 jug"],
            "what came behind one that waits waits, too"
        );
        assert_eq!(group(&queue).0, [""; 0]);
        drop(in_flight);
        let waited = group(&queue).0;
        assert_eq!(
            waited,
            ["id-2 cup", "id-4 cup bowl", "id-5 bowl", "id-1 pot"]
        );
        drop(beside);
        assert_eq!(queue.with(|state| (state.rows, state.shared.len())), (0, 0));
    }
}
