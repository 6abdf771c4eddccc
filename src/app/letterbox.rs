//! Many notifications, one commit: what comes in while another transaction commits shares the next one.
//!
//! A portal that changes a thousand deals at once calls a thousand times, and calls a slow handler less. One that comes alone is
//! written at once.

use super::{Bridge, Error};
use crate::storage::{
    self,
    inbox::{self, Notification},
};
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// The most notifications of one statement.
const MOST: usize = 500;

/// The queue before the transactions.
#[derive(Debug, Default)]
pub(super) struct Letterbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<(Notification, oneshot::Sender<Result<(), storage::Error>>)>,
    writing: bool,
}

impl Letterbox {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bridge {
    /// Stores a notification durably, together with those that come at the same time.
    pub(super) async fn put_in(&self, one: Notification) -> Result<(), Error> {
        let (stored, answer) = oneshot::channel();
        let start = self.letterbox().with(|state| {
            state.waiting.push((one, stored));
            !std::mem::replace(&mut state.writing, true)
        });
        if start {
            tokio::spawn(self.clone().empty_letterbox());
        }
        let lost = |_| storage::Error::Database(sqlx::Error::WorkerCrashed);
        Ok(answer.await.map_err(lost)??)
    }

    async fn empty_letterbox(self) {
        loop {
            let group: Vec<_> = self.letterbox().with(|state| {
                let most = state.waiting.len().min(MOST);
                state.writing = most > 0;
                state.waiting.drain(..most).collect()
            });
            if group.is_empty() {
                return;
            }
            let (all, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let whole = self.write_down(&all).await;
            for (one, answer) in all.iter().zip(answers) {
                // A group that failed is written one by one, so that one's fault is nobody else's.
                let stored = match &whole {
                    Ok(()) => Ok(()),
                    Err(_) => self.write_down(std::slice::from_ref(one)).await,
                };
                // Who has gone needs no answer.
                let _ = answer.send(stored);
            }
        }
    }

    async fn write_down(&self, all: &[Notification]) -> Result<(), storage::Error> {
        let mut db = self.pool().acquire().await?;
        inbox::insert(&mut db, all).await
    }
}
