//! Incidents of portals' calls, for people to see even where the lane does not stop for them.
//!
//! Owns: the memory of what is going wrong, and writing it down when it changes. Refuses: deciding
//! what the lane does about it.

mod calls;

use crate::{
    app::{self, Incidents, Lanes},
    domain::ErrorCode,
};
pub(super) use calls::CallEvent;
use calls::{IncidentTracker, PACE, SLOW, Write};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How often it is looked what time alone changes, while calls run or something is wrong.
const LOOK: Duration = Duration::from_millis(250);
/// The most lanes whose incidents are written at a time.
const AT_ONCE: usize = 4;
/// What is seen of calls and not written down yet; what comes beyond is only counted and logged.
const UNREAD: usize = 4_096;

/// Whose calls are seen: a lane, and which of its clients, the later the higher.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) lane: Arc<str>,
    pub(super) nth: u64,
}

/// Where it is told what is seen of calls.
pub(super) type CallEvents = mpsc::Sender<(Caller, CallEvent)>;

/// What is seen of the calls of all lanes, and what of it is not written down yet. Lanes of which
/// there is nothing to say are not in it. What is seen is taken up while something is written: the
/// database may be away.
pub(super) struct IncidentKeeper {
    lanes: Arc<Lanes>,
    seen: mpsc::Receiver<(Caller, CallEvent)>,
    of: BTreeMap<Arc<str>, LaneIncidents>,
    /// What is being written; each ends with what could not be.
    writing: JoinSet<(Arc<str>, UnwrittenIncident)>,
}

/// The incidents of one lane.
#[derive(Debug, Default)]
struct LaneIncidents {
    /// Which client of the lane it is: what was under way with an earlier one is over.
    nth: u64,
    memory: IncidentTracker,
    unwritten: UnwrittenIncident,
    is_writing: bool,
}

impl IncidentKeeper {
    pub(super) fn new(lanes: &Arc<Lanes>) -> (Self, CallEvents) {
        let (sender, seen) = mpsc::channel(UNREAD);
        let keeper = Self {
            lanes: Arc::clone(lanes),
            seen,
            of: BTreeMap::new(),
            writing: JoinSet::new(),
        };
        (keeper, sender)
    }

    /// Writes down what is seen, until told to stop.
    pub(super) async fn keep(mut self, stop: CancellationToken) {
        let mut look = Instant::now();
        loop {
            let is_busy = !self.of.is_empty();
            tokio::select! {
                () = stop.cancelled() => return,
                Some((caller, event)) = self.seen.recv() => self.take(caller, event),
                Some(Ok((lane, left))) = self.writing.join_next() => self.written(&lane, left),
                () = sleep_until(look), if is_busy => {
                    look = Instant::now() + LOOK;
                    self.pass();
                }
            }
            self.write();
        }
    }

    fn take(&mut self, caller: Caller, event: CallEvent) {
        let of = self.of.entry(caller.lane).or_default();
        if caller.nth < of.nth {
            return;
        }
        if caller.nth > of.nth {
            *of = LaneIncidents {
                nth: caller.nth,
                is_writing: of.is_writing,
                ..LaneIncidents::default()
            };
        }
        let writes = of.memory.take(event, Instant::now());
        of.unwritten.add(writes);
    }

    fn pass(&mut self) {
        let now = Instant::now();
        for of in self.of.values_mut() {
            if of.memory.next().is_some_and(|at| at <= now) {
                let writes = of.memory.pass(now);
                of.unwritten.add(writes);
            }
        }
    }

    /// Has what is not written be written; what could not be is tried again at the pace.
    fn write(&mut self) {
        let now = Instant::now();
        self.of.retain(|_, of| !of.is_quiet());
        for (lane, of) in &mut self.of {
            if self.writing.len() >= AT_ONCE {
                break;
            }
            if of.is_writing || !of.unwritten.is_due(now) {
                continue;
            }
            of.is_writing = true;
            let mut some = std::mem::take(&mut of.unwritten);
            let (lanes, lane) = (Arc::clone(&self.lanes), Arc::clone(lane));
            self.writing.spawn(async move {
                some.write(&lanes, &lane).await;
                (lane, some)
            });
        }
    }

    fn written(&mut self, lane: &str, mut left: UnwrittenIncident) {
        if let Some(of) = self.of.get_mut(lane) {
            of.is_writing = false;
            left.append(std::mem::take(&mut of.unwritten));
            of.unwritten = left;
        }
    }
}

impl LaneIncidents {
    /// Whether there is nothing to say of the lane, and no call runs.
    fn is_quiet(&self) -> bool {
        self.memory.is_quiet() && self.unwritten.is_empty() && !self.is_writing
    }
}

/// A shop that takes long: told of while it is waited for.
pub(super) struct SlowCallWatch {
    lanes: Arc<Lanes>,
    lane: String,
    told: bool,
}

impl SlowCallWatch {
    pub(super) fn new(lanes: &Arc<Lanes>, lane: &str) -> Self {
        Self {
            lanes: Arc::clone(lanes),
            lane: lane.to_owned(),
            told: false,
        }
    }

