//! The waker of lanes: at once in this process, by NOTIFY in the others.
//!
//! A hint: whoever sleeps through it looks by himself soon. NOTIFY stays outside of the accepting
//! transaction, because it takes a lock of the whole cluster at COMMIT, and is sent once for
//! however many events came in meanwhile.

use crate::storage::queue::lanes;
use parking_lot::Mutex;
use sqlx::PgPool;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Notify;

/// How long after a NOTIFY the next one waits: each is a commit of its own, so under load a few
/// must do for all.
const REST: Duration = Duration::from_millis(20);

/// Wakes lanes that sleep until something is due. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LaneWaker {
    pool: PgPool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    here: BTreeMap<String, Arc<Notify>>,
    waiting: BTreeSet<String>,
    sending: bool,
}

impl LaneWaker {
    /// A waker that tells other processes over this pool.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            state: Arc::default(),
        }
    }

    /// What a lane of this process waits on.
    pub fn subscribe(&self, portal: &str) -> Arc<Notify> {
        let mut state = self.state.lock();
        Arc::clone(state.here.entry(portal.to_owned()).or_default())
    }

    /// Says that a portal's lane has work.
    pub fn wake(&self, portal: &str) {
        let mut state = self.state.lock();
        state
            .here
            .entry(portal.to_owned())
            .or_default()
            .notify_one();
        state.waiting.insert(portal.to_owned());
        if !state.sending {
            state.sending = true;
            tokio::spawn(self.clone().send());
        }
    }

    async fn send(self) {
        loop {
            let portals = {
                let mut state = self.state.lock();
                let portals = std::mem::take(&mut state.waiting);
                state.sending = !portals.is_empty();
                portals
            };
            if portals.is_empty() {
                return;
            }
            let Ok(mut db) = self.pool.acquire().await else {
                continue;
            };
            for portal in portals {
                if let Err(error) = lanes::notify(&mut db, &portal).await {
                    tracing::debug!(
                        %portal, %error,
                        "other processes were not told of new work; they poll"
                    );
                }
            }
            drop(db);
            tokio::time::sleep(REST).await;
        }
    }
}
