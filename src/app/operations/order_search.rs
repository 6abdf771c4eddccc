//! The look for a page of orders: where those that a filter means are found soonest, and how far it
//! goes in the time that a person waits for a page.

use crate::{
    app::Error,
    storage::{
        intake::search_keys,
        views::search::{self, Candidate, FoundRow, Patterns, Range, Wanted},
    },
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::{Duration, Instant};

/// How many events are looked through first, and at most at once.
const STEPS: (i64, i64) = (1_000, 2_000);
/// The same where only their words are looked at.
const WORD_STEPS: (i64, i64) = (8_000, 32_000);
/// The most orders that are looked at as a whole at once.
pub(super) const LARGEST_CHUNK: i64 = 1_000;
/// How long one page looks, the last step beside: whoever waits for a page, waits no longer.
const PATIENCE: Duration = Duration::from_millis(80);
/// The same where only words are looked at: in that time a page goes through tens of thousands
/// of them.
const WORD_PATIENCE: Duration = Duration::from_millis(25);
/// Where no more orders than this may differ from their deals, each of them is looked at; where
/// more do, those that differ are found soon among the newest.
const FEW: i64 = 2_000;

/// Where orders are looked for.
pub(super) enum Place {
    /// From the newest event back, step by step.
    Events,
    /// The same, by their words; the words of what is below this id are not known yet.
    Words(Patterns, Option<i64>),
    /// Among those of which something waits to be sent.
    Waiting,
    /// Among those with an open dead letter.
    Dead,
    /// Among those that may differ from their deals.
    Differing,
}

impl Place {
    /// Where orders are found in which these words occur.
    pub(super) async fn words(db: &mut PgConnection, patterns: Patterns) -> Result<Self, Error> {
        let unread = search_keys::unread_below(db).await?;
        Ok(Self::Words(patterns, unread))
    }

    /// Where orders that differ from their deals are found soonest.
    pub(super) async fn differing(db: &mut PgConnection) -> Result<Self, Error> {
        let few = search::few_differ(db, FEW).await?;
        Ok(if few { Self::Differing } else { Self::Events })
    }

    /// How many events are looked through first, and at most at once; none where an index names
    /// the orders.
    fn steps(&self) -> Option<(i64, i64)> {
        match self {
            Self::Events => Some(STEPS),
            Self::Words(..) => Some(WORD_STEPS),
            Self::Waiting | Self::Dead | Self::Differing => None,
        }
    }

    /// How long one page looks there.
    fn patience(&self) -> Duration {
        match self {
            Self::Words(..) => WORD_PATIENCE,
            _ => PATIENCE,
        }
    }

    async fn candidates(
        &self,
        db: &mut PgConnection,
        range: Range,
        wanted: &Wanted,
    ) -> Result<Vec<Candidate>, Error> {
        Ok(match self {
            Self::Events => search::by_event(db, range, wanted).await?,
            Self::Words(patterns, _) => search::by_words(db, range, patterns).await?,
            Self::Waiting => search::waiting(db, range, wanted).await?,
            Self::Dead => search::dead(db, range, wanted).await?,
            Self::Differing => search::differing(db, range, wanted).await?,
        })
    }
}

/// What a look has found.
pub(super) struct Looked {
    pub(super) found: Vec<FoundRow>,
    /// Where the next page begins; none after the last.
    pub(super) next: Option<i64>,
    /// With a `next`: the orders of then and later are looked through.
    pub(super) back_to: Option<DateTime<Utc>>,
}

/// A page that is being looked for.
pub(super) struct Look {
    place: Place,
    lowest: i64,
    before: i64,
    limit: i64,
    found: Vec<FoundRow>,
}

impl Look {
    /// A look in this place for so many orders whose newest event is below `before`, and not below
    /// `lowest`.
    pub(super) fn new(place: Place, (lowest, before): (i64, i64), limit: u32) -> Self {
        Self {
            place,
            lowest,
            before,
            limit: limit.into(),
            found: Vec::new(),
        }
    }

    /// From the newest back, until the page is full, all is looked through, or it takes too long.
    pub(super) async fn through(
        mut self,
        db: &mut PgConnection,
        wanted: &Wanted,
    ) -> Result<Looked, Error> {
        let began = Instant::now();
        let mut step = self.place.steps();
        let mut chunk = self.limit + 1;
        loop {
            let Some(floor) = self.floor(db, step).await? else {
                return Ok(self.page(None));
            };
            let range = Range {
                floor: floor.max(self.lowest),
                before: self.before,
                limit: chunk,
            };
            let candidates = self.place.candidates(db, range, wanted).await?;
            let last = candidates.last().map(|one| one.head);
            let whole = i64::try_from(candidates.len()).unwrap_or(i64::MAX) < chunk;
            self.before = last.filter(|_| !whole).unwrap_or(range.floor);
            let found = search::known(db, &candidates, wanted, self.limit + 1).await?;
            self.found.extend(found);
            let full = self.found.len() > usize::try_from(self.limit).unwrap_or(usize::MAX);
            if full || (whole && step.is_none()) || self.before <= self.lowest {
                return Ok(self.page(None));
            }
            if let Place::Words(_, Some(unread)) = self.place
                && self.before <= unread
            {
                return self.so_far(db).await;
            }
            if began.elapsed() > self.place.patience() {
                return self.so_far(db).await;
            }
            chunk = (chunk * 4).min(LARGEST_CHUNK.max(self.limit + 1));
            step = step.map(|(step, largest)| ((step * 4).min(largest), largest));
        }
    }

    /// Down to which id the next step looks; none where nothing is left. It is so many ids below
    /// the newest that is left: to count events would cost more than to look at their words.
    async fn floor(
        &self,
        db: &mut PgConnection,
        step: Option<(i64, i64)>,
    ) -> Result<Option<i64>, Error> {
        match step {
            Some((step, _)) => {
                let newest = search::newest_upto(db, self.before.saturating_sub(1)).await?;
                Ok(newest.map(|(id, _)| id.saturating_sub(step - 1)))
            }
            None => Ok(Some(i64::MIN)),
        }
    }

    /// What was found until now, and how far that was; all of it, if nothing is left.
    async fn so_far(self, db: &mut PgConnection) -> Result<Looked, Error> {
        let left = search::newest_upto(db, self.before.saturating_sub(1)).await?;
        Ok(self.page(left.map(|(_, at)| at)))
    }

    /// What was found, and where the next page begins.
    fn page(mut self, looked_back_to: Option<DateTime<Utc>>) -> Looked {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = self.found.len() > limit;
        self.found.truncate(limit);
        let last = self.found.last();
        let next = match (more, looked_back_to) {
            (true, _) => last.map(|row| row.head),
            (false, Some(_)) => Some(self.before),
            (false, None) => None,
        };
        let since = if more {
            last.and_then(|row| row.received_at)
        } else {
            looked_back_to
        };
        Looked {
            back_to: next.and(since),
            found: self.found,
            next,
        }
    }
}
