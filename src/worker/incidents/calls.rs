//! The calls of one lane: what they show to be wrong, and when that changes.

use crate::domain::ErrorCode;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// A call that takes longer than this is told of while it runs.
pub(super) const SLOW: Duration = Duration::from_secs(5);
/// The same incident is written down at most this often.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// Something that was seen of a portal's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::worker) enum CallEvent {
    /// A call of this method is about to be sent.
    Sending(String),
    /// A call ended, with what went wrong.
    Ended(Option<(ErrorCode, String)>),
    /// A method rests for so long.
    Rests(String, Duration),
    /// The portal answers from this host.
    Moved(String),
}

/// What is to be written down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write {
    Note(ErrorCode, String, i64),
    Over(Vec<ErrorCode>),
}

/// What is going wrong.
#[derive(Debug, Default)]
pub(super) struct IncidentTracker {
    open: BTreeMap<ErrorCode, OpenIncident>,
    /// How many calls run, since when nothing was answered, and the method of the oldest.
    running: u32,
    since: Option<(Instant, String)>,
    resting: BTreeMap<String, Instant>,
}

/// An incident that lasts.
#[derive(Debug)]
struct OpenIncident {
    written: Instant,
    unwritten: i64,
}

impl IncidentTracker {
    pub(super) fn take(&mut self, seen: CallEvent, now: Instant) -> Vec<Write> {
        match seen {
            CallEvent::Sending(method) => {
                self.running += 1;
                if self.running == 1 {
                    self.since = Some((now, method));
                }
                Vec::new()
            }
            CallEvent::Ended(failed) => {
                self.running = self.running.saturating_sub(1);
                self.since = self.since.take().filter(|_| self.running > 0);
                self.ended(failed, now)
            }
            CallEvent::Rests(method, rests) => {
                let message = format!("the method {method} rests for {} s", rests.as_secs());
                self.resting.insert(method, now + rests);
                self.note(ErrorCode::Operating, message, now)
                    .into_iter()
                    .collect()
            }
            CallEvent::Moved(host) => {
                let message = format!("the portal answers from {host}");
                self.note(ErrorCode::Moved, message, now)
                    .into_iter()
                    .collect()
            }
        }
    }

    /// A finished call closes the passing incidents that it disproves. Refusals are shown by the
    /// lane.
    fn ended(&mut self, failed: Option<(ErrorCode, String)>, now: Instant) -> Vec<Write> {
        let passing = |code: &ErrorCode| {
            matches!(
                code,
                ErrorCode::Down
                    | ErrorCode::Slow
                    | ErrorCode::InDoubt
                    | ErrorCode::Limit
                    | ErrorCode::Elsewhere
                    | ErrorCode::AnswerTooLarge
            )
        };
        let failed = failed.filter(|(code, _)| passing(code));
        let stays = failed.as_ref().map(|(code, _)| *code);
        let over = self.open.keys().copied();
        let over: Vec<_> = over
            .filter(|code| passing(code) && Some(*code) != stays)
            .collect();
        self.open.retain(|code, _| !over.contains(code));
        let mut writes = Vec::new();
        if !over.is_empty() {
            writes.push(Write::Over(over));
        }
        writes.extend(failed.and_then(|(code, message)| self.note(code, message, now)));
        writes
    }

    fn note(&mut self, code: ErrorCode, message: String, now: Instant) -> Option<Write> {
        match self.open.get_mut(&code) {
            Some(open) if now < open.written + PACE => {
                open.unwritten += 1;
                None
            }
            Some(open) => {
                let times = open.unwritten + 1;
                *open = OpenIncident {
                    written: now,
                    unwritten: 0,
                };
                Some(Write::Note(code, message, times))
            }
            None => {
                let open = OpenIncident {
                    written: now,
                    unwritten: 0,
                };
                self.open.insert(code, open);
                Some(Write::Note(code, message, 1))
            }
        }
    }

