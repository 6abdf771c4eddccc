//! From where in the queue to look for due orders.
//!
//! A settled order leaves a dead entry in the index of due orders. While somebody holds a snapshot
//! open, for a report or a dump, dead entries stay, and each look from the beginning walks over all
//! that was settled since. So looks begin where the one before found the longest due order. What
//! became due before that, in a transaction that was long under way, is found by a look from the
//! beginning, which is made now and then.

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How long looks may begin in the middle.
const WHOLE_AGAIN: Duration = Duration::from_secs(10);

/// Whose look it is.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct LaneLook<'a> {
    pub(in crate::app) lane: &'a str,
    /// The lane's turn: another one's marks say nothing about it.
    pub(in crate::app) epoch: i64,
    /// Whether it is about history.
    pub(in crate::app) later: bool,
}

/// Where looks begin, by lane and shop: the dead entries of one shop are nothing to another.
#[derive(Debug, Default)]
pub(in crate::app) struct ClaimCursor(Mutex<HashMap<String, LaneMarks>>);

/// The marks of one turn of a lane, by shop: another turn's say nothing about it.
#[derive(Debug, Default)]
struct LaneMarks {
    epoch: i64,
    now: HashMap<String, CursorMark>,
    /// Those of looks for history.
    later: HashMap<String, CursorMark>,
}

#[derive(Debug, Clone, Copy)]
struct CursorMark {
    from: Option<DateTime<Utc>>,
    whole: Instant,
}

impl ClaimCursor {
    /// Where to begin for each shop; none: at the beginning.
    pub(in crate::app) fn from(
        &self,
        look: LaneLook<'_>,
        shops: &[String],
    ) -> Vec<Option<DateTime<Utc>>> {
        let lanes = self.0.lock();
        let lane = lanes.get(look.lane);
        let lane = lane.filter(|lane| lane.epoch == look.epoch);
        let marks = lane.map(|lane| if look.later { &lane.later } else { &lane.now });
        let of = |shop: &String| {
            let mark = marks?.get(shop)?;
            mark.from.filter(|_| mark.whole.elapsed() < WHOLE_AGAIN)
        };
        shops.iter().map(of).collect()
    }

    /// A look at a shop that began at `from` found this; none: nothing was due.
    pub(in crate::app) fn found(
        &self,
        look: LaneLook<'_>,
        shop: &str,
        from: Option<DateTime<Utc>>,
        first: Option<DateTime<Utc>>,
    ) {
        let mut lanes = self.0.lock();
        let lane = lanes.entry(look.lane.to_owned()).or_default();
        if lane.epoch != look.epoch {
            *lane = LaneMarks {
                epoch: look.epoch,
                ..LaneMarks::default()
            };
        }
        let marks = if look.later {
            &mut lane.later
        } else {
            &mut lane.now
        };
        let mark = marks.entry(shop.to_owned()).or_insert_with(|| CursorMark {
            from: None,
            whole: Instant::now(),
        });
        if from.is_none() {
            mark.whole = Instant::now();
        }
        if first.is_some() {
            mark.from = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(second, 0)
    }

    #[tokio::test(start_paused = true)]
    async fn looks_begin_where_the_last_one_found_something_and_now_and_then_at_the_beginning() {
        let water = ClaimCursor::default();
        let place = LaneLook {
            lane: "main",
            epoch: 1,
            later: false,
        };
        let history = LaneLook {
            later: true,
            ..place
        };
        let next_turn = LaneLook { epoch: 2, ..place };
        let both = ["a".to_owned(), "b".to_owned()];
        let from = |place| water.from(place, &both);
        assert_eq!(from(place), [None, None]);
        water.found(place, "a", None, at(5));
        assert_eq!(from(place), [at(5), None], "another shop has its own");
        water.found(place, "a", at(5), at(7));
        water.found(place, "a", at(7), None);
        assert_eq!(from(place), [at(7), None]);
        assert_eq!(from(history), [None, None], "history has its own");
        assert_eq!(from(next_turn), [None, None], "so has another turn");
        tokio::time::advance(WHOLE_AGAIN).await;
        assert_eq!(from(place), [None, None]);
        water.found(place, "a", None, at(6));
        assert_eq!(from(place), [at(6), None], "something older was found");
        water.found(next_turn, "b", None, at(8));
        assert_eq!(from(next_turn), [None, at(8)]);
        assert_eq!(from(place), [None, None], "an earlier turn's are forgotten");
    }
}
