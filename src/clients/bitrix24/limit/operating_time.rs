//! Execution time per method. The portal counts it over ten minutes and blocks a method that used
//! too much; each answer tells the sum.

use crate::clients::bitrix24::response::{figure, seconds};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What the portal last said of one method.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Operating {
    /// Seconds used in the last ten minutes.
    pub seconds: f64,
    /// Unix seconds at which the oldest minute is forgotten.
    pub reset_at: Option<i64>,
    /// Unix seconds until which the method is blocked.
    pub blocked_until: Option<i64>,
}

/// Seconds in ten minutes after which a method waits for its oldest minute to drop out. The portal
/// blocks it at 480, one that is self-hosted at 420; one more batch of slow commands must still
/// fit.
const SPENT: f64 = 390.0;

/// How long a blocked method waits when the portal does not say: until the next minute's bucket
/// drops out.
const UNKNOWN_WAIT: i64 = 60;

#[derive(Debug, Default)]
pub(in crate::clients::bitrix24) struct OperatingTimes(Mutex<HashMap<String, Operating>>);

impl OperatingTimes {
    /// Takes the `time` of an answer.
    pub(in crate::clients::bitrix24) fn seen(&self, method: &str, time: &Value) {
        let Some(used) = time.get("operating").and_then(figure) else {
            return;
        };
        let mut gauges = self.0.lock();
        let gauge = gauges.entry(method.to_owned()).or_default();
        gauge.seconds = used;
        gauge.reset_at = time.get("operating_reset_at").and_then(seconds);
        // Below the limit, so that the method is never refused to others who use the same webhook
        // by hand.
        let now = now();
        let near = gauge
            .reset_at
            .filter(|at| used >= SPENT && *at > now && *at <= now + 600);
        gauge.blocked_until = near;
    }

    /// The portal blocked the method. Returns until when.
    pub(in crate::clients::bitrix24) fn blocked(&self, method: &str, until: Option<i64>) -> i64 {
        let mut gauges = self.0.lock();
        let gauge = gauges.entry(method.to_owned()).or_default();
        let now = now();
        let known = until
            .or(gauge.reset_at)
            .filter(|at| *at > now && *at <= now + 600);
        let until = known.unwrap_or(now + UNKNOWN_WAIT);
        gauge.blocked_until = Some(until);
        until
    }

    /// Until when the method is blocked, if it is.
    pub(in crate::clients::bitrix24) fn blocked_until(&self, method: &str) -> Option<i64> {
        let gauges = self.0.lock();
        gauges
            .get(method)?
            .blocked_until
            .filter(|until| *until > now())
    }

    /// For how long the method is blocked, if it is.
    pub(in crate::clients::bitrix24) fn rests(&self, method: &str) -> Option<Duration> {
        let left = self.blocked_until(method)? - now();
        u64::try_from(left).ok().map(Duration::from_secs)
    }

    pub(in crate::clients::bitrix24) fn all(&self) -> HashMap<String, Operating> {
        self.0.lock().clone()
    }
}

fn now() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_blocked_method_waits_and_an_answer_frees_it() {
        let gauges = OperatingTimes::default();
        gauges.seen(
            "crm.deal.add",
            &json!({"operating": 470.5, "operating_reset_at": now() + 100}),
        );
        assert_eq!(gauges.blocked("crm.deal.add", None), now() + 100);
        assert!(gauges.blocked_until("crm.deal.add").is_some());
        assert!(gauges.blocked_until("crm.deal.list").is_none());
        gauges.seen("crm.deal.add", &json!({"operating": 1.0}));
        assert!(gauges.blocked_until("crm.deal.add").is_none());
    }

    #[test]
    fn figures_that_come_as_texts_count() {
        let gauges = OperatingTimes::default();
        let reset = now() + 100;
        let time = json!({"operating": "470.5", "operating_reset_at": reset.to_string()});
        gauges.seen("crm.deal.add", &time);
        assert_eq!(gauges.blocked_until("crm.deal.add"), Some(reset));
    }

    #[test]
    fn an_unbelievable_time_is_not_believed() {
        let gauges = OperatingTimes::default();
        assert_eq!(
            gauges.blocked("m", Some(9_999_999_999)),
            now() + UNKNOWN_WAIT
        );
    }
}
