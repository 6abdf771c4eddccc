//! Meters as methods in plain words; their names are in the table of [`super::metric_catalog`].

use super::metric_catalog::Meters;
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode, registry::Registry};
use std::{fmt, sync::Arc, time::Duration};

/// All meters. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    meters: Arc<Meters>,
}

/// What waits in one lane in one state, as just counted.
#[derive(Debug, Clone)]
pub struct Depth<'a> {
    /// The name of the lane.
    pub lane: &'a str,
    /// `new`, `retrying` or `dead`.
    pub state: &'a str,
    /// How many events are in that state.
    pub count: i64,
    /// The age of the oldest of them, in seconds.
    pub oldest_seconds: f64,
}

/// What stopped a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// A fault of the remote side.
    Fault,
    /// A person who paused it.
    Person,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let meters = Meters::registered(&mut registry);
        meters.build.at(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Self {
            registry: Arc::new(Mutex::new(registry)),
            meters: Arc::new(meters),
        }
    }
}

impl Metrics {
    /// Everything as Prometheus reads it (OpenMetrics text).
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    /// An event was received: `queued`, `duplicate`, `conflict` or `invalid`.
    pub fn accepted(&self, result: &str) {
        self.meters.received.at(&[result]).inc();
    }

    /// Accepted events were overtaken by newer snapshots of their orders.
    pub fn superseded(&self, lane: &str, count: usize) {
        self.meters
            .settled
            .at(&[lane, "superseded"])
            .inc_by(count as u64);
    }

    /// Events were tried: `done`, `dead`, `retried` or `stalled`. The first two are settled by it.
    pub fn tried(&self, lane: &str, outcome: &str, count: usize) {
        let count = count as u64;
        self.meters.tried.at(&[lane, outcome]).inc_by(count);
        if matches!(outcome, "done" | "dead") {
            self.meters.settled.at(&[lane, outcome]).inc_by(count);
        }
    }

    /// 1C asked for something, and how it was answered.
    pub fn onec_asked(&self, base: &str, mode: &str, result: &str) {
        self.meters.onec_requests.at(&[base, mode, result]).inc();
    }

    /// Orders in answers to 1C: `offered`, `confirmed` or `cut`.
    pub fn onec_orders(&self, base: &str, what: &str, count: u64) {
        self.meters.onec_orders.at(&[base, what]).inc_by(count);
    }

    /// A document of 1C was refused with this code.
    pub fn onec_document(&self, base: &str, code: &str) {
        self.meters.onec_documents.at(&[base, code]).inc();
    }

    /// What waits for a 1C base, and for how long.
    pub fn onec_waiting(&self, base: &str, count: i64, oldest_seconds: f64) {
        #[expect(clippy::cast_precision_loss, reason = "a meter")]
        self.meters.onec_waiting.at(&[base]).set(count as f64);
        self.meters.onec_oldest.at(&[base]).set(oldest_seconds);
    }

    /// Something became a dead letter.
    pub fn died(&self, lane: &str, code: &str) {
        self.meters.died.at(&[lane, code]).inc();
    }

    /// An HTTP request was answered; `route` is the pattern, never the path.
    pub fn requested(&self, method: &str, route: &str, status: u16, took: Duration) {
        let meters = &self.meters;
        let status = status.to_string();
        meters.requests.at(&[method, route, &status]).inc();
        meters
            .request_seconds
            .at(&[route])
            .observe(took.as_secs_f64());
    }

    /// A call to a portal ended: `ok`, or the code of what went wrong.
    pub fn called(&self, portal: &str, method: &str, result: &str, took: Duration) {
        self.meters.calls.at(&[portal, method, result]).inc();
        self.meters
            .call_seconds
            .at(&[portal])
            .observe(took.as_secs_f64());
    }

    /// A call waited this long for the request limit.
    pub fn limited(&self, portal: &str, waited: Duration) {
        self.meters
            .limiter
            .at(&[portal])
            .observe(waited.as_secs_f64());
    }

    /// A call was sent when so many requests a second were allowed.
    pub fn paced(&self, portal: &str, pace: f64) {
        self.meters.pace.at(&[portal]).set(pace);
    }

    /// A batch of so many commands was sent.
    pub fn batched(&self, portal: &str, commands: usize) {
        let commands = u32::try_from(commands).unwrap_or(u32::MAX);
        self.meters
            .commands
            .at(&[portal])
            .observe(f64::from(commands));
    }

    /// A command of a batch was answered: `ok` or `refused`.
    pub fn commanded(&self, portal: &str, method: &str, result: &str) {
        self.meters.asked.at(&[portal, method, result]).inc();
    }

    /// The portal told how much of a method's execution time is used.
    pub fn operating(&self, portal: &str, method: &str, seconds: f64) {
        self.meters.operating.at(&[portal, method]).set(seconds);
    }

    /// So many connections were closed at once since the last time.
    pub fn connections_refused(&self, count: u64) {
        self.meters.connections_refused.at(&[]).inc_by(count);
    }

    /// A lane's lease was `taken`, `released` or `lost`.
    pub fn lease(&self, lane: &str, change: &str) {
        self.meters.leases.at(&[lane, change]).inc();
    }

    /// So many turns of a lane failed in a row.
    pub fn turns_failed(&self, lane: &str, count: u32) {
        self.meters.turns_failed.at(&[lane]).set(f64::from(count));
    }

    /// A lane's task panicked and is started again.
    pub fn restarted(&self, lane: &str) {
        self.meters.restarted.at(&[lane]).inc();
    }

