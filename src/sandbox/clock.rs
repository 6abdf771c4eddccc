//! The portal's clock: one offset from UTC, one error, whole seconds where the API shows them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeDelta, Utc};

#[derive(Debug, Clone)]
pub(crate) struct Clock {
    offset: FixedOffset,
    skew: TimeDelta,
}

impl Clock {
    pub(crate) fn new(offset_minutes: i32, skew_seconds: i64) -> Self {
        let offset = FixedOffset::east_opt(offset_minutes.saturating_mul(60));
        Self {
            offset: offset.unwrap_or_else(|| Utc.fix()),
            skew: TimeDelta::try_seconds(skew_seconds).unwrap_or_default(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is the other side: it owns its clock"
    )]
    pub(crate) fn now(&self) -> DateTime<FixedOffset> {
        (Utc::now() + self.skew).with_timezone(&self.offset)
    }

    pub(crate) fn stamp(&self) -> String {
        iso(self.now())
    }

    /// Reads the date formats that the portal accepts.
    pub(crate) fn parse(&self, text: &str) -> Option<DateTime<FixedOffset>> {
        let text = text.trim();
        if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
            return Some(exact.with_timezone(&self.offset));
        }
        let formats = [
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%d.%m.%Y %H:%M:%S",
        ];
        let local = formats
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| parse_day(text).and_then(|day| day.and_hms_opt(0, 0, 0)))?;
        local.and_local_timezone(self.offset).single()
    }

    /// A calendar day as the CRM shows it: midnight in UTC, told in the portal's offset.
    pub(crate) fn day(&self, text: &str) -> Option<String> {
        let day = parse_day(text).or_else(|| self.parse(text).map(|at| at.date_naive()))?;
        Some(iso(day
            .and_hms_opt(0, 0, 0)?
            .and_utc()
            .with_timezone(&self.offset)))
    }

    /// The day so many days from now, in the same form.
    pub(crate) fn day_from_now(&self, days: i64) -> Option<String> {
        let day = (self.now() + TimeDelta::try_days(days)?).date_naive();
        self.day(&day.to_string())
    }
}

fn parse_day(text: &str) -> Option<NaiveDate> {
    ["%Y-%m-%d", "%d.%m.%Y"]
        .iter()
        .find_map(|f| NaiveDate::parse_from_str(text, f).ok())
}

pub(crate) fn iso(at: DateTime<FixedOffset>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_an_instant_is_read() {
        let clock = Clock::new(180, 0);
        let same = "2026-01-02T13:00:00+03:00";
        for text in [
            "2026-01-02T10:00:00Z",
            same,
            "2026-01-02 13:00:00",
            "02.01.2026 13:00:00",
        ] {
            assert_eq!(clock.parse(text).map(iso).as_deref(), Some(same), "{text}");
        }
        assert!(clock.parse("yesterday").is_none());
    }

    #[test]
    fn a_day_is_a_shifted_midnight() {
        let clock = Clock::new(180, 0);
        assert_eq!(
            clock.day("2026-01-02").as_deref(),
            Some("2026-01-02T03:00:00+03:00")
        );
        assert_eq!(
            clock.day("29.04.2025").as_deref(),
            Some("2025-04-29T03:00:00+03:00")
        );
    }
}
