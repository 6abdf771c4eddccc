//! The last hour: what was settled in it, by minute. Minutes that are over are counted once and
//! kept: an hour may have a hundred thousand events, and pages and the status ask again and again.

use crate::{
    app::{Error, Operations, operations::overview::Minute},
    storage::views::stats::{self, SettledMinute},
};
use parking_lot::Mutex;
use sqlx::PgConnection;

/// How many minutes are told of, the one that runs included.
const MINUTES: i64 = 60;
/// How many minutes may still get more: a transaction has the time of its begin.
const OPEN: i64 = 2;

/// The minutes of the last hour, as far as this process has counted them.
#[derive(Debug, Default)]
pub(super) struct SettledMinutes(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Minutes below this are counted for good.
    until: i64,
    rows: Vec<SettledMinute>,
}

impl SettledMinutes {
    /// The first minute that is to be counted, at this one.
    fn first(&self, now: i64) -> i64 {
        let until = self.0.lock().until.min(now - OPEN + 1);
        until.max(now - MINUTES + 1)
    }

    /// All rows of the last hour, with what was counted anew from this minute on.
    fn with(&self, now: i64, first: i64, fresh: Vec<SettledMinute>) -> Vec<SettledMinute> {
        let mut counted = self.0.lock();
        let oldest = now - MINUTES + 1;
        let kept = |row: &SettledMinute| (oldest..first).contains(&row.minute);
        counted.rows.retain(kept);
        counted.rows.extend(fresh);
        counted.until = now - OPEN + 1;
        counted.rows.clone()
    }
}

impl Operations {
    /// What was settled in the last hour: by minute, portal and shop.
    pub(super) async fn settled_lately(
        &self,
        db: &mut PgConnection,
    ) -> Result<Vec<SettledMinute>, Error> {
        let now = stats::this_minute(db).await?;
        let first = self.settled.first(now);
        let fresh = stats::settled_since(db, first).await?;
        Ok(self.settled.with(now, first, fresh))
    }

    /// The last hour by minute.
    pub(super) async fn minutes(&self, db: &mut PgConnection) -> Result<Vec<Minute>, Error> {
        let rows = self.settled_lately(db).await?;
        let now = stats::this_minute(db).await?;
        let minute = |ago: i64| {
            let then = rows.iter().filter(|row| row.minute == now - ago);
            Minute {
                ago,
                done: then.clone().map(|row| row.done).sum(),
                dead: then.map(|row| row.dead).sum(),
            }
        };
        Ok((0..MINUTES)
            .map(minute)
            .filter(|minute| minute.done + minute.dead > 0)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(minute: i64, done: i64) -> SettledMinute {
        SettledMinute {
            minute,
            portal: "main".to_owned(),
            shop: "main".to_owned(),
            done,
            dead: 0,
        }
    }

    fn sum(rows: &[SettledMinute]) -> i64 {
        rows.iter().map(|row| row.done).sum()
    }

    #[test]
    fn minutes_that_are_over_are_counted_once_and_those_that_run_again() {
        let minutes = SettledMinutes::default();
        assert_eq!(minutes.first(1_000), 941);
        let all = minutes.with(1_000, 941, vec![row(941, 5), row(999, 2), row(1_000, 1)]);
        assert_eq!(sum(&all), 8);
        // Both of these may still have got more.
        assert_eq!(minutes.first(1_000), 999);
        let all = minutes.with(1_000, 999, vec![row(999, 3), row(1_000, 4)]);
        assert_eq!(sum(&all), 12);
        // A minute later the oldest is no longer of the hour.
        assert_eq!(minutes.first(1_001), 999);
        let all = minutes.with(1_001, 999, vec![row(999, 3), row(1_000, 4), row(1_001, 1)]);
        assert_eq!(sum(&all), 8);
    }

    #[test]
    fn a_clock_that_is_set_back_or_stood_still_is_counted_anew() {
        let minutes = SettledMinutes::default();
        minutes.with(1_000, 941, vec![row(950, 5)]);
        assert_eq!(minutes.first(900), 899);
        assert_eq!(minutes.first(5_000), 4_941);
        assert_eq!(minutes.with(5_000, 4_941, Vec::new()), Vec::new());
    }
}
