//! The table of meters: name, type, unit, help and labels of everything on `/metrics`, in one
//! place.
//!
//! Everything registers from this table, and dashboards, alert rules and their tests are held
//! against it. To add a meter: a row here, and a method of [`super::Metrics`] that says in plain
//! words when it moves.
//!
//! Invariant: a family never grows beyond [`MOST_SERIES`] series; what comes then is counted under
//! the label value `other`.

use parking_lot::Mutex;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit as OpenMetricsUnit},
};
use std::sync::{Arc, atomic::AtomicU64};

/// The most series of one family.
pub const MOST_SERIES: usize = 500;
/// Buckets for durations, in seconds: the vendor cuts a call off at 60.
const SECONDS: [f64; 11] = [
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0,
];
/// Buckets for commands in one call, of which a call takes 50.
const COMMANDS: [f64; 7] = [1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0];

/// What a meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; read as `NAME_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Read as `NAME_bucket`, `NAME_sum`, `NAME_count`.
    Histogram,
}

/// What a meter counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Pieces of whatever the name says.
    Count,
    /// Seconds; the name ends so.
    Seconds,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// Its whole name, without what the type adds.
    pub name: &'static str,
    /// Whether it is a counter, a gauge or a histogram.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// The names of its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What it tells, in one sentence.
    pub help: &'static str,
}

impl MetricSpec {
    /// The names under which Prometheus reads it.
    pub fn series(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_sum", "_count"],
        };
        let name = |suffix| format!("{}{suffix}", self.name);
        suffixes.iter().map(name).collect()
    }
}

