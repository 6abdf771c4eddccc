//! The meters: what the bridge counts, in the Prometheus registry that `/metrics` shows.
//!
//! To add one: a field, its line in `Default`, and a method that says in plain words when it moves.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{fmt, sync::Arc, time::Duration};

/// Buckets of a portal call, in seconds: the vendor cuts a call off at 60.
const CALL_BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPortal {
    portal: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    portal: String,
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLetter {
    portal: String,
    shop: String,
    code: String,
}

/// All meters. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<std::sync::Mutex<Registry>>,
    accepted: Family<ByResult, Counter>,
    settled: Family<ByOutcome, Counter>,
    calls: Family<ByOutcome, Counter>,
    call_seconds: Family<ByPortal, Histogram, fn() -> Histogram>,
    leases_lost: Family<ByPortal, Counter>,
    pending: Family<ByPortal, Gauge>,
    oldest: Family<ByPortal, Gauge>,
    dead: Family<ByLetter, Gauge>,
    paused: Family<ByPortal, Gauge>,
    published: Gauge,
    notifications: Family<ByResult, Counter>,
    decisions: Family<ByResult, Counter>,
    callbacks: Family<ByResult, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bridge");
        let histogram: fn() -> Histogram = || Histogram::new(CALL_BUCKETS);
        let metrics = Self {
            registry: Arc::default(),
            accepted: Family::default(),
            settled: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(histogram),
            leases_lost: Family::default(),
            pending: Family::default(),
            oldest: Family::default(),
            dead: Family::default(),
            paused: Family::default(),
            published: Gauge::default(),
            notifications: Family::default(),
            decisions: Family::default(),
            callbacks: Family::default(),
        };
        registry.register(
            "events",
            "Events received, by result",
            metrics.accepted.clone(),
        );
        registry.register(
            "events_tried",
            "Events tried, by outcome",
            metrics.settled.clone(),
        );
        registry.register(
            "portal_calls",
            "Calls to the portal, by outcome",
            metrics.calls.clone(),
        );
        registry.register(
            "portal_call_seconds",
            "Duration of a portal call",
            metrics.call_seconds.clone(),
        );
        registry.register(
            "leases_lost",
            "Leases lost while working",
            metrics.leases_lost.clone(),
        );
        registry.register(
            "orders_pending",
            "Orders that wait",
            metrics.pending.clone(),
        );
        registry.register(
            "orders_oldest_seconds",
            "Age of the oldest waiting order",
            metrics.oldest.clone(),
        );
        registry.register("dead_letters", "Open dead letters", metrics.dead.clone());
        registry.register(
            "lane_paused",
            "1 while a lane does not send",
            metrics.paused.clone(),
        );
        registry.register(
            "published_waiting",
            "Events from SQL not taken up",
            metrics.published.clone(),
        );
        metrics.register_way_back(&mut registry);
        Self {
            registry: Arc::new(std::sync::Mutex::new(registry)),
            ..metrics
        }
    }
}

impl Metrics {
    fn register_way_back(&self, registry: &mut Registry) {
        registry.register(
            "notifications",
            "Notifications of portals, by result",
            self.notifications.clone(),
        );
        registry.register(
            "decisions",
            "Decisions about differences, by who was right",
            self.decisions.clone(),
        );
        registry.register(
            "callbacks",
            "Status changes sent to shops, by result",
            self.callbacks.clone(),
        );
    }

    /// Adds meters of another room.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// Everything as Prometheus reads it (OpenMetrics text).
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registry = self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        encode(&mut text, &registry)?;
        Ok(text)
    }

    /// An event was received: `queued`, `duplicate`, `conflict` or `invalid`.
    pub fn accepted(&self, result: &str) {
        self.accepted
            .get_or_create(&ByResult {
                result: result.to_owned(),
            })
            .inc();
    }

    /// Events were tried: `done`, `dead`, `retried` or `stalled`.
    pub fn tried(&self, portal: &str, outcome: &str, count: usize) {
        let labels = ByOutcome {
            portal: portal.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.settled.get_or_create(&labels).inc_by(count as u64);
    }

    /// A portal call ended: `answered`, or the code of what went wrong.
    pub fn called(&self, portal: &str, outcome: &str, took: Duration) {
        let labels = ByOutcome {
            portal: portal.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.calls.get_or_create(&labels).inc();
        let labels = ByPortal {
            portal: portal.to_owned(),
        };
        self.call_seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// A lane was taken by another worker while this one worked.
    pub fn lease_lost(&self, portal: &str) {
        self.leases_lost
            .get_or_create(&ByPortal {
                portal: portal.to_owned(),
            })
            .inc();
    }

    /// The state of a lane, as just read.
    pub fn lane(&self, portal: &str, pending: i64, oldest_seconds: i64, paused: bool) {
        let labels = ByPortal {
            portal: portal.to_owned(),
        };
        self.pending.get_or_create(&labels).set(pending);
        self.oldest.get_or_create(&labels).set(oldest_seconds);
        self.paused.get_or_create(&labels).set(i64::from(paused));
    }

    /// Open dead letters as just counted, all of them: (portal, shop, code, how many).
    pub fn dead<'a>(&self, counts: impl Iterator<Item = (&'a str, &'a str, &'a str, i64)>) {
        self.dead.clear();
        for (portal, shop, code, count) in counts {
            let labels = ByLetter {
                portal: portal.to_owned(),
                shop: shop.to_owned(),
                code: code.to_owned(),
            };
            self.dead.get_or_create(&labels).set(count);
        }
    }

    /// A notification came: `stored`, `ignored`, `forbidden` or `malformed`.
    pub fn notification(&self, result: &str) {
        count(&self.notifications, result);
    }

    /// A decision was put on record: `shop`, `portal`, or `none` where nobody had to be right.
    pub fn decision(&self, winner: &str) {
        count(&self.decisions, winner);
    }

    /// A status change was sent to a shop: `delivered`, `conflict`, `refused`, `dead` or `down`.
    pub fn callback(&self, result: &str) {
        count(&self.callbacks, result);
    }

    /// Events from SQL that wait, as just counted.
    pub fn published(&self, waiting: i64) {
        self.published.set(waiting);
    }
}

fn count(family: &Family<ByResult, Counter>, result: &str) {
    family
        .get_or_create(&ByResult {
            result: result.to_owned(),
        })
        .inc();
}
