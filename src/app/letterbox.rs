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

/// Transactions at the same time: while one waits for the disk, the next is prepared.
const WRITERS: usize = 2;
/// The most notifications of one statement.
const MOST: usize = 500;

/// The queue before the transactions.
#[derive(Debug, Default)]
pub(super) struct Letterbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<(Notification, oneshot::Sender<bool>)>,
    writers: usize,
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
            state.waiting.push((one.clone(), stored));
            let start = state.writers < WRITERS;
            state.writers += usize::from(start);
            start
        });
        if start {
            tokio::spawn(self.clone().empty_letterbox());
        }
        if answer.await == Ok(true) {
            return Ok(());
        }
        // The group failed: its own fault, if it is one, is found by writing it alone.
        let mut db = self.pool().acquire().await?;
        Ok(inbox::insert(&mut db, std::slice::from_ref(&one)).await?)
    }

    async fn empty_letterbox(self) {
        loop {
            let group: Vec<_> = self.letterbox().with(|state| {
                let most = state.waiting.len().min(MOST);
                if most == 0 {
                    state.writers -= 1;
                }
                state.waiting.drain(..most).collect()
            });
            if group.is_empty() {
                return;
            }
            let (all, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let write = async {
                let mut db = self.pool().acquire().await?;
                inbox::insert(&mut db, &all).await
            };
            let stored: Result<(), storage::Error> = write.await;
            for answer in answers {
                // Who has gone needs no answer.
                let _ = answer.send(stored.is_ok());
            }
        }
    }
}