    /// Whether nothing is wrong, and no call runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.running == 0 && self.resting.is_empty()
    }

    /// When time alone changes something.
    pub(super) fn next(&self) -> Option<Instant> {
        let slow = self.since.as_ref().map(|(since, _)| *since + SLOW);
        let slow = slow.filter(|_| !self.open.contains_key(&ErrorCode::Slow));
        let rested = self.resting.values().min().copied();
        [slow, rested].into_iter().flatten().min()
    }

    pub(super) fn pass(&mut self, now: Instant) -> Vec<Write> {
        let mut writes = Vec::new();
        if let Some((since, method)) = &self.since
            && now >= *since + SLOW
            && !self.open.contains_key(&ErrorCode::Slow)
        {
            let message = format!("{method} was called and is not answered yet");
            writes.extend(self.note(ErrorCode::Slow, message, now));
        }
        let rested = self.resting.len();
        self.resting.retain(|_, until| *until > now);
        if rested > 0
            && self.resting.is_empty()
            && self.open.remove(&ErrorCode::Operating).is_some()
        {
            writes.push(Write::Over(vec![ErrorCode::Operating]));
        }
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: ErrorCode) -> CallEvent {
        CallEvent::Ended(Some((code, "words".to_owned())))
    }

    fn note(code: ErrorCode, times: i64) -> Vec<Write> {
        vec![Write::Note(code, "words".to_owned(), times)]
    }

    #[test]
    fn a_trouble_is_noted_once_a_second_and_is_over_with_the_next_answer() {
        let (mut memory, now) = (IncidentTracker::default(), Instant::now());
        assert_eq!(
            memory.take(failed(ErrorCode::Limit), now),
            note(ErrorCode::Limit, 1)
        );
        assert_eq!(memory.take(failed(ErrorCode::Limit), now), []);
        assert_eq!(memory.take(failed(ErrorCode::Limit), now), []);
        assert_eq!(
            memory.take(failed(ErrorCode::Limit), now + PACE),
            note(ErrorCode::Limit, 3)
        );
        assert_eq!(
            memory.take(CallEvent::Ended(None), now + PACE),
            [Write::Over(vec![ErrorCode::Limit])]
        );
        assert_eq!(memory.take(CallEvent::Ended(None), now + PACE), []);
    }

    #[test]
    fn one_trouble_takes_the_place_of_another() {
        let (mut memory, now) = (IncidentTracker::default(), Instant::now());
        memory.take(failed(ErrorCode::Down), now);
        assert_eq!(
            memory.take(failed(ErrorCode::Limit), now),
            [
                Write::Over(vec![ErrorCode::Down]),
                Write::Note(ErrorCode::Limit, "words".to_owned(), 1)
            ]
        );
        // The portal answers, if only to refuse: the lane tells of that.
        assert_eq!(
            memory.take(failed(ErrorCode::Auth), now),
            [Write::Over(vec![ErrorCode::Limit])]
        );
    }

    #[test]
    fn a_call_that_runs_long_is_told_of_before_it_ends() {
        let (mut memory, now) = (IncidentTracker::default(), Instant::now());
        assert_eq!(memory.next(), None);
        memory.take(CallEvent::Sending("batch".to_owned()), now);
        assert_eq!(memory.next(), Some(now + SLOW));
        assert_eq!(memory.pass(now + SLOW / 2), []);
        let told = memory.pass(now + SLOW);
        assert!(
            matches!(
                &told[..], [Write::Note(ErrorCode::Slow, message, 1)] if message.contains("batch")
            ),
            "{told:?}"
        );
        assert_eq!(memory.next(), None);
        assert_eq!(
            memory.take(CallEvent::Ended(None), now + SLOW),
            [Write::Over(vec![ErrorCode::Slow])]
        );
    }

    #[test]
    fn a_method_rests_until_its_time_whatever_else_is_answered() {
        let (mut memory, now) = (IncidentTracker::default(), Instant::now());
        let rests = Duration::from_mins(1);
        memory.take(CallEvent::Rests("crm.deal.add".to_owned(), rests), now);
        assert_eq!(memory.take(CallEvent::Ended(None), now), []);
        assert_eq!(memory.next(), Some(now + rests));
        assert_eq!(
            memory.pass(now + rests),
            [Write::Over(vec![ErrorCode::Operating])]
        );
    }

    #[test]
    fn a_portal_that_moved_stays_so() {
        let (mut memory, now) = (IncidentTracker::default(), Instant::now());
        let told = memory.take(CallEvent::Moved("new.example".to_owned()), now);
        assert!(matches!(&told[..], [Write::Note(ErrorCode::Moved, ..)]));
        assert_eq!(memory.take(CallEvent::Ended(None), now), []);
    }
}