    /// Waits, and writes down that it takes long when it does; `since` is when the longest wait
    /// began. May be given up.
    pub(super) async fn while_waiting<T>(
        &mut self,
        since: Instant,
        wait: impl Future<Output = T>,
    ) -> T {
        let mut wait = std::pin::pin!(wait);
        if !self.told {
            tokio::select! {
                done = &mut wait => return done,
                () = sleep_until(since + SLOW) => {}
            }
            let words = "a message was sent and is not answered yet".to_owned();
            self.write(vec![Write::Note(ErrorCode::CallbackSlow, words, 1)])
                .await;
            self.told = true;
        }
        wait.await
    }

    /// An answer came; `since` is when the longest wait that is left began.
    pub(super) async fn heard(&mut self, since: Option<Instant>) {
        let slow = since.is_some_and(|since| since.elapsed() >= SLOW);
        if self.told && !slow {
            self.write(vec![Write::Over(vec![ErrorCode::CallbackSlow])])
                .await;
            self.told = false;
        }
    }

    async fn write(&self, writes: Vec<Write>) {
        let mut unwritten = UnwrittenIncident::default();
        unwritten.add(writes);
        unwritten.write(&self.lanes, &self.lane).await;
    }
}

/// What the database does not know yet: it may be away, too.
#[derive(Debug, Default)]
struct UnwrittenIncident {
    notes: BTreeMap<ErrorCode, (String, i64)>,
    over: BTreeSet<ErrorCode>,
    /// When it was last tried in vain.
    tried: Option<Instant>,
}

impl UnwrittenIncident {
    fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.over.is_empty()
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.is_empty() && self.tried.is_none_or(|at| now >= at + PACE)
    }

    fn add(&mut self, writes: Vec<Write>) {
        for write in writes {
            match write {
                Write::Note(code, message, times) => {
                    self.over.remove(&code);
                    let note = self.notes.entry(code).or_default();
                    *note = (message, note.1 + times);
                }
                Write::Over(codes) => self.over.extend(codes),
            }
        }
    }

    /// Adds what came after it.
    fn append(&mut self, newer: Self) {
        for (code, (words, times)) in newer.notes {
            self.over.remove(&code);
            let note = self.notes.entry(code).or_default();
            *note = (words, note.1 + times);
        }
        self.over.extend(newer.over);
    }

    async fn write(&mut self, lanes: &Lanes, lane: &str) {
        if self.is_empty() {
            return;
        }
        // Boxed, as there is nothing to write most of the time.
        match Box::pin(self.try_write(lanes, lane)).await {
            Ok(()) => *self = Self::default(),
            Err(error) => {
                self.tried = Some(Instant::now());
                tracing::debug!(
                    portal = lane, %error,
                    "troubles cannot be written down: the database does not answer"
                );
            }
        }
    }

    async fn try_write(&self, lanes: &Lanes, lane: &str) -> Result<(), app::Error> {
        let notes = self.notes.iter();
        let incidents = Incidents {
            notes: notes
                .map(|(code, (words, times))| (*code, words.clone(), *times))
                .collect(),
            over: self.over.iter().copied().collect(),
        };
        lanes.record(lane, &incidents).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{App, Registry};

    fn keeper() -> IncidentKeeper {
        let pool = sqlx::PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/none");
        IncidentKeeper::new(&App::new(pool.unwrap(), Registry::default()).lanes).0
    }

    fn of_client(nth: u64) -> Caller {
        let lane = "main".into();
        Caller { lane, nth }
    }

    #[tokio::test]
    async fn of_a_portal_whose_calls_go_well_nothing_is_kept() {
        let mut keeper = keeper();
        keeper.take(of_client(1), CallEvent::Sending("batch".to_owned()));
        keeper.write();
        assert_eq!(keeper.of.len(), 1);
        keeper.take(of_client(1), CallEvent::Ended(None));
        keeper.write();
        assert!(keeper.of.is_empty());
    }

    #[tokio::test]
    async fn calls_of_an_earlier_client_are_over_with_the_first_of_a_later_one() {
        let mut keeper = keeper();
        keeper.take(of_client(1), CallEvent::Sending("batch".to_owned()));
        keeper.take(of_client(2), CallEvent::Sending("batch".to_owned()));
        keeper.take(of_client(2), CallEvent::Ended(None));
        keeper.write();
        assert!(keeper.of.is_empty());
    }

    #[test]
    fn what_could_not_be_written_stands_before_what_came_meanwhile() {
        let (down, words) = (ErrorCode::Down, "words".to_owned());
        let of = |writes| {
            let mut unwritten = UnwrittenIncident::default();
            unwritten.add(writes);
            unwritten
        };
        let mut left = of(vec![Write::Over(vec![down])]);
        left.append(of(vec![Write::Note(down, words.clone(), 2)]));
        assert_eq!(
            (left.over.len(), left.notes.get(&down)),
            (0, Some(&(words, 2)))
        );
        left.append(of(vec![Write::Over(vec![down])]));
        assert_eq!((left.over.len(), left.notes.len()), (1, 1));
    }
}