    /// What waits in the lanes, as just counted, all of them.
    pub fn depths<'a>(&self, depths: impl IntoIterator<Item = Depth<'a>>) {
        self.meters.depth.clear();
        self.meters.oldest.clear();
        for depth in depths {
            let labels = [depth.lane, depth.state];
            self.meters.depth.at(&labels).set(level(depth.count));
            self.meters.oldest.at(&labels).set(depth.oldest_seconds);
        }
    }

    /// Whether a lane sends, and whether a worker drives it, as just read.
    pub fn lane(&self, lane: &str, stopped: Option<StopReason>, driven: bool) {
        for (by, name) in [(StopReason::Fault, "fault"), (StopReason::Person, "person")] {
            let on = f64::from(u8::from(stopped == Some(by)));
            self.meters.paused.at(&[lane, name]).set(on);
        }
        self.meters
            .driven
            .at(&[lane])
            .set(f64::from(u8::from(driven)));
    }

    /// Open dead letters as just counted, all of them: (shop, code, how many).
    pub fn dead<'a>(&self, counts: impl IntoIterator<Item = (&'a str, &'a str, i64)>) {
        self.meters.letters.clear();
        for (shop, code, count) in counts {
            self.meters.letters.at(&[shop, code]).inc_by(level(count));
        }
    }

    /// Open conflicts as just counted, all of them: (shop, how many).
    pub fn conflicts<'a>(&self, counts: impl IntoIterator<Item = (&'a str, i64)>) {
        self.meters.conflicts.clear();
        for (shop, count) in counts {
            self.meters.conflicts.at(&[shop]).set(level(count));
        }
    }

    /// Status changes that shops were not told, as just counted, all of them: (shop, state, how
    /// many).
    pub fn untold(&self, counts: impl IntoIterator<Item = (String, &'static str, i64)>) {
        self.meters.untold.clear();
        for (shop, state, count) in counts {
            self.meters.untold.at(&[&shop, state]).set(level(count));
        }
    }

    /// Events from SQL that wait, as just counted.
    pub fn published(&self, waiting: i64) {
        self.meters.published.at(&[]).set(level(waiting));
    }

    /// A notification came: `stored`, `ignored`, `forbidden` or `malformed`.
    pub fn notification(&self, result: &str) {
        self.meters.notifications.at(&[result]).inc();
    }

    /// A decision was put on record: `shop`, `portal`, or `none` where nobody had to be right.
    pub fn decision(&self, winner: &str) {
        self.meters.decisions.at(&[winner]).inc();
    }

    /// A status change was sent to a shop: `delivered`, `conflict`, `refused`, `dead` or `down`.
    pub fn callback(&self, result: &str) {
        self.meters.callbacks.at(&[result]).inc();
    }

    /// A form was posted: `queued`, `repeated`, `kept`, `dead` or `ping`.
    pub fn form_received(&self, shop: &str, form: &str, result: &str) {
        self.meters.forms.at(&[shop, form, result]).inc();
    }

    /// So many forms of a shop brought telephones and bring none any more.
    pub fn forms_without_phones(&self, shop: &str, count: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a meter")]
        self.meters
            .forms_without_phones
            .at(&[shop])
            .set(count as f64);
    }

    /// Whether a portal does not let the bridge write its catalogue.
    pub fn products_held_back(&self, portal: &str, held: bool) {
        let meter = self.meters.products_held_back.at(&[portal]);
        meter.set(f64::from(u8::from(held)));
    }

    /// A reservation was asked for: `held`, `short` or `refused`.
    pub fn reservation(&self, result: &str) {
        self.meters.reservations.at(&[result]).inc();
    }

    /// A receipt of a till came: `queued`, `older`, `duplicate`, `conflict` or `changed`; or one
    /// was `replayed`, as a parked line's product or store is known by now.
    pub fn receipt(&self, result: &str) {
        self.meters.receipts.at(&[result]).inc();
    }

    /// So many reservations ran out.
    pub fn expired(&self, count: i64) {
        let count = u64::try_from(count).unwrap_or_default();
        self.meters.expired.at(&[]).inc_by(count);
    }

    /// A shortage was judged: what was done.
    pub fn shortage(&self, result: &str) {
        self.meters.shortages.at(&[result]).inc();
    }

    /// Open shortages as just counted: (stock, how many).
    pub fn shortages_open<'a>(&self, counts: impl IntoIterator<Item = (&'a str, i64)>) {
        self.meters.shortages_open.clear();
        for (stock, count) in counts {
            self.meters.shortages_open.at(&[stock]).set(level(count));
        }
    }

    /// For how long the APIs of tills were not read: (till, seconds).
    pub fn tills_unread<'a>(&self, tills: impl IntoIterator<Item = (&'a str, f64)>) {
        self.meters.till_unread.clear();
        for (till, seconds) in tills {
            self.meters.till_unread.at(&[till]).set(seconds);
        }
    }

    /// The pool's connections, and whether the database answered.
    pub fn database(&self, up: bool, idle: usize, open: u32, most: u32) {
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
        let states = [
            ("idle", idle),
            ("used", open - idle),
            ("free", most.saturating_sub(open)),
        ];
        for (state, count) in states {
            self.meters.pool.at(&[state]).set(f64::from(count));
        }
        self.meters.database.at(&[]).set(f64::from(u8::from(up)));
    }
}

/// A count as a gauge holds it.
fn level(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}
