//! Restarts: a task that ends by a panic, or fails turn after turn, is started again, counted, and
//! shown to people.

use crate::{
    app::{self, App, Incidents, Lanes},
    domain::ErrorCode,
    process::{backoff, bug, telemetry::Metrics},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Failures in a row from which people are told: a single one passes by itself.
const TOLD_FROM: u32 = 2;
/// The first and the longest pause before a task that panicked is started again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// A task that ran so long has overcome what it stumbled over.
const LONG: Duration = Duration::from_mins(10);

/// What broke is not mended by one good turn: it is over when nothing has broken for so long.
const QUIET: Duration = Duration::from_secs(5);

/// The turns of one lane, or of other work that comes again and again. Cheap to clone: all clones
/// count together.
#[derive(Clone)]
pub(in crate::worker) struct Restarts {
    lanes: Arc<Lanes>,
    metrics: Metrics,
    lane: Arc<str>,
    count: Arc<Mutex<Count>>,
}

struct Count {
    /// Failures in a row.
    failed: u32,
    /// When it last panicked; `None`: not yet in this process.
    broke: Option<Instant>,
    /// Whether people may have been told: at first, by an earlier process.
    told: bool,
}

impl Restarts {
    pub(in crate::worker) fn new(app: &App, lane: &str) -> Self {
        Self::with_told(app, lane, true)
    }

    /// Those of a leased lane: what earlier processes told of it is over when it is taken.
    pub(in crate::worker) fn of_leased(app: &App, lane: &str) -> Self {
        Self::with_told(app, lane, false)
    }

    fn with_told(app: &App, lane: &str, told: bool) -> Self {
        let count = Count {
            failed: 0,
            broke: None,
            told,
        };
        Self {
            lanes: Arc::clone(&app.lanes),
            metrics: app.metrics().clone(),
            lane: lane.into(),
            count: Arc::new(Mutex::new(count)),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Count) -> T) -> T {
        act(&mut self.count.lock())
    }

    /// A turn failed, in these words.
    pub(in crate::worker) async fn failed(&self, words: &str) {
        let failed = self.with(|count| {
            count.failed = count.failed.saturating_add(1);
            count.failed
        });
        self.metrics.turns_failed(&self.lane, failed);
        if failed >= TOLD_FROM {
            self.tell(words).await;
        }
    }

    /// How many turns have failed since the last that went well.
    pub(in crate::worker) fn failed_in_a_row(&self) -> u32 {
        self.with(|count| count.failed)
    }

    /// A turn ended by a panic, in these words.
    pub(in crate::worker) async fn broke(&self, words: &str) {
        self.with(|count| count.broke = Some(Instant::now()));
        self.tell(words).await;
    }

    async fn tell(&self, words: &str) {
        self.with(|count| count.told = true);
        let words: String = words.replace('\0', " ").chars().take(1_000).collect();
        let told = self.write(Some(&words)).await;
        self.unless_away(told);
    }

    /// A turn went well.
    pub(in crate::worker) async fn went_well(&self) {
        let (failed, over) = self.with(|count| {
            let quiet = count.broke.is_none_or(|at| at.elapsed() >= QUIET);
            (std::mem::take(&mut count.failed), count.told && quiet)
        });
        if failed > 0 {
            self.metrics.turns_failed(&self.lane, 0);
        }
        if over {
            let over = self.write(None).await;
            self.with(|count| count.told = over.is_err());
            self.unless_away(over);
        }
    }

    async fn write(&self, words: Option<&str>) -> Result<(), app::Error> {
        let mut incidents = Incidents::default();
        match words {
            Some(words) => incidents
                .notes
                .push((ErrorCode::Stuck, words.to_owned(), 1)),
            None => incidents.over.push(ErrorCode::Stuck),
        }
        // Boxed, as it is rare: a lane that rests has no room for it.
        Box::pin(self.lanes.record(&self.lane, &incidents)).await
    }

    fn unless_away(&self, written: Result<(), app::Error>) {
        if let Err(error) = written {
            tracing::debug!(lane = &*self.lane, %error, "what is stuck cannot be written down");
        }
    }

    /// Does the work until it ends by itself, which is when it was told to stop. After a panic it
    /// is started again.
    pub(in crate::worker) async fn keep_up<F: Future<Output = ()>>(
        self,
        stop: CancellationToken,
        work: impl Fn() -> F,
    ) {
        let mut panics = 0;
        loop {
            let began = Instant::now();
            // Boxed: what is handed on is held twice, by who hands it on and by who awaits it.
            let Err(bug) = bug::caught_in(Box::pin(work())).await else {
                return;
            };
            panics = if began.elapsed() > LONG {
                1
            } else {
                panics + 1
            };
            self.metrics.restarted(&self.lane);
            tracing::error!(
                lane = &*self.lane,
                place = bug.place,
                panics,
                "a task ended by a panic: it is started again"
            );
            self.broke(&bug.to_string()).await;
            let pause = backoff::delay(panics, PAUSE.0, PAUSE.1);
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return;
            }
        }
    }
}
