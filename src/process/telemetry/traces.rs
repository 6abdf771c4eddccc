//! Traces: one from the shop's request through the outbox to the portal's answer.
//!
//! Without a collector nothing is exported, but what a shop sends as `traceparent` is kept with its
//! events all the same. Spans carry names of the configuration, methods, counts and codes; never a
//! key, an order's contents or a customer.

use opentelemetry::{
    Context,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, Tracer},
};
use std::{
    collections::HashMap,
    sync::{Once, OnceLock},
    time::Duration,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const HEADER: &str = "traceparent";
const PATIENCE: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

tokio::task_local! {
    static GIVEN: Option<String>;
}

/// What exports to a collector at this base address.
pub fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        // Fails only if somebody else was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    // The blocking client has a runtime of its own and must not be made inside another.
    let client = std::thread::spawn(|| {
        reqwest::blocking::Client::builder()
            .timeout(PATIENCE)
            .build()
    });
    let client = client
        .join()
        .map_err(|_| "the collector's client cannot be made".to_owned())?
        .map_err(|error| error.to_string())?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder().with_service_name("b24-bridge").build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

/// Exports all traces of this process to this collector. Only once in a process.
pub(super) fn start(endpoint: &str) -> Result<Tracer, String> {
    let provider = provider(endpoint)?;
    let tracer = provider.tracer("b24-bridge");
    let _ = PROVIDER.set(provider);
    Ok(tracer)
}

/// Sends what is not sent yet; for the end of the process.
pub fn end() {
    if let Some(provider) = PROVIDER.get() {
        // A collector that is away must not keep the process from ending.
        let _ = provider.shutdown_with_timeout(PATIENCE);
    }
}

/// Does the work as part of a trace that somebody else began.
pub async fn within<F: Future>(traceparent: Option<String>, work: F) -> F::Output {
    GIVEN.scope(traceparent, work).await
}

/// The W3C trace context to pass on: of the current span, else what came with the request.
pub fn current() -> Option<String> {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return GIVEN.try_with(Clone::clone).ok().flatten();
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(HEADER)
}

/// The text, if it is a W3C trace context.
pub fn parse(text: &str) -> Option<String> {
    context(text).map(|_| text.to_owned())
}

/// Makes the span part of the trace that this context names.
pub fn follow(span: &Span, traceparent: &str) {
    if let Some(context) = context(traceparent) {
        // Fails only without a collector, or after the span began.
        let _ = span.set_parent(context);
    }
}

/// Says in either span that the other has to do with it.
pub fn link(one: &Span, other: &Span) {
    let of = |span: &Span| span.context().span().span_context().clone();
    one.add_link(of(other));
    other.add_link(of(one));
}

fn context(text: &str) -> Option<Context> {
    if text.len() != 55 {
        return None;
    }
    let carrier = HashMap::from([(HEADER.to_owned(), text.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    let valid = context.span().span_context().is_valid();
    valid.then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_w3c_trace_context_is_taken() {
        assert_eq!(parse(GOOD).as_deref(), Some(GOOD));
        for wrong in [
            "",
            "00",
            &GOOD.replace('4', "g"),
            &format!("{GOOD}-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn without_a_collector_the_request_s_own_context_is_passed_on() {
        assert_eq!(current(), None);
        let inside = within(Some(GOOD.to_owned()), async { current() });
        assert_eq!(inside.await.as_deref(), Some(GOOD));
    }
}
