//! The portal's clock, as each answer shows it.

use super::response::figure;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A time that the portal told in an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerTime {
    /// When the answer was here.
    pub at: Instant,
    /// From sending to answer.
    pub round_trip: Duration,
    /// What its clock showed when it was done.
    pub remote: DateTime<Utc>,
    /// In which steps it tells the time.
    pub step: TimeDelta,
}

impl ServerTime {
    /// Reads `time` of an answer: `finish` (a fraction of seconds) or `date_finish` (whole
    /// seconds).
    pub(super) fn read(time: &Value, sent: Instant) -> Option<Self> {
        let exact = time
            .get("finish")
            .and_then(figure)
            .filter(|seconds| (1e9..1e11).contains(seconds) && seconds.fract() > 0.0);
        let (remote, step) = if let Some(seconds) = exact {
            #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
            let millis = (seconds * 1000.0) as i64;
            (
                DateTime::from_timestamp_millis(millis)?,
                TimeDelta::milliseconds(1),
            )
        } else {
            let text = time.get("date_finish")?.as_str()?;
            let remote = DateTime::parse_from_rfc3339(text).ok()?;
            (remote.with_timezone(&Utc), TimeDelta::seconds(1))
        };
        let at = Instant::now();
        Some(Self {
            at,
            round_trip: at.duration_since(sent),
            remote,
            step,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_finer_time_is_believed_and_nothing_is_made_of_nonsense() {
        let sent = Instant::now();
        let read =
            |time: &Value| ServerTime::read(time, sent).map(|heard| (heard.remote, heard.step));
        let whole = DateTime::from_timestamp(1_766_047_124, 0).unwrap();
        let both = json!({"finish": 1_766_047_124.25, "date_finish": "2025-12-18T11:38:44+03:00"});
        assert_eq!(
            read(&both),
            Some((
                whole + TimeDelta::milliseconds(250),
                TimeDelta::milliseconds(1)
            ))
        );
        let coarse = json!({"date_finish": "2025-12-18T11:38:44+03:00"});
        assert_eq!(read(&coarse), Some((whole, TimeDelta::seconds(1))));
        for nonsense in [
            json!(null),
            json!([]),
            json!({"finish": "x", "date_finish": 5}),
        ] {
            assert_eq!(read(&nonsense), None);
        }
    }
}
