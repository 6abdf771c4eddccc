//! Many requests, one commit: events that arrive while another transaction commits share the next one.
//!
//! A request on a quiet bridge is written at once. Under load a commit, which waits for the disk, is paid once for all requests that came in
//! meanwhile. What was written stays written when the one who asked has gone. A group that fails is written request by request, so that one
//! request's fault is nobody else's.

use super::{Accepted, Bridge, Error, MAX_EVENTS, accept};
use crate::storage::{self, outbox::NewEvent};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{sync::oneshot, task::JoinSet};

/// Transactions at the same time: while one waits for the disk, the next is prepared.
const WRITERS: usize = 2;

/// The queue before the transactions.
#[derive(Debug, Default)]
pub(super) struct Intake(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Request>,
    writers: usize,
}

#[derive(Debug)]
struct Request {
    events: Arc<Vec<NewEvent>>,
    answer: oneshot::Sender<Result<Vec<Accepted>, Error>>,
}

impl Intake {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next requests that fit into one transaction; none: the writer ends.
    fn next(&self) -> Vec<Request> {
        self.with(|state| {
            let (mut group, mut sum) = (Vec::new(), 0);
            while let Some(first) = state.waiting.front() {
                sum += first.events.len();
                if sum > MAX_EVENTS && !group.is_empty() {
                    break;
                }
                group.extend(state.waiting.pop_front());
            }
            if group.is_empty() {
                state.writers -= 1;
            }
            group
        })
    }
}

impl Bridge {
    /// Stores events durably, together with what others send at the same time; one result for each, in order.
    pub(super) async fn take_in(&self, events: Vec<NewEvent>) -> Result<Vec<Accepted>, Error> {
        let (answer, answered) = oneshot::channel();
        let events = Arc::new(events);
        let start = self.intake().with(|state| {
            state.waiting.push_back(Request { events, answer });
            let start = state.writers < WRITERS;
            state.writers += usize::from(start);
            start
        });
        if start {
            tokio::spawn(self.clone().write_all());
        }
        let lost = |_| storage::Error::Database(sqlx::Error::WorkerCrashed);
        answered.await.map_err(lost)?
    }

    async fn write_all(self) {
        loop {
            let group = self.intake().next();
            if group.is_empty() {
                return;
            }
            // A task of its own: a panic must not end the writer.
            let _ = tokio::spawn(self.clone().write_group(group)).await;
        }
    }

    async fn write_group(self, group: Vec<Request>) {
        let events: Vec<&NewEvent> = group.iter().flat_map(|one| one.events.iter()).collect();
        match self.write(&events).await {
            Ok(mut results) => {
                for one in group {
                    let rest = results.split_off(one.events.len());
                    let _ = one.answer.send(Ok(std::mem::replace(&mut results, rest)));
                }
            }
            Err(error) => {
                let mut group = group;
                if group.len() == 1 {
                    let alone = group.pop().map(|one| one.answer.send(Err(error)));
                    drop(alone);
                    return;
                }
                let mut each = JoinSet::new();
                for one in group {
                    let bridge = self.clone();
                    each.spawn(async move {
                        let events: Vec<&NewEvent> = one.events.iter().collect();
                        let _ = one.answer.send(bridge.write(&events).await);
                    });
                }
                each.join_all().await;
            }
        }
    }

    async fn write(&self, events: &[&NewEvent]) -> Result<Vec<Accepted>, Error> {
        let mut tx = self.pool().begin().await?;
        let stored = accept::store(&mut tx, events).await?;
        tx.commit().await?;
        self.ring(events, &stored);
        Ok(stored.results)
    }
}
