//! Observers, who are told of every call: for meters and logs.

use super::Error;
use std::time::Duration;

/// A request that was sent, once for each repetition.
#[derive(Debug)]
pub struct CallRecord<'a> {
    /// The method; `batch` for a batch.
    pub method: &'a str,
    /// The commands of a batch.
    pub commands: Option<usize>,
    /// How long it waited for the request limit.
    pub waited: Duration,
    /// Requests a second that the limit allowed then.
    pub pace: f64,
    /// How long the portal took.
    pub took: Duration,
    /// The error of a call that failed; `None` where it was answered.
    pub failed: Option<&'a Error>,
}

/// Is told of every call; must be quick, and gets nothing secret.
pub trait CallObserver: Send + Sync {
    /// A request is about to be sent; [`CallObserver::called`] follows.
    fn sending(&self, _method: &str) {}

    /// A method rests for so long, since its execution time is used up.
    fn blocked(&self, _method: &str, _rests: Duration) {}

    /// The portal answers from another host than the configured one.
    fn moved(&self, _host: &str) {}

    /// A request was sent and ended.
    fn called(&self, call: &CallRecord<'_>);

    /// A command of a batch was answered.
    fn commanded(&self, method: &str, taken: bool);

    /// The portal told how many seconds of a method's budget are used.
    fn operating(&self, method: &str, seconds: f64);
}
