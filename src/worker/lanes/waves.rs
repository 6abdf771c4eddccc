//! Waves that are under way. A lane waits for a wave for some seconds: one whose call takes longer
//! goes on by itself, and the lane goes on with other orders, as far as the portal's limits allow.
//!
//! Owns: the tasks of the waves, and whose orders and customers they have in hand. Nobody else
//! works on those meanwhile: an order, and a customer whose contact may be made, are in one wave at
//! a time. As many are under way at once as [`MOST`] says; then the lane waits for one of them to
//! end, which is when its call's own limit is over at the latest.

use super::{
    isolation::{self, Lessons},
    wave_runner::WaveResult,
};
use crate::{
    app::{self, Claim},
    domain::OrderKey,
    planner::Planned,
    process::bug::Bug,
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::{
    task::{Id, JoinSet},
    time::{Instant, timeout_at},
};

/// How long a lane waits for a wave before it goes on without it.
pub(in crate::worker) const PATIENCE: Duration = Duration::from_secs(4);
/// Waves under way at once, besides one scan and a reading that was cancelled. A slow portal is not
/// asked for ever more at the same time.
pub(in crate::worker) const MOST: usize = 4;

/// A wave that has ended.
pub(in crate::worker) enum Ended {
    /// It went to its end, which is stored.
    Done(Box<WaveEnd>),
    /// It panicked, with all that it had claimed.
    Broke(Vec<Claim>, Bug),
}

/// The end of a wave.
pub(in crate::worker) struct WaveEnd {
    /// Without its settlements: they are stored.
    pub(in crate::worker) result: WaveResult,
    /// Whom it teaches to try in smaller company.
    pub(in crate::worker) lessons: Lessons,
    /// How many were claimed, and of how many it settled something.
    pub(in crate::worker) claimed: usize,
    pub(in crate::worker) settled: usize,
    /// Whether the portal no longer shows what the bridge made: who it is is to be asked.
    pub(in crate::worker) hidden: bool,
    /// Whether its settlements could be stored.
    pub(in crate::worker) stored: Result<(), app::Error>,
}

/// What a wave has in hand.
#[derive(Debug, Default)]
pub(in crate::worker) struct WaveInFlight {
    orders: BTreeSet<OrderKey>,
    customers: BTreeSet<String>,
}

impl WaveInFlight {
    pub(in crate::worker) fn of<J: Planned>(claimed: &[(Claim, J)]) -> Self {
        Self {
            orders: claimed
                .iter()
                .map(|(claim, _)| isolation::key(claim))
                .collect(),
            customers: claimed
                .iter()
                .flat_map(|(_, job)| job.customers())
                .collect(),
        }
    }
}

/// The waves of a lane that are under way. What is dropped is stopped.
#[derive(Default)]
pub(in crate::worker) struct Waves {
    running: JoinSet<Ended>,
    in_flight: HashMap<Id, WaveInFlight>,
}

impl Waves {
    /// Starts a wave beside those that run; returns the id of its task.
    pub(in crate::worker) fn start(
        &mut self,
        carried: WaveInFlight,
        wave: impl Future<Output = Ended> + Send + 'static,
    ) -> Id {
        let id = self.running.spawn(wave).id();
        self.in_flight.insert(id, carried);
        id
    }

    pub(in crate::worker) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether no other may be started.
    pub(in crate::worker) fn full(&self) -> bool {
        self.in_flight.len() >= MOST
    }

    pub(in crate::worker) fn is_running(&self, wave: Id) -> bool {
        self.in_flight.contains_key(&wave)
    }

    /// The orders that are in some wave.
    pub(in crate::worker) fn orders(&self) -> BTreeSet<OrderKey> {
        let all = self.in_flight.values().flat_map(|wave| &wave.orders);
        all.cloned().collect()
    }

    /// Leaves out the orders whose customers are in some wave: one that is looked for now may be
    /// made by it.
    pub(in crate::worker) fn without_shared<J: Planned>(
        &self,
        mut claimed: Vec<(Claim, J)>,
    ) -> Vec<(Claim, J)> {
        if self.is_empty() {
            return claimed;
        }
        let in_hand = |who: &String| {
            self.in_flight
                .values()
                .any(|wave| wave.customers.contains(who))
        };
        claimed.retain(|(_, job)| !job.customers().iter().any(in_hand));
        claimed
    }

    /// One that has ended, without waiting.
    pub(in crate::worker) fn ended(&mut self) -> Option<Ended> {
        let ended = self.running.try_join_next_with_id()?;
        Some(self.take(ended))
    }

    /// The next that ends, until then; `None` if none does.
    pub(in crate::worker) async fn next(&mut self, until: Option<Instant>) -> Option<Ended> {
        let next = self.running.join_next_with_id();
        let ended = match until {
            Some(until) => timeout_at(until, next).await.ok()??,
            None => next.await?,
        };
        Some(self.take(ended))
    }

    fn take(&mut self, ended: Result<(Id, Ended), tokio::task::JoinError>) -> Ended {
        match ended {
            Ok((id, ended)) => {
                self.in_flight.remove(&id);
                ended
            }
            // A wave catches its own panics, and is stopped only together with all of this.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