type Labels = Vec<(&'static str, String)>;
/// A gauge that holds fractions.
pub(super) type FloatGauge = Gauge<f64, AtomicU64>;

/// The series of one meter.
#[derive(Clone)]
pub(super) struct BoundedFamily<M> {
    meter: &'static MetricSpec,
    family: Family<Labels, M, fn() -> M>,
    /// How many series there are, besides `other`.
    count: Arc<Mutex<usize>>,
}

impl<M: Clone> BoundedFamily<M> {
    fn new(meter: &'static MetricSpec, make: fn() -> M) -> Self {
        Self {
            meter,
            family: Family::new_with_constructor(make),
            count: Arc::default(),
        }
    }

    /// The series with these label values, in the order of the table.
    pub(super) fn at(&self, values: &[&str]) -> M {
        debug_assert_eq!(values.len(), self.meter.labels.len(), "{}", self.meter.name);
        let pairs = |value: &dyn Fn(usize) -> String| -> Labels {
            let names = self.meter.labels.iter().enumerate();
            names.map(|(nth, name)| (*name, value(nth))).collect()
        };
        let mut labels = pairs(&|nth| values.get(nth).map(ToString::to_string).unwrap_or_default());
        if let Some(known) = self.family.get(&labels) {
            return known.clone();
        }
        let mut count = self.count.lock();
        // Nobody else made it meanwhile.
        if self.family.get(&labels).is_none() {
            if *count >= MOST_SERIES {
                labels = pairs(&|_| "other".to_owned());
            } else {
                *count += 1;
            }
        }
        self.family.get_or_create_owned(&labels)
    }

    /// Forgets every series: for gauges that are about to be set anew.
    pub(super) fn clear(&self) {
        let mut count = self.count.lock();
        *count = 0;
        self.family.clear();
    }
}

macro_rules! made {
    (Counter, $unit:ident) => {
        Counter::default
    };
    (Gauge, $unit:ident) => {
        FloatGauge::default
    };
    (Histogram, Seconds) => {
        || Histogram::new(SECONDS)
    };
    (Histogram, Count) => {
        || Histogram::new(COMMANDS)
    };
}
macro_rules! kind {
    (Counter) => {
        Counter
    };
    (Gauge) => {
        FloatGauge
    };
    (Histogram) => {
        Histogram
    };
}

macro_rules! meters {
    ($($field:ident $name:literal $kind:ident $unit:ident [$($label:literal),*] $help:literal)*) =>
        {
        /// Every meter there is.
        pub const TABLE: &[MetricSpec] = &[$(MetricSpec {
            name: $name, kind: Kind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        }),*];

        /// A handle for every row of the table.
        #[derive(Clone)]
        pub(super) struct Meters { $(pub(super) $field: BoundedFamily<kind!($kind)>,)* }

        impl Meters {
            /// Makes and registers every row.
            pub(super) fn registered(registry: &mut Registry) -> Self {
                let mut rows = TABLE.iter();
                $(let $field = BoundedFamily::new(row(&mut rows), made!($kind, $unit));
                register(registry, $field.meter, $field.family.clone());)*
                Self { $($field,)* }
            }
        }
    };
}

fn row(rows: &mut impl Iterator<Item = &'static MetricSpec>) -> &'static MetricSpec {
    const NONE: MetricSpec = MetricSpec {
        name: "bridge_none",
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        help: "",
    };
    rows.next().unwrap_or(&NONE)
}

fn register(
    registry: &mut Registry,
    meter: &MetricSpec,
    metric: impl prometheus_client::registry::Metric,
) {
    let help = meter.help.trim_end_matches('.');
    match meter.unit {
        Unit::Count => registry.register(meter.name, help, metric),
        Unit::Seconds => {
            let name = meter.name.trim_end_matches("_seconds");
            registry.register_with_unit(name, help, OpenMetricsUnit::Seconds, metric);
        }
    }
}

meters! {
    // what comes in
    received "bridge_events_received" Counter Count ["result"]
        "Events received, by result: queued, duplicate, conflict, invalid, failed."
    published "bridge_published_waiting" Gauge Count []
        "Events published by SQL that are not taken up yet."
    notifications "bridge_notifications" Counter Count ["result"]
        "Notifications of portals, by result: stored, ignored, forbidden, malformed."
    requests "bridge_http_requests" Counter Count ["method", "route", "status"]
        "HTTP requests answered, by method, route and status."
    request_seconds "bridge_http_request_seconds" Histogram Seconds ["route"]
        "Duration of HTTP requests."
    connections_refused "bridge_http_connections_refused" Counter Count []
        "Connections that were closed at once: their source had as many open as \
         `http.connections_per_source` allows."
    // what waits, and what became of it
    depth "bridge_lane_depth" Gauge Count ["lane", "state"]
        "What waits in a lane: new (not tried yet), retrying, dead (open dead letters)."
    oldest "bridge_lane_oldest_seconds" Gauge Seconds ["lane", "state"]
        "Age of the oldest that waits in a lane, by state; 0 if nothing does."
    paused "bridge_lane_paused" Gauge Count ["lane", "by"]
        "1 while a lane does not send, by what stopped it: fault, person."
    driven "bridge_lane_driven" Gauge Count ["lane"]
        "1 while a worker holds the lane's lease."
    leases "bridge_lease_changes" Counter Count ["lane", "change"]
        "Changes of a lane's lease seen by this process: taken, released, lost."
    turns_failed "bridge_lane_turns_failed" Gauge Count ["lane"]
        "Turns of a lane that failed in a row, as this process saw them; also of taking up events \
         from SQL (`:sql`), of housekeeping (`:housekeeping`), of stock (`:stock`), of taking up \
         products of 1C (`:goods`) and of looking after an application (`:application:NAME`)."
    restarted "bridge_lane_restarts" Counter Count ["lane"]
        "Tasks of this process that ended by a panic and were started again, by lane."
    tried "bridge_events_tried" Counter Count ["lane", "outcome"]
        "Tries of events, by outcome: done, dead, retried, stalled."
    settled "bridge_events_settled" Counter Count ["lane", "outcome"]
        "Events settled, by outcome: done, superseded, dead."
    died "bridge_events_dead" Counter Count ["lane", "code"]
        "Events that became dead letters, by code."
    letters "bridge_dead_letters_open" Gauge Count ["shop", "code"]
        "Open dead letters, by shop and code."
    // the portal
    calls "bridge_portal_calls" Counter Count ["portal", "method", "result"]
        "Calls to a portal, by method and result: ok, or the code of what went wrong."
    call_seconds "bridge_portal_call_seconds" Histogram Seconds ["portal"]
        "Duration of a call to a portal, the limiter's wait not included."
    commands "bridge_portal_call_commands" Histogram Count ["portal"]
        "Commands in one batch call, of which a portal takes 50."
    asked "bridge_portal_commands" Counter Count ["portal", "method", "result"]
        "Commands in batches, by method and result: ok, refused."
    limiter "bridge_portal_limiter_wait_seconds" Histogram Seconds ["portal"]
        "How long a call waited for the request limit."
    pace "bridge_portal_pace" Gauge Count ["portal"]
        "Requests a second that the bridge allows itself: half as many for a while after the \
         portal complained."
    operating "bridge_portal_operating_seconds" Gauge Seconds ["portal", "method"]
        "Execution time a method has used of its ten minutes' budget (480 s), as the portal last \
         said."
    // the way back
    decisions "bridge_decisions" Counter Count ["winner"]
        "Decisions about differences, by winner: shop, portal, none."
    conflicts "bridge_conflicts_open" Gauge Count ["shop"]
        "Conflicts that wait for a person."
    untold "bridge_status_changes_untold" Gauge Count ["shop", "state"]
        "Status changes that shops were not told, by state: waiting, dead (given up or let go: \
         each is a difference)."
    callbacks "bridge_callbacks" Counter Count ["result"]
        "Status changes sent to shops, by result: delivered, conflict, refused, dead, failed, \
         down, withdrawn."
    // 1C
    onec_requests "bridge_onec_requests" Counter Count ["base", "mode", "result"]
        "Requests of 1C, by base (`-`: of a name that is not in the settings), mode and result: \
         success, progress, failure, login (refused), orders, catalogue, news, quiet."
    onec_orders "bridge_onec_orders" Counter Count ["base", "what"]
        "Orders in answers to 1C, by what became of them: offered, confirmed, cut (the answer \
         broke off)."
    onec_documents "bridge_onec_documents" Counter Count ["base", "code"]
        "Documents that came from 1C, by the code with which each was refused."
    onec_waiting "bridge_onec_orders_waiting" Gauge Count ["base"]
        "Orders that wait for a 1C base to fetch them."
    onec_oldest "bridge_onec_oldest_seconds" Gauge Seconds ["base"]
        "Age of the oldest order that waits for a 1C base; 0 if none does."
    // forms
    forms "bridge_forms_received" Counter Count ["shop", "form", "result"]
        "Forms that were posted, by result: queued, repeated, kept (of a robot, or without \
         consent), dead, ping."
    forms_without_phones "bridge_forms_without_phones" Gauge Count ["shop"]
        "Forms of a shop that brought telephones and bring none any more."
    // products
    products_held_back "bridge_products_held_back" Gauge Count ["portal"]
        "1 while a portal does not let the bridge write its catalogue, so that products wait."
    // stock
    reservations "bridge_reservations" Counter Count ["result"]
        "Reservations asked for, by result: held, short, refused."
    expired "bridge_reservations_expired" Counter Count []
        "Reservations that ran out."
    shortages "bridge_shortages" Counter Count ["result"]
        "Levels of which more was reserved than there was, by what was done: move, \
         drop_newest_unpaid, review, ruled by a person."
    shortages_open "bridge_shortages_open" Gauge Count ["stock"]
        "Shortages of a stock that wait for a person."
    receipts "bridge_receipts" Counter Count ["result"]
        "Receipts of tills, by result: queued, older, duplicate, conflict, changed, replayed."
    till_unread "bridge_till_unread_seconds" Gauge Seconds ["till"]
        "Since when the API of a till's vendor was not read to its end."
    // the process
    pool "bridge_pool_connections" Gauge Count ["state"]
        "Connections to the database, by state: idle, used, free (may still be opened)."
    database "bridge_database_up" Gauge Count []
        "1 if the database answered when these figures were read."
    build "bridge_build_info" Gauge Count ["version"]
        "Always 1; the label tells the version."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_says_whose_it_is_and_what_it_counts_in() {
        let mut names = std::collections::HashSet::new();
        for meter in TABLE {
            assert!(meter.name.starts_with("bridge_"), "{}", meter.name);
            assert!(names.insert(meter.name), "{} is there twice", meter.name);
            assert_eq!(
                meter.unit == Unit::Seconds,
                meter.name.ends_with("_seconds"),
                "{}",
                meter.name
            );
            assert!(
                !meter.name.ends_with("_total"),
                "the type adds it: {}",
                meter.name
            );
            assert!(meter.help.ends_with('.'), "{}", meter.name);
        }
    }

    #[test]
    fn a_family_has_a_bound_and_what_comes_beyond_it_is_counted_together() {
        let series: BoundedFamily<Counter> = BoundedFamily::new(&TABLE[0], Counter::default);
        for nth in 0..MOST_SERIES + 7 {
            series.at(&[&nth.to_string()]).inc();
        }
        assert_eq!(series.at(&["other"]).get(), 7);
        assert_eq!(series.at(&["3"]).get(), 1);
    }
}
