//! Log lines on stderr, for people or as JSON.
//!
//! Two lines come for certain: `request`, one for each HTTP request to the API or the console, and
//! `attempt`, one for each call to a portal; [`FIELDS`] says what they carry. Everything else is
//! told where it happens, at `warn` if somebody may have to act and at `error` if somebody must.

use super::printable::{Fields, Lines};
use std::io::IsTerminal as _;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// What the fields of the certain lines mean: (line, field, meaning).
pub const FIELDS: &[(&str, &str, &str)] = &[
    (
        "request",
        "request_id",
        "the caller's `X-Request-Id` if it can stand in a log, else a new one; the answer carries \
         it, too",
    ),
    ("request", "method", "the HTTP method"),
    (
        "request",
        "path",
        "the pattern of the route, never the address itself; `(none)` where there is no such route",
    ),
    ("request", "status", "the status of the answer"),
    (
        "request",
        "duration_ms",
        "from the head of the request to the head of the answer",
    ),
    (
        "request",
        "caller",
        "who called, by the key or the session: `shop:NAME`, `operator:NAME`, or `-`",
    ),
    (
        "attempt",
        "portal",
        "the portal's name in the configuration",
    ),
    ("attempt", "method", "the method; `batch` for a batch"),
    ("attempt", "commands", "commands in the call, at most 50"),
    (
        "attempt",
        "result",
        "`ok`, or the code of what went wrong with the call as a whole",
    ),
    ("attempt", "duration_ms", "how long the portal took"),
    (
        "attempt",
        "waited_ms",
        "how long the call waited for the request limit before",
    ),
];

/// Starts logging, and traces if there is a collector; `filter` in the syntax of `RUST_LOG`. A
/// second start in the same process changes nothing.
pub fn start(json: bool, filter: &str, collector: Option<&str>) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let traces = collector.map(super::traces::start).transpose()?;
    let traces = traces.map(|tracer| tracing_opentelemetry::layer().with_tracer(tracer));
    let registry = tracing_subscriber::registry().with(filter).with(traces);
    let started = if json {
        registry.with(self::json(std::io::stderr)).try_init()
    } else {
        registry
            .with(
                fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false)
                    .fmt_fields(Fields)
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
    if started.is_ok() {
        tell_panics();
    }
    Ok(())
}

/// A panic's words may hold what a stranger wrote: they are told as every other line is, with the
/// way there if `RUST_BACKTRACE` asks for it.
fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("without words");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(code = "BRIDGE-BUG", place, "a panic: {words}");
        let way = std::backtrace::Backtrace::capture();
        if way.status() == std::backtrace::BacktraceStatus::Captured {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{way}");
        }
    }));
}

/// One JSON object a line.
pub fn json<S, W>(writer: W) -> impl tracing_subscriber::Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(Lines(writer))
}
